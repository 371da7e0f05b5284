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
  // Upstream's path says it twice.
  if (strategy !== undefined) checkStrategy(errors, "spec.strategy.strategy", strategy);
  if (spec?.preferredHolder && !strategy) {
    errors.push(field.forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined"));
  }
  return errors;
}

/** One of Kubernetes' own, or any name with a domain. */
function checkStrategy(errors: FieldError[], path: string, strategy: string): void {
  if (strategy.includes("/")) errors.push(...qualifiedName(strategy).map((wrong) => field.invalid(path, strategy, wrong)));
  else if (!STRATEGIES.includes(strategy)) errors.push(field.notSupported(path, strategy, STRATEGIES));
}

export const leaseHooks: KindHooks<Lease> = {
  // Fields of coordinated election, which is off by default, can neither be set nor, being absent, come in later.
  prepare: ({ spec }, previous) => {
    if (!spec) return;
    if (previous?.spec?.strategy === undefined) delete spec.strategy;
    if (previous?.spec?.preferredHolder === undefined) delete spec.preferredHolder;
  },
  validate,
  createOnUpdate: true,
  unconditionalUpdate: false,
  generation: false,
  columns: [nameColumn, text("Holder", (lease) => lease.spec?.holderIdentity ?? ""), ageColumn],
};
