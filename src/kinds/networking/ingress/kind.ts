import type { Ingress } from "#kinds/api/networking-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { ingressWarnings, validateIngress } from "./validate.ts";

const MAX_HOSTS = 3;

function hostsCell({ spec }: DeepReadonly<Ingress>): string {
  const rules = spec?.rules ?? [];
  const hosts: string[] = [];
  for (const { host } of rules) if (host && hosts.length < MAX_HOSTS) hosts.push(host);
  if (hosts.length === 0) return "*";
  // Rules beyond the third host count, with a host or without.
  const last = rules.findIndex((rule) => rule.host === hosts[MAX_HOSTS - 1]);
  const more = hosts.length === MAX_HOSTS && last < rules.length - 1;
  return more ? `${hosts.join(",")} + ${rules.length - MAX_HOSTS} more...` : hosts.join(",");
}

function addressCell({ status }: DeepReadonly<Ingress>): string {
  const all = (status?.loadBalancer?.ingress ?? []).map((each) => each.ip || each.hostname || "").filter((each) => each !== "");
  return [...new Set(all)].toSorted().join(",");
}

export const ingressHooks: KindHooks<Ingress> = {
  prepare: (next, previous) => {
    if (previous === undefined) next.status = { loadBalancer: {} };
  },
  validate: (next, previous, { subresource }) => validateIngress(next, previous, subresource),
  warnings: ingressWarnings,
  columns: [
    nameColumn,
    text("Class", (object) => object.spec?.ingressClassName ?? "<none>"),
    text("Hosts", hostsCell),
    text("Address", addressCell),
    text("Ports", (object) => (object.spec?.tls?.length ? "80, 443" : "80")),
    ageColumn,
  ],
};
