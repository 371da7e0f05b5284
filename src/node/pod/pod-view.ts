// All that deciding about a pod may look at. The worker collects it; decide.ts and the status functions are pure over it.

import type { Container, ContainerStateTerminated, ContainerStatus, Pod } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { ContainerState, Sandbox } from "../runtime.ts";

export type PodObject = DeepReadonly<Pod>;
export type ContainerObject = DeepReadonly<Container>;

/** Why a container could not be started when it was last tried. */
export interface StartProblem {
  /** The waiting reason: `CreateContainerConfigError`, `ErrImagePull`, ... */
  readonly reason: string;
  readonly message: string;
  readonly at: number;
  /** Not tried again before. */
  readonly retryAt: number;
  /** Failures of this sort in a row. */
  readonly failures: number;
}

/** What the agent remembers of a container beyond what the runtime knows. */
export interface ContainerMemory {
  problem?: StartProblem | undefined;
  /** The last crash back-off: how long, and when it was set. */
  backoff?: CrashBackoff | undefined;
  imageId?: string;
  /** The postStart hook of this container id is still running. */
  hookRunning?: string | undefined;
}

export interface CrashBackoff {
  readonly delayMs: number;
  readonly at: number;
  /** The attempt that was started with it: its end waits, the end of the one before does not any more. */
  readonly attempt?: number;
}

/** Standing of a running container's probes. */
export interface ProbeStanding {
  /** undefined: no result yet. */
  readonly startup: boolean | undefined;
  readonly readiness: boolean | undefined;
  readonly liveness: boolean | undefined;
}

export interface PodView {
  readonly pod: PodObject;
  readonly now: number;
  readonly sandbox: Sandbox | undefined;
  /** The runtime's containers of this pod, all attempts that still exist. */
  readonly containers: readonly ContainerState[];
  readonly memory: ReadonlyMap<string, ContainerMemory>;
  /** By container id; absent: nothing probed yet. */
  readonly probes: (id: string) => ProbeStanding | undefined;
  /** Ids of containers that are being stopped. */
  readonly stopping: ReadonlySet<string>;
  /** When the pod's end began, if it has. */
  readonly endingSince: number | undefined;
}

export type ContainerKind = "init" | "sidecar" | "app" | "ephemeral";

export function kindOfInit(container: ContainerObject): "init" | "sidecar" {
  return container.restartPolicy === "Always" ? "sidecar" : "init";
}

/** A container of the pod by its name. */
export function containerOf(
  pod: PodObject,
  name: string,
): { readonly container: ContainerObject; readonly kind: ContainerKind } | undefined {
  const named = (candidate: { readonly name: string }) => candidate.name === name;
  const app = pod.spec?.containers.find(named);
  if (app !== undefined) return { container: app, kind: "app" };
  const init = pod.spec?.initContainers?.find(named);
  if (init !== undefined) return { container: init, kind: kindOfInit(init) };
  const ephemeral = pod.spec?.ephemeralContainers?.find(named);
  return ephemeral && { container: ephemeral, kind: "ephemeral" };
}

/** The newest attempt of a container, and the one before. */
export function attemptsOf(view: PodView, name: string): { readonly latest?: ContainerState; readonly previous?: ContainerState } {
  let latest: ContainerState | undefined;
  let previous: ContainerState | undefined;
  for (const state of view.containers) {
    if (state.name !== name) continue;
    if (latest === undefined || state.attempt > latest.attempt) [latest, previous] = [state, latest];
    else if (previous === undefined || state.attempt > previous.attempt) previous = state;
  }
  return { ...(latest ? { latest } : {}), ...(previous ? { previous } : {}) };
}

/** What the API was told of a container. */
export function previousStatus(pod: PodObject, name: string, kind: ContainerKind): DeepReadonly<ContainerStatus> | undefined {
  const { status } = pod;
  const list =
    kind === "app" ? status?.containerStatuses : kind === "ephemeral" ? status?.ephemeralContainerStatuses : status?.initContainerStatuses;
  return list?.find((entry) => entry.name === name);
}

/**
 * Containers that the API knows and the runtime no longer does (its folder was removed; simulated ones end with their
 * process): they count as ended, so that restart policies, counts and ended init containers hold across the loss.
 */
export function lostContainers(pod: PodObject, containers: readonly ContainerState[], now: number): ContainerState[] {
  const { spec, status } = pod;
  /** The newest attempt that the runtime has: what is lost is older. */
  const newest = new Map<string, number>();
  for (const { name, attempt } of containers) newest.set(name, Math.max(newest.get(name) ?? 0, attempt));
  const isLost = (name: string, attempt: number) =>
    attempt >= 0 &&
    attempt < (newest.get(name) ?? Infinity) &&
    !containers.some((state) => state.name === name && state.attempt === attempt);
  const lost: ContainerState[] = [];
  const lists = [
    [spec?.containers, status?.containerStatuses],
    [spec?.initContainers, status?.initContainerStatuses],
    [spec?.ephemeralContainers, status?.ephemeralContainerStatuses],
  ] as const;
  for (const [wanted, known] of lists) {
    for (const { name } of wanted ?? []) {
      const told = known?.find((entry) => entry.name === name);
      if (told === undefined) continue;
      const { restartCount, state, lastState } = told;
      const base = { name, podUid: pod.metadata?.uid ?? "", attempt: restartCount, phase: "exited" } as const;
      if (isLost(name, restartCount)) {
        if (state?.running) {
          const createdAt = Date.parse(state.running.startedAt ?? "") || now;
          lost.push({ ...base, ...LOST, id: bareId(told.containerID), createdAt, startedAt: createdAt, finishedAt: now });
        } else if (state?.terminated) {
          lost.push({ ...base, ...endedState(state.terminated, now) });
        }
      }
      // One that waits for its restart shows its end here, others that of the attempt before.
      const attempt = state?.waiting ? restartCount : restartCount - 1;
      if (lastState?.terminated && isLost(name, attempt)) lost.push({ ...base, ...endedState(lastState.terminated, now), attempt });
    }
  }
  return lost;
}

/** How a container ended that should be there and is not. */
export const LOST = {
  exitCode: 137,
  reason: "ContainerStatusUnknown",
  message: "The container could not be located when the pod was terminated",
} as const;

function endedState(ended: DeepReadonly<ContainerStateTerminated>, now: number) {
  const finishedAt = Date.parse(ended.finishedAt ?? "") || now;
  const startedAt = Date.parse(ended.startedAt ?? "") || finishedAt;
  return {
    id: bareId(ended.containerID),
    createdAt: startedAt,
    startedAt,
    finishedAt,
    exitCode: ended.exitCode,
    ...(ended.reason === undefined ? {} : { reason: ended.reason }),
    ...(ended.message === undefined ? {} : { message: ended.message }),
  };
}

/** `process://id` without the runtime's name. */
function bareId(containerId: string | undefined): string {
  return containerId?.slice(containerId.indexOf("://") + 3) ?? "";
}

/** Whether a running container counts as started: its hook is done and its startup probe, if any, has succeeded. */
export function isStarted(view: PodView, container: ContainerObject, state: ContainerState): boolean {
  if (state.phase !== "running" || view.memory.get(container.name)?.hookRunning === state.id) return false;
  return container.startupProbe === undefined || view.probes(state.id)?.startup === true;
}

/** Whether any app container was ever started, which means that the init containers are through. */
export function appsBegan(view: PodView): boolean {
  const apps = new Set(view.pod.spec?.containers.map((container) => container.name));
  return view.containers.some((state) => apps.has(state.name));
}
