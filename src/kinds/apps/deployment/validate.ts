import type { Deployment, DeploymentSpec, DeploymentStrategy } from "#kinds/api/apps-v1.gen.ts";
import { checkImmutable, checkNonNegative, type Errors } from "#kinds/shared/checks.ts";
import { checkIntOrPercent, checkNotAboveHundredPercent, isZero } from "#kinds/shared/int-or-percent.ts";
import { checkCollisionCount, validateReplicaStatus, validateSelectorAndTemplate } from "#kinds/shared/workload.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

const ROLLBACK_TO = "deprecated.deployment.rollback.to";
const COUNTS = ["updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas"];

export function validateDeployment(
  next: DeepReadonly<Deployment>,
  previous: DeepReadonly<Deployment> | undefined,
  { subresource }: { readonly subresource: string },
): FieldError[] {
  const errors: Errors = [];
  const spec = next.spec ?? ({} as DeepReadonly<DeploymentSpec>); // one without a spec misses all that is in it
  if (subresource === "status") {
    validateReplicaStatus(errors, { ...next.status }, COUNTS, ["updatedReplicas", "readyReplicas", "availableReplicas"]);
    checkNonNegative(errors, "status.terminatingReplicas", next.status?.terminatingReplicas);
    checkNonNegative(errors, "status.collisionCount", next.status?.collisionCount);
    checkCollisionCount(errors, next.status?.collisionCount, previous?.status?.collisionCount);
    return errors;
  }
  checkNonNegative(errors, "spec.replicas", spec.replicas);
  validateSelectorAndTemplate(errors, spec, "empty selector is invalid for deployment", "ReplicaSet", { before: previous?.spec?.template });
  validateStrategy(errors, spec.strategy ?? {});
  const { minReadySeconds = 0, progressDeadlineSeconds: deadline } = spec;
  checkNonNegative(errors, "spec.minReadySeconds", minReadySeconds);
  checkNonNegative(errors, "spec.revisionHistoryLimit", spec.revisionHistoryLimit);
  if (deadline !== undefined) {
    checkNonNegative(errors, "spec.progressDeadlineSeconds", deadline);
    if (deadline <= minReadySeconds)
      errors.push(field.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"));
  }
  // An annotation in this version, a field in those before it and inside upstream's server.
  const rollback = next.metadata?.annotations?.[ROLLBACK_TO] ?? "";
  if (/^-\d+$/.test(rollback)) checkNonNegative(errors, "spec.rollback.version", Number(rollback));
  if (previous) checkImmutable(errors, "spec.selector", spec.selector, previous.spec?.selector);
  return errors;
}

function validateStrategy(errors: Errors, strategy: DeepReadonly<DeploymentStrategy>): void {
  const path = "spec.strategy.rollingUpdate";
  const { type, rollingUpdate } = strategy;
  if (type === "Recreate") {
    if (rollingUpdate) errors.push(field.forbidden(path, "may not be specified when strategy `type` is 'Recreate'"));
    return;
  }
  if (type !== "RollingUpdate") {
    errors.push(field.notSupported("spec.strategy", strategy, ["Recreate", "RollingUpdate"], "given"));
    return;
  }
  const { maxUnavailable, maxSurge } = rollingUpdate ?? {};
  checkIntOrPercent(errors, `${path}.maxUnavailable`, maxUnavailable ?? 0);
  checkIntOrPercent(errors, `${path}.maxSurge`, maxSurge ?? 0);
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.push(field.invalid(`${path}.maxUnavailable`, maxUnavailable, "may not be 0 when `maxSurge` is 0"));
  }
  checkNotAboveHundredPercent(errors, `${path}.maxUnavailable`, maxUnavailable);
}
