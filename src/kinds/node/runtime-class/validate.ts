// What a RuntimeClass may hold and how it may change, with upstream's paths and words.

import type { RuntimeClass } from "#kinds/api/node-v1.gen.ts";
import { validateContainerResources } from "#kinds/core/pod/pod-spec/validate-resources.ts";
import { validateTolerations } from "#kinds/core/pod/pod-spec/validate-scheduling.ts";
import { checkDnsLabel, checkImmutable, checkRequired, type Errors } from "#kinds/shared/checks.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { validateLabels } from "#meta/metadata-validation.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Class = DeepReadonly<RuntimeClass>;

export function validateRuntimeClass(next: Class, previous: Class | undefined): FieldError[] {
  const errors: Errors = [];
  if (checkRequired(errors, "handler", next.handler)) checkDnsLabel(errors, "handler", next.handler);
  if (next.overhead) validateContainerResources(errors, "overhead", { limits: next.overhead.podFixed ?? {} }, new Set());
  if (next.scheduling) {
    errors.push(...validateLabels(next.scheduling.nodeSelector, "scheduling.nodeSelector"));
    checkTolerations(errors, next.scheduling.tolerations ?? []);
  }
  if (previous) checkImmutable(errors, "handler", next.handler ?? "", previous.handler);
  return errors;
}

function checkTolerations(errors: Errors, tolerations: NonNullable<NonNullable<Class["scheduling"]>["tolerations"]>): void {
  const path = "scheduling.tolerations";
  validateTolerations(errors, path, tolerations, { comparisons: false });
  const seen = new Set<string>();
  for (const [index, toleration] of tolerations.entries()) {
    const { key = "", operator = "", value = "", effect = "" } = toleration;
    const identity = JSON.stringify([key, operator, value, effect]);
    if (seen.has(identity)) errors.push(field.duplicate(`${path}[${index}]`, toleration));
    seen.add(identity);
  }
}
