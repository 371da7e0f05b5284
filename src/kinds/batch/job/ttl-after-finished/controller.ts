// Deletes Jobs that ended as long ago as their ttlSecondsAfterFinished says.

import { Job } from "#kinds/api/batch-v1.gen.ts";
import { isNotFound } from "#meta/errors.ts";
import type { ControllerDefinition } from "#reconcile/controller.ts";
import { finishedCondition } from "../conditions.ts";
import type { AnyJob } from "../pods.ts";

export const ttlAfterFinishedController: ControllerDefinition = {
  name: "ttl-after-finished-controller",
  for: Job,
  async reconcile(key, { cache, client, clock, signal }) {
    const left = timeLeftMs(cache(Job).get(key), clock.now());
    if (left === undefined) return;
    if (left > 0) return { requeueAfterMs: left };
    try {
      // Somebody may have given it more time.
      const fresh = await client.get(Job, key, { signal });
      const freshLeft = timeLeftMs(fresh, clock.now());
      if (freshLeft === undefined) return;
      if (freshLeft > 0) return { requeueAfterMs: freshLeft };
      const preconditions = { uid: fresh.metadata?.uid ?? "" };
      await client.delete(Job, key, { propagationPolicy: "Foreground", preconditions, signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  },
};

/** Undefined: it is not to be deleted, or not over. */
function timeLeftMs(job: AnyJob | undefined, nowMs: number): number | undefined {
  const seconds = job?.spec?.ttlSecondsAfterFinished;
  if (!job || seconds === undefined || job.metadata?.deletionTimestamp !== undefined) return undefined;
  const ended = finishedCondition(job)?.lastTransitionTime;
  return ended === undefined ? undefined : Date.parse(ended) + seconds * 1000 - nowMs;
}
