// What may be asked in an access review, with upstream's paths and words.

import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  ResourceAttributes,
  SubjectAccessReviewSpec,
} from "#kinds/api/authorization-v1.gen.ts";
import { checkQualifiedName, type Errors } from "#kinds/shared/checks.ts";
import { field } from "#meta/errors.ts";
import { labelValue } from "#meta/names.ts";
import type { ObjectMeta } from "#meta/object.ts";

type Attributes = Pick<SubjectAccessReviewSpec, "resourceAttributes" | "nonResourceAttributes">;

/** Exactly one of the two sorts of attributes. `hasSubject`: the review names who is asked about. */
export function checkReviewSpec(errors: Errors, spec: (Attributes & SubjectAccessReviewSpec) | undefined, hasSubject: boolean): void {
  const { resourceAttributes, nonResourceAttributes } = spec ?? {};
  if (resourceAttributes && nonResourceAttributes) {
    const detail = "cannot be specified in combination with resourceAttributes";
    errors.push(field.invalid("spec.nonResourceAttributes", nonResourceAttributes, detail));
  }
  if (!resourceAttributes && !nonResourceAttributes) {
    const detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
    errors.push(field.invalid("spec.resourceAttributes", null, detail));
  }
  if (hasSubject && !spec?.user && !spec?.groups?.length) {
    errors.push(field.invalid("spec.user", spec?.user ?? "", "at least one of user or group must be specified"));
  }
  checkSelectors(errors, resourceAttributes);
}

/** Reviews are no objects: they have no name and nothing else that objects have. */
export function checkNoMetadata(errors: Errors, metadata: ObjectMeta | undefined, keepsNamespace: boolean): void {
  const { managedFields: _managers, namespace, ...rest } = metadata ?? {};
  const isSet = (value: unknown) => value !== undefined && value !== null && value !== "" && Object.keys(Object(value)).length !== 0;
  // Numbers have no keys, but those of metadata are none that clients send.
  if (!Object.values(rest).some(isSet) && (keepsNamespace || !namespace)) return;
  errors.push(field.invalid("metadata", metadata, keepsNamespace ? "must be empty except for namespace" : "must be empty"));
}

/** Reviews in a namespace ask about that namespace alone. */
export function checkLocalReview(errors: Errors, spec: SubjectAccessReviewSpec | undefined, namespace: string): void {
  const asked = spec?.resourceAttributes?.namespace ?? "";
  if (spec?.resourceAttributes && asked !== namespace) {
    errors.push(field.invalid("spec.resourceAttributes.namespace", asked, "must match metadata.namespace"));
  }
  if (spec?.nonResourceAttributes) {
    errors.push(field.invalid("spec.nonResourceAttributes", spec.nonResourceAttributes, "disallowed on this kind of request"));
  }
}

type Selector = FieldSelectorAttributes | LabelSelectorAttributes;

/** Operators of newer clients are let through. */
function checkSelectors(errors: Errors, attributes: ResourceAttributes | undefined): void {
  for (const name of ["fieldSelector", "labelSelector"] as const) {
    const selector: Selector | undefined = attributes?.[name];
    if (!selector) continue;
    const path = `spec.resourceAttributes.${name}`;
    const { rawSelector = "", requirements = [] } = selector;
    if (rawSelector !== "" && requirements.length > 0) {
      errors.push(field.invalid(`${path}.rawSelector`, rawSelector, "may not specified at the same time as requirements"));
    }
    if (rawSelector === "" && requirements.length === 0) {
      const detail = `when ${path} is specified, requirements or rawSelector is required`;
      errors.push(field.required(`${path}.requirements`, detail));
    }
    for (const [index, requirement] of requirements.entries()) {
      checkRequirement(errors, `${path}.requirements[${index}]`, requirement, name === "labelSelector");
    }
  }
}

interface Requirement {
  readonly key?: string;
  readonly operator?: string;
  readonly values?: readonly string[];
}

function checkRequirement(errors: Errors, path: string, { key = "", operator, values = [] }: Requirement, isLabel: boolean): void {
  if (!isLabel && key === "") errors.push(field.required(`${path}.key`, "must be specified"));
  if ((operator === "In" || operator === "NotIn") && values.length === 0) {
    errors.push(field.required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  }
  if ((operator === "Exists" || operator === "DoesNotExist") && values.length > 0) {
    errors.push(field.forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  }
  if (!isLabel) return;
  checkQualifiedName(errors, `${path}.key`, key);
  for (const [index, value] of values.entries()) {
    for (const wrong of labelValue(value)) errors.push(field.invalid(`${path}.values[${index}]`, value, wrong));
  }
}
