import type { Lease } from "#kinds/api/coordination-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { KindHooks } from "#meta/kind.ts";
import { qualifiedName } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

const STRATEGIES = ["OldestEmulationVersion"];

function validate({ spec }: DeepReadonly<Lease>): FieldError[] {
  const errors: FieldError[] = [];
  const seconds = spec?.leaseDurationSeconds;
  if (seconds !== undefined && seconds <= 0) errors.push(field.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"));
  const transitions = spec?.leaseTransitions;
  if (transitions !== undefined && transitions < 0) {
    errors.push(field.invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"));
  }
  const strategy = spec?.strategy;
  if (strategy !== undefined && !STRATEGIES.includes(strategy)) {
    if (!strategy.includes("/")) errors.push(field.notSupported("spec.strategy", strategy, STRATEGIES));
    else for (const wrong of qualifiedName(strategy)) errors.push(field.invalid("spec.strategy", strategy, wrong));
  }
  if (spec?.preferredHolder && !strategy) {
    errors.push(field.forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined"));
  }
  return errors;
}

export const leaseHooks: KindHooks<Lease> = {
  validate,
  createOnUpdate: true,
  unconditionalUpdate: false,
  generation: false,
  columns: [nameColumn, text("Holder", (lease) => lease.spec?.holderIdentity ?? ""), ageColumn],
};
