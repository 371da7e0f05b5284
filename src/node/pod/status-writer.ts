// Brings a pod's status to the API: only differences, at most one write at a time, quick changes in one.

import { Pod, type PodStatus } from "#kinds/api/core-v1.gen.ts";
import { createBackoff } from "#lib/backoff.ts";
import type { Timer } from "#lib/clock.ts";
import { isApiError, isConflict, isNotFound } from "#meta/errors.ts";
import { keyOf } from "#meta/object.ts";
import type { AgentContext } from "../agent-context.ts";
import type { PodObject } from "./pod-view.ts";
import { statusPatch } from "./status-patch.ts";

export interface StatusWriter extends Disposable {
  /** The newest version of the pod that is known, from the informer or from our own writes. */
  readonly pod: PodObject;
  /** Takes a version seen by the informer; older ones than known are ignored. */
  observe(pod: PodObject): void;
  /** Wants this status from now on. */
  set(status: PodStatus): void;
  /** Resolves when the wanted status is written, the pod is gone, or writing was given up. */
  flush(): Promise<void>;
  /** Asks the API whether it still has this pod, and not another one of its name. */
  exists(): Promise<boolean>;
}

/** Changes within this time are one write. */
const BATCH_MS = 5;
const RETRY = { initialMs: 200, maxMs: 10_000 } as const;

export function createStatusWriter(initial: PodObject, context: AgentContext): StatusWriter {
  const { client, clock, log } = context;
  const key = keyOf(initial);
  const backoff = createBackoff({ ...RETRY, jitter: 0.2, random: context.random });
  let pod = initial;
  let wanted: PodStatus | undefined;
  let timer: Timer | undefined;
  let writing: Promise<void> | undefined;
  let over = false;

  const observe = (seen: PodObject) => {
    if (Number(seen.metadata?.resourceVersion ?? 0) >= Number(pod.metadata?.resourceVersion ?? 0)) pod = seen;
  };

  const exists = async (): Promise<boolean> => {
    try {
      const current = await client.get(Pod, key);
      if (current.metadata?.uid !== initial.metadata?.uid) return false;
      observe(current);
      return true;
    } catch (error) {
      if (isNotFound(error)) return false;
      throw error;
    }
  };

  const write = async () => {
    while (wanted !== undefined && !over) {
      const patch = statusPatch(pod, wanted);
      if (patch === undefined) return;
      try {
        observe(await client.patch(Pod, key, patch, { type: "strategic", subresource: "status" }));
        backoff.reset();
      } catch (error) {
        // A conflict is another pod of that name, or a server that had too many writes at once.
        if (isNotFound(error) || (isConflict(error) && !(await exists().catch(() => true)))) {
          over = true;
          return;
        }
        log.warn("cannot write pod status", { pod: key, error: error instanceof Error ? error.message : error });
        if (isApiError(error) && error.code < 500 && error.code !== 429 && !isConflict(error)) return;
        await clock.sleep(backoff.next());
      }
    }
  };
  const start = (): Promise<void> => {
    timer?.cancel();
    timer = undefined;
    writing ??= write().finally(() => {
      writing = undefined;
    });
    return writing;
  };

  return {
    get pod() {
      return pod;
    },
    observe,
    set(status) {
      wanted = status;
      if (over || writing !== undefined || timer !== undefined || statusPatch(pod, status) === undefined) return;
      timer = clock.after(BATCH_MS, () => void start());
    },
    flush: start,
    exists,
    [Symbol.dispose]() {
      over = true;
      timer?.cancel();
    },
  };
}
