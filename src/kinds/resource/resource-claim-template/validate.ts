// What a ResourceClaimTemplate may hold; its spec never changes.

import type { ResourceClaimTemplate } from "#kinds/api/resource-v1.gen.ts";
import { checkDeviceClaim } from "#kinds/resource/devices.ts";
import { type Errors, IMMUTABLE } from "#kinds/shared/checks.ts";
import type { CheckExpression } from "#kinds/shared/expressions.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { validateAnnotations, validateLabels } from "#meta/metadata-validation.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Template = DeepReadonly<ResourceClaimTemplate>;

export function validateTemplate({ spec }: Template, previous: Template | undefined, check: CheckExpression): FieldError[] {
  const errors: Errors = [
    ...validateAnnotations(spec?.metadata?.annotations, "spec.metadata.annotations"),
    ...validateLabels(spec?.metadata?.labels, "spec.metadata.labels"),
  ];
  if (previous && !semanticEqual(spec, previous.spec)) errors.push(field.invalid("spec", spec ?? {}, IMMUTABLE));
  checkDeviceClaim(errors, "spec.spec.devices", spec?.spec?.devices ?? {}, check);
  return errors;
}
