import type { PriorityClass } from "#kinds/api/scheduling-v1.gen.ts";
import { checkImmutable, type Errors } from "#kinds/shared/checks.ts";
import { ageColumn, boolean, integer, nameColumn, text } from "#kinds/shared/columns.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";

/** Above this are only the system's own. */
const HIGHEST_USER_PRIORITY = 1_000_000_000;
const SYSTEM: Readonly<Record<string, number>> = { "system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000 };

const POLICIES = ["PreemptLowerPriority", "Never"];

function validate(next: DeepReadonly<PriorityClass>, previous: DeepReadonly<PriorityClass> | undefined): FieldError[] {
  return previous ? validateUpdate(next, previous) : validateCreate(next);
}

function validateCreate(next: DeepReadonly<PriorityClass>): FieldError[] {
  const errors: Errors = [];
  const name = next.metadata?.name ?? "";
  if (name.startsWith("system-")) {
    const wrong = wrongSystemClass(name, next);
    if (wrong !== undefined) {
      const text = `priority class names with 'system-' prefix are reserved for system use only. error: ${wrong}`;
      errors.push(field.forbidden("metadata.name", text));
    }
  } else if ((next.value ?? 0) > HIGHEST_USER_PRIORITY) {
    errors.push(field.forbidden("value", `maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`));
  }
  const policy = next.preemptionPolicy;
  if (policy === "") errors.push(field.required("preemptionPolicy"));
  else if (policy !== undefined && !POLICIES.includes(policy)) {
    errors.push(field.notSupported("preemptionPolicy", policy, POLICIES, "given"));
  }
  return errors;
}

function wrongSystemClass(name: string, { value, globalDefault }: DeepReadonly<PriorityClass>): string | undefined {
  const wanted = SYSTEM[name];
  if (wanted === undefined) return `${name} is not a known system priority class`;
  if (value !== wanted) return `value of ${name} PriorityClass must be ${wanted}`;
  return globalDefault === true ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

function validateUpdate(next: DeepReadonly<PriorityClass>, previous: DeepReadonly<PriorityClass>): FieldError[] {
  const errors: Errors = [];
  if (next.value !== previous.value) errors.push(field.forbidden("value", "may not be changed in an update."));
  checkImmutable(errors, "preemptionPolicy", next.preemptionPolicy, previous.preemptionPolicy);
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
