import type { NetworkPolicy } from "#kinds/api/networking-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import { formatLabelSelector } from "#meta/selectors.ts";
import { networkPolicyWarnings, validateNetworkPolicy } from "./validate.ts";

export const networkPolicyHooks: KindHooks<NetworkPolicy> = {
  default: (policy) => {
    const spec = (policy.spec ??= { podSelector: {} });
    spec.podSelector ??= {};
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) for (const port of rule.ports ?? []) port.protocol ??= "TCP";
    if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ["Ingress", "Egress"] : ["Ingress"];
  },
  validate: validateNetworkPolicy,
  warnings: networkPolicyWarnings,
  columns: [nameColumn, text("Pod-Selector", (object) => formatLabelSelector(object.spec?.podSelector ?? {})), ageColumn],
};
