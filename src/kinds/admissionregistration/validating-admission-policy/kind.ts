import type { ValidatingAdmissionPolicy } from "#kinds/api/admissionregistration-v1.gen.ts";
import { ageColumn, integer, nameColumn, text } from "#kinds/shared/columns.ts";
import { defaultMatchResources } from "../webhook-defaults.ts";
import type { KindHooks } from "#meta/kind.ts";
import { staticNameWarnings } from "../validate-policies.ts";
import type { CheckExpression } from "#kinds/shared/expressions.ts";
import { validatePolicy, validatePolicyStatus } from "./validate.ts";

export const validatingPolicyHooks = (check: CheckExpression): KindHooks<ValidatingAdmissionPolicy> => ({
  default: (object) => {
    const spec = (object.spec ??= {});
    spec.failurePolicy ??= "Fail";
    defaultMatchResources(spec.matchConstraints);
  },
  validate: (next, previous, { subresource }) =>
    subresource === "status" ? validatePolicyStatus(next) : validatePolicy(next, previous, check),
  statusKeepsMetadata: "all",
  warnings: (next) => staticNameWarnings(next.metadata?.name),
  unconditionalUpdate: false,
  columns: [
    nameColumn,
    integer("Validations", (object) => object.spec?.validations?.length ?? 0),
    text("ParamKind", ({ spec }) => (spec?.paramKind ? `${spec.paramKind.apiVersion ?? ""}/${spec.paramKind.kind ?? ""}` : "<unset>")),
    ageColumn,
  ],
});
