import type { AnyPod } from "../framework.ts";

/** A pod with gates is not considered until they are gone. Not a node's matter, so not a Plugin: the queue asks. */
export function isGated(pod: AnyPod): boolean {
  return (pod.spec?.schedulingGates ?? []).length > 0;
}
