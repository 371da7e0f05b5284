// Ends a pod's containers: takes the pod out of the balancers first, stops in the background, shortens stops under way.

import { isPodReady } from "#kinds/core/pod/state.ts";
import type { AgentContext } from "../agent-context.ts";
import type { Sandbox } from "../runtime.ts";
import { stopContainer } from "./container-stopper.ts";
import type { Action, PodEnd } from "./decide.ts";
import type { ContainerKind } from "./pod-view.ts";
import type { StatusWriter } from "./status-writer.ts";

export interface PodStopper {
  /** Containers whose stop is under way, by id. */
  readonly stopping: ReadonlySet<string>;
  /** Begins to stop a container; others are looked after meanwhile. */
  stop(action: Extract<Action, { do: "stop" }>, kind: ContainerKind, sandbox: Sandbox | undefined): void;
  /** A later, shorter grace period (kubectl delete --now) holds for stops that are under way, too. */
  shorten(graceMs: number): void;
  /** True: programs may be told to end. False: the pod is still being taken out of the balancers. */
  drained(end: PodEnd): boolean;
}

/** Endpoint removal is waited for at most this long, whoever is slow. */
const MAX_DRAIN_MS = 5000;

export function createPodStopper(options: {
  readonly context: AgentContext;
  readonly writer: StatusWriter;
  /** A container has stopped, or the pod has left the balancers. */
  readonly onChange: () => void;
}): PodStopper {
  const { context, writer, onChange } = options;
  const { clock, log } = context;
  const stopping = new Map<string, { graceMs: number; readonly hurry: AbortController }>();
  const ids = new Set<string>();
  let drain: "no" | "running" | "done" = "no";

  return {
    stopping: ids,
    stop(action, kind, sandbox) {
      const { id, container, graceMs } = action;
      const hurry = new AbortController();
      stopping.set(id, { graceMs, hurry });
      ids.add(id);
      stopContainer({ ...action, pod: writer.pod, sandbox, kind, hurry: hurry.signal }, context)
        .catch((error: unknown) => log.warn("cannot stop container", { container: container.name, error }))
        .finally(() => {
          stopping.delete(id);
          ids.delete(id);
          onChange();
        });
    },
    shorten(graceMs) {
      for (const [id, entry] of stopping) {
        if (graceMs >= entry.graceMs) continue;
        entry.graceMs = graceMs;
        entry.hurry.abort();
        void context.runtime.stopContainer(id, graceMs);
      }
    },
    drained(end) {
      if (drain === "done") return true;
      if (drain === "running") return false;
      const wait = context.waitForEndpointRemoval;
      // Only a pod that may be serving has balancers to leave.
      if (!isGraceful(end) || wait === undefined || !isPodReady(writer.pod)) {
        drain = "done";
        return true;
      }
      drain = "running";
      const late = new AbortController();
      const bound = clock.sleep(MAX_DRAIN_MS, late.signal).catch(() => {});
      void writer
        .flush()
        .then(() => Promise.race([wait(writer.pod), bound]))
        .catch((error: unknown) => log.warn("cannot wait for endpoint removal", { error }))
        .finally(() => {
          late.abort();
          drain = "done";
          onChange();
        });
      return false;
    },
  };
}

function isGraceful(end: PodEnd): boolean {
  return end.graceMs > 0 && (end.why === "deleted" || end.why === "deadline");
}
