import type { MutatingAdmissionPolicyBinding } from "#kinds/api/admissionregistration-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import { defaultRule } from "../webhook-defaults.ts";
import type { KindHooks } from "#meta/kind.ts";

export const mutatingPolicyBindingHooks: KindHooks<MutatingAdmissionPolicyBinding> = {
  default: ({ spec }) => {
    const match = spec?.matchResources;
    if (!match) return;
    match.matchPolicy ??= "Equivalent";
    match.namespaceSelector ??= {};
    match.objectSelector ??= {};
    for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) defaultRule(rule);
  },
  unconditionalUpdate: false,
  columns: [
    nameColumn,
    text("PolicyName", (object) => object.spec?.policyName ?? ""),
    text("ParamRef", ({ spec }) => (spec?.paramRef?.name ? `${spec.paramRef.namespace || "*"}/${spec.paramRef.name}` : "<unset>")),
    ageColumn,
  ],
};
