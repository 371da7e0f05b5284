// A container's part of a pod's status, in the kubelet's words. Pure.

import type { ContainerState as ApiState, ContainerStateTerminated, ContainerStatus } from "#kinds/api/core-v1.gen.ts";
import { formatTime } from "#meta/time.ts";
import type { ContainerState } from "../runtime.ts";
import {
  attemptsOf,
  isStarted,
  previousStatus,
  type ContainerKind,
  type ContainerObject,
  type PodView,
  type StartProblem,
} from "./pod-view.ts";
import { crashWait, formatSeconds, shouldRestart } from "./restart.ts";

/** A pull that failed shows its own reason this long, then that it is backing off. */
export const PULL_ERROR_SHOWN_MS = 1000;

export interface StatusContext {
  /** Runtime's name: prefix of container ids. */
  readonly runtime: string;
  /** The pod is ending: what has not started will not. */
  readonly ending: boolean;
}

export function containerStatus(view: PodView, container: ContainerObject, kind: ContainerKind, context: StatusContext): ContainerStatus {
  const { latest, previous } = attemptsOf(view, container.name);
  const memory = view.memory.get(container.name);
  const before = previousStatus(view.pod, container.name, kind);
  const restarts = Math.max(latest?.attempt ?? 0, before?.restartCount ?? 0);
  const { state, lastState } = states(view, container, kind, context, latest, previous);
  const started = latest !== undefined && isStarted(view, container, latest);
  // Ephemeral containers have no probes and count for nothing, so they are never ready.
  const ready =
    kind === "init"
      ? latest?.phase === "exited" && latest.exitCode === 0
      : kind !== "ephemeral" &&
        started &&
        latest !== undefined &&
        (container.readinessProbe === undefined || view.probes(latest.id)?.readiness === true);
  const status: ContainerStatus = {
    name: container.name,
    state,
    lastState: lastState ?? {},
    ready,
    restartCount: restarts,
    image: container.image ?? "",
    imageID: memory?.imageId ?? before?.imageID ?? "",
  };
  if (kind !== "ephemeral") status.started = kind === "init" ? latest?.phase === "running" : started;
  if (latest !== undefined) status.containerID = containerId(context.runtime, latest);
  if (latest !== undefined && container.resources !== undefined) {
    // Objects are shared with the cache and only ever encoded.
    if (container.resources.requests) status.allocatedResources = { ...container.resources.requests };
    status.resources = structuredCloneJson(container.resources);
  }
  if (container.volumeMounts?.length) {
    status.volumeMounts = container.volumeMounts.map((mount) => ({
      name: mount.name,
      mountPath: mount.mountPath,
      ...(mount.readOnly ? { readOnly: true, recursiveReadOnly: "Disabled" } : {}),
    }));
  }
  return status;
}

function structuredCloneJson<T>(value: T): never {
  // Drops the deep readonly of a value that is copied right here.
  return JSON.parse(JSON.stringify(value)) as never;
}

export function containerId(runtime: string, state: ContainerState): string {
  return `${runtime}://${state.id}`;
}

function states(
  view: PodView,
  container: ContainerObject,
  kind: ContainerKind,
  context: StatusContext,
  latest: ContainerState | undefined,
  previous: ContainerState | undefined,
): { state: ApiState; lastState?: ApiState | undefined } {
  const { problem, backoff } = view.memory.get(container.name) ?? {};
  const terminatedBefore = previous?.phase === "exited" ? { terminated: terminated(context.runtime, previous) } : undefined;
  if (latest === undefined) {
    if (problem !== undefined) return { state: { waiting: shownProblem(view, container, problem) } };
    return { state: { waiting: { reason: view.pod.spec?.initContainers?.length ? "PodInitializing" : "ContainerCreating" } } };
  }
  if (latest.phase === "running") {
    return { state: { running: { startedAt: formatTime(latest.startedAt ?? latest.createdAt) } }, lastState: terminatedBefore };
  }
  if (latest.phase === "created") return { state: { waiting: { reason: "ContainerCreating" } }, lastState: terminatedBefore };
  const ended: ApiState = { terminated: terminated(context.runtime, latest) };
  const again = !context.ending && shouldRestart(container, kind, view.pod.spec?.restartPolicy, latest.exitCode ?? 0);
  if (again && crashWait(latest, backoff, view.now) !== undefined) {
    return {
      state: { waiting: { reason: "CrashLoopBackOff", message: crashMessage(view, container.name, backoff?.delayMs ?? 0) } },
      lastState: ended,
    };
  }
  if (again && problem !== undefined) return { state: { waiting: shownProblem(view, container, problem) }, lastState: ended };
  return { state: ended, lastState: terminatedBefore };
}

/** Whether a failed pull is no longer news, and the wait for the next one is what counts. */
export function isPullBackoff(problem: StartProblem, now: number): boolean {
  return problem.reason === "ErrImagePull" && now - problem.at >= PULL_ERROR_SHOWN_MS;
}

function shownProblem(view: PodView, container: ContainerObject, problem: StartProblem) {
  if (isPullBackoff(problem, view.now)) {
    return { reason: "ImagePullBackOff", message: `Back-off pulling image "${container.image ?? ""}": ErrImagePull: ${problem.message}` };
  }
  return { reason: problem.reason, message: problem.message };
}

/** `name_namespace(uid)`, as the kubelet names pods in messages. */
export function podLabel(pod: PodView["pod"]): string {
  return `${pod.metadata?.name ?? ""}_${pod.metadata?.namespace ?? ""}(${pod.metadata?.uid ?? ""})`;
}

function crashMessage(view: PodView, name: string, delayMs: number): string {
  return `back-off ${formatSeconds(delayMs)} restarting failed container=${name} pod=${podLabel(view.pod)}`;
}

export function terminated(runtime: string, state: ContainerState): ContainerStateTerminated {
  return {
    exitCode: state.exitCode ?? 0,
    ...(state.reason === undefined ? {} : { reason: state.reason }),
    ...(state.message === undefined || state.message === "" ? {} : { message: state.message }),
    startedAt: formatTime(state.startedAt ?? state.createdAt),
    finishedAt: formatTime(state.finishedAt ?? state.createdAt),
    containerID: containerId(runtime, state),
  };
}
