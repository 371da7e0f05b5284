// All that deciding about a pod may look at. The worker collects it; decide.ts and the status functions are pure over it.

import type { Container, Pod } from "#kinds/api/core-v1.gen.ts";
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
