import type { ValidatingAdmissionPolicy } from "#kinds/api/admissionregistration-v1.gen.ts";
import { ageColumn, integer, nameColumn, text } from "#kinds/shared/columns.ts";
import { defaultRule } from "../webhook-defaults.ts";
import type { KindHooks } from "#meta/kind.ts";

export const validatingPolicyHooks: KindHooks<ValidatingAdmissionPolicy> = {
  statusKeepsMetadata: "all",
  default: ({ spec }) => {
    if (!spec) return;
    spec.failurePolicy ??= "Fail";
    const match = spec.matchConstraints;
    if (!match) return;
    match.matchPolicy ??= "Equivalent";
    match.namespaceSelector ??= {};
    match.objectSelector ??= {};
    for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) defaultRule(rule);
  },
  unconditionalUpdate: false,
  columns: [
    nameColumn,
    integer("Validations", (object) => object.spec?.validations?.length ?? 0),
    text("ParamKind", ({ spec }) => (spec?.paramKind ? `${spec.paramKind.apiVersion}/${spec.paramKind.kind}` : "<unset>")),
    ageColumn,
  ],
};
