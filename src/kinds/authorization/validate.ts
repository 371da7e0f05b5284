// What may be asked in an access review.

import type { SubjectAccessReviewSpec } from "#kinds/api/authorization-v1.gen.ts";
import { field, type FieldError } from "#meta/errors.ts";

type Attributes = Pick<SubjectAccessReviewSpec, "resourceAttributes" | "nonResourceAttributes">;

/** Exactly one of the two sorts of attributes. */
export function validateReviewSpec(spec: Attributes | undefined): FieldError[] {
  const { resourceAttributes, nonResourceAttributes } = spec ?? {};
  if (resourceAttributes && nonResourceAttributes) {
    return [
      field.invalid("spec.nonResourceAttributes", nonResourceAttributes, "cannot be specified in combination with resourceAttributes"),
    ];
  }
  if (!resourceAttributes && !nonResourceAttributes) {
    return [field.invalid("spec.resourceAttributes", null, "exactly one of nonResourceAttributes or resourceAttributes must be specified")];
  }
  return [];
}

export function validateReviewSubject(spec: SubjectAccessReviewSpec | undefined): FieldError[] {
  if (spec?.user || spec?.groups?.length) return [];
  return [field.invalid("spec.user", spec?.user ?? "", "at least one of user or group must be specified")];
}

/** Reviews in a namespace ask about that namespace alone. */
export function validateLocalReview(spec: SubjectAccessReviewSpec | undefined, namespace: string): FieldError[] {
  const errors: FieldError[] = [];
  const asked = spec?.resourceAttributes?.namespace ?? "";
  if (spec?.resourceAttributes && asked !== namespace) {
    errors.push(field.invalid("spec.resourceAttributes.namespace", asked, "must match metadata.namespace"));
  }
  if (spec?.nonResourceAttributes) {
    errors.push(field.invalid("spec.nonResourceAttributes", spec.nonResourceAttributes, "disallowed on this kind of request"));
  }
  return errors;
}
