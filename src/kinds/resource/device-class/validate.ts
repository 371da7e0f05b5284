// What a DeviceClass may hold, with upstream's paths and words.

import type { DeviceClass } from "#kinds/api/resource-v1.gen.ts";
import { checkItems } from "#kinds/resource/checks.ts";
import { checkConfiguration, checkSelectors } from "#kinds/resource/devices.ts";
import type { Errors } from "#kinds/shared/checks.ts";
import type { CheckExpression } from "#kinds/shared/expressions.ts";
import { isExtendedResource } from "#kinds/shared/resource-names.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

const MAX_CONFIGS = 32;

export function validateClass(
  { spec }: DeepReadonly<DeviceClass>,
  previous: DeepReadonly<DeviceClass> | undefined,
  check: CheckExpression,
): FieldError[] {
  const errors: Errors = [];
  // Unchanged lists were let in by rules of their time.
  const sameSelectors = previous !== undefined && semanticEqual(spec?.selectors, previous.spec?.selectors);
  checkSelectors(errors, "spec.selectors", spec?.selectors, check, sameSelectors);
  const sameConfig = previous !== undefined && semanticEqual(spec?.config, previous.spec?.config);
  checkItems(errors, "spec.config", spec?.config, MAX_CONFIGS, (config, at) => checkConfiguration(errors, at, config.opaque, sameConfig));
  const name = spec?.extendedResourceName;
  if (name !== undefined && !isExtendedResource(name)) {
    errors.push(field.invalid("spec.extendedResourceName", name, "must be a valid extended resource name"));
  }
  return errors;
}
