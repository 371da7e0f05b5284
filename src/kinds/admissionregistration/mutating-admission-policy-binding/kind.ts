import type { MutatingAdmissionPolicyBinding } from "#kinds/api/admissionregistration-v1.gen.ts";
import { ageColumn, nameColumn, parameterCell, text } from "#kinds/shared/columns.ts";
import { defaultMatchResources } from "../webhook-defaults.ts";
import type { KindHooks } from "#meta/kind.ts";
import { staticNameWarnings } from "../validate-policies.ts";
import { validateBinding } from "./validate.ts";

export const mutatingPolicyBindingHooks: KindHooks<MutatingAdmissionPolicyBinding> = {
  default: ({ spec }) => {
    defaultMatchResources(spec?.matchResources);
  },
  validate: (next) => validateBinding(next),
  warnings: (next) => staticNameWarnings(next.metadata?.name),
  unconditionalUpdate: false,
  columns: [
    nameColumn,
    text("PolicyName", (object) => object.spec?.policyName ?? ""),
    text("ParamRef", ({ spec }) => parameterCell(spec?.paramRef)),
    ageColumn,
  ],
};
