import type { NetworkPolicy } from "#kinds/api/networking-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import { formatLabelSelector } from "#meta/selectors.ts";

export const networkPolicyHooks: KindHooks<NetworkPolicy> = {
  default: ({ spec }) => {
    if (!spec) return;
    spec.podSelector ??= {};
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) for (const port of rule.ports ?? []) port.protocol ??= "TCP";
    if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ["Ingress", "Egress"] : ["Ingress"];
  },
  columns: [nameColumn, text("Pod-Selector", (object) => formatLabelSelector(object.spec?.podSelector ?? {})), ageColumn],
};
