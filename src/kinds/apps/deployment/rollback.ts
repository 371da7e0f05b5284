// The way back to an earlier revision that extensions/v1beta1 had as a subresource and left behind as an annotation. Pure.
// Rules and wording: pkg/controller/deployment/rollback.go.

import type { Deployment } from "#kinds/api/apps-v1.gen.ts";
import { clone } from "#lib/clone.ts";
import { type AnyDeployment, type AnySet, HASH_LABEL, NOT_COPIED, revisionOf, ROLLBACK_TO, sameTemplate } from "./replica-sets.ts";

export interface Rollback {
  /** The Deployment as it should be written: the request is answered, whether it could be met or not. */
  readonly next: Deployment;
  readonly event: { readonly type: "Normal" | "Warning"; readonly reason: string; readonly message: string };
}

/** The revision asked for; 0: the last but one. Undefined: nothing was asked for. */
export function requestedRevision(deployment: AnyDeployment): bigint | undefined {
  const text = deployment.metadata?.annotations?.[ROLLBACK_TO];
  return text !== undefined && /^[+-]?\d+$/.test(text) ? BigInt(text.replace("+", "")) : undefined;
}

/** `sets` are all of the Deployment's, the new one too. */
export function rollBack(deployment: AnyDeployment, sets: readonly AnySet[]): Rollback {
  const next = clone(deployment) as Deployment; // a copy of our own
  const { [ROLLBACK_TO]: _, ...annotations } = next.metadata?.annotations ?? {};
  next.metadata = { ...next.metadata, annotations };
  const warning = (reason: string, message: string): Rollback => ({ next, event: { type: "Warning", reason, message } });

  const revision = requestedRevision(deployment) || lastButOne(sets);
  if (revision === 0n) return warning("DeploymentRollbackRevisionNotFound", "Unable to find last revision.");
  const set = sets.find((candidate) => revisionOf(candidate) === revision);
  if (!set) return warning("DeploymentRollbackRevisionNotFound", "Unable to find the revision to rollback to.");
  const name = deployment.metadata?.name;
  if (sameTemplate(deployment.spec?.template, set.spec?.template) || !next.spec || !set.spec?.template) {
    const message = `The rollback revision contains the same template as current deployment "${name}"`;
    return warning("DeploymentRollbackTemplateUnchanged", message);
  }
  const template = clone(set.spec.template) as NonNullable<Deployment["spec"]>["template"]; // a copy of our own
  delete template.metadata?.labels?.[HASH_LABEL];
  next.spec.template = template;
  const kept = (from: Readonly<Record<string, string>> | undefined, ours: boolean) =>
    Object.entries(from ?? {}).filter(([key]) => NOT_COPIED.has(key) === ours);
  next.metadata.annotations = Object.fromEntries([...kept(annotations, true), ...kept(set.metadata?.annotations, false)]);
  return {
    next,
    event: { type: "Normal", reason: "DeploymentRollback", message: `Rolled back deployment "${name}" to revision ${revision}` },
  };
}

/** The second highest revision; 0 if there are not two. */
function lastButOne(sets: readonly AnySet[]): bigint {
  const descending = sets.map(revisionOf).toSorted((a, b) => (a < b ? 1 : a > b ? -1 : 0));
  return descending[1] ?? 0n;
}
