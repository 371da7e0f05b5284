import type { PriorityClass } from "#kinds/api/scheduling-v1.gen.ts";
import { checkOneOf, type Errors } from "#kinds/shared/checks.ts";
import { ageColumn, boolean, integer, nameColumn, text } from "#kinds/shared/columns.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";

/** Above this are only the system's own. */
const HIGHEST_USER_PRIORITY = 1_000_000_000;
const SYSTEM: Readonly<Record<string, number>> = { "system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000 };

function validate(next: DeepReadonly<PriorityClass>, previous: DeepReadonly<PriorityClass> | undefined): FieldError[] {
  const errors: Errors = [];
  const name = next.metadata?.name ?? "";
  if (name.startsWith("system-")) {
    if (SYSTEM[name] !== next.value) {
      errors.push(field.forbidden("metadata.name", "priority class names with 'system-' prefix are reserved for system use only"));
    }
  } else if ((next.value ?? 0) > HIGHEST_USER_PRIORITY) {
    errors.push(field.forbidden("value", `maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`));
  }
  if (next.preemptionPolicy) checkOneOf(errors, "preemptionPolicy", next.preemptionPolicy, ["Never", "PreemptLowerPriority"]);
  if (previous) {
    if (next.value !== previous.value) errors.push(field.forbidden("value", "may not be changed in an update."));
    if (next.preemptionPolicy !== previous.preemptionPolicy) {
      errors.push(field.invalid("preemptionPolicy", next.preemptionPolicy, "field is immutable"));
    }
  }
  return errors;
}

export const priorityClassHooks: KindHooks<PriorityClass> = {
  default: (object) => {
    object.preemptionPolicy ??= "PreemptLowerPriority";
    object.value ??= 0;
  },
  validate,
  generation: () => false,
  columns: [
    nameColumn,
    integer("Value", (object) => object.value ?? 0),
    boolean("Global-Default", (object) => object.globalDefault ?? false),
    ageColumn,
    text("PreemptionPolicy", (object) => object.preemptionPolicy ?? ""),
  ],
};
