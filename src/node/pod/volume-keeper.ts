// Keeps a pod's volumes made and current: sets them up before the first start, again whenever something they are made
// from changed or a token runs out, and tries again, ever more slowly, when that fails.

import { Pod } from "#kinds/api/core-v1.gen.ts";
import { backoffDelay } from "#lib/backoff.ts";
import type { AgentContext } from "../agent-context.ts";
import { NotBoundError } from "../volumes/payload.ts";
import type { PodVolumes } from "../volumes/pod-volumes.ts";
import { earliest } from "./decide.ts";
import type { PodObject } from "./pod-view.ts";

export interface VolumeKeeper {
  /** Brings the volumes up to date if they need it. Resolves to their paths by name, undefined if they cannot be made now. */
  sync(pod: PodObject, podIps: readonly string[]): Promise<ReadonlyMap<string, string> | undefined>;
  /** What volumes are made from has changed: the next sync does not wait. */
  outdated(): void;
  /** When to sync though nothing changed; undefined: never. */
  readonly wakeAt: number | undefined;
  remove(): Promise<void>;
}

const MOUNT_BACKOFF = { initialMs: 500, maxMs: 122_000 } as const;
/** Nobody tells a node when a claim gets its volume. */
const CLAIM_BACKOFF = { initialMs: 100, maxMs: 5_000 } as const;

/** `volumes` is undefined for pods of virtual runtimes that have to wait for none. */
export function createVolumeKeeper(volumes: PodVolumes | undefined, context: AgentContext): VolumeKeeper {
  const { clock } = context;
  let paths: ReadonlyMap<string, string> | undefined = volumes === undefined ? new Map() : undefined;
  let stale = true;
  let failures = 0;
  let retryAt: number | undefined;
  return {
    async sync(pod, podIps) {
      if (volumes === undefined) return paths;
      const due = volumes.renewAt !== undefined && volumes.renewAt <= clock.now();
      if (!stale && !due) return paths;
      if (retryAt !== undefined && retryAt > clock.now()) return paths;
      stale = false;
      try {
        paths = await volumes.sync(pod, { podIps, hostIps: context.hostIps, allocatable: context.allocatable });
        failures = 0;
        retryAt = undefined;
      } catch (error) {
        stale = true;
        retryAt = clock.now() + backoffDelay(++failures, error instanceof NotBoundError ? CLAIM_BACKOFF : MOUNT_BACKOFF);
        const message = error instanceof Error ? error.message : String(error);
        context.events.event({ resource: Pod, object: pod }, "Warning", "FailedMount", message);
      }
      return paths;
    },
    outdated() {
      stale = true;
      retryAt = undefined;
    },
    get wakeAt() {
      return earliest(retryAt, volumes?.renewAt);
    },
    remove: async () => volumes?.remove(),
  };
}
