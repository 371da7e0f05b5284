// What to do about a pod now. Pure: the worker looks, this decides, the worker acts and looks again.

import type { ContainerState } from "../runtime.ts";
import {
  appsBegan,
  attemptsOf,
  isStarted,
  kindOfInit,
  type ContainerKind,
  type ContainerObject,
  type CrashBackoff,
  type PodView,
} from "./pod-view.ts";
import { crashWait, nextCrashBackoff, shouldRestart } from "./restart.ts";

export type Action =
  | { readonly do: "createSandbox" }
  | {
      readonly do: "start";
      readonly container: ContainerObject;
      readonly kind: ContainerKind;
      readonly attempt: number;
      /** Set if this is a restart: what to remember. */
      readonly backoff?: CrashBackoff;
    }
  | {
      readonly do: "stop";
      readonly id: string;
      readonly container: ContainerObject;
      readonly graceMs: number;
      /** Text of the Killing event. */
      readonly message: string;
      /** The program is not asked by SIGTERM first if false. */
      readonly hooks: boolean;
    };

/** Why the whole pod has to end. */
export interface PodEnd {
  readonly why: "deleted" | "terminal" | "deadline" | "finished";
  readonly graceMs: number;
}

export interface Decision {
  readonly actions: readonly Action[];
  /** When to look again though nothing changed; undefined: never. */
  readonly wakeAt: number | undefined;
  readonly end: PodEnd | undefined;
  /** The pod is ending and nothing of it runs any more. */
  readonly gone: boolean;
}

export const DEADLINE_MESSAGE = "Pod was active on the node longer than the specified deadline";

/** Sidecars are stopped last and get at least this long. */
const MIN_SIDECAR_GRACE_MS = 2000;

export function decide(view: PodView): Decision {
  const end = endOf(view);
  if (end !== undefined) return decideEnd(view, end);
  if (view.sandbox === undefined) {
    const retryAt = view.memory.get("")?.problem?.retryAt ?? 0;
    return retryAt > view.now
      ? { actions: [], wakeAt: earliest(retryAt, deadlineOf(view)), end, gone: false }
      : { actions: [{ do: "createSandbox" }], wakeAt: deadlineOf(view), end, gone: false };
  }
  const plan = createPlan(view);
  planInit(view, plan);
  if (plan.initialized) {
    for (const container of view.pod.spec?.containers ?? []) planContainer(view, plan, container, "app");
  }
  for (const container of view.pod.spec?.ephemeralContainers ?? []) planContainer(view, plan, container, "ephemeral");
  return { actions: plan.actions, wakeAt: earliest(plan.wakeAt, deadlineOf(view)), end, gone: false };
}

interface Plan {
  readonly actions: Action[];
  wakeAt: number | undefined;
  initialized: boolean;
}

function createPlan(view: PodView): Plan {
  return { actions: [], wakeAt: undefined, initialized: appsBegan(view) };
}

/** Init containers run one after the other; a sidecar lets the next one go when it has started. */
function planInit(view: PodView, plan: Plan): void {
  const began = plan.initialized;
  for (const container of view.pod.spec?.initContainers ?? []) {
    const kind = kindOfInit(container);
    if (began && kind === "init") continue;
    planContainer(view, plan, container, kind);
    if (!began && !isThrough(view, container, kind)) return;
  }
  plan.initialized = true;
}

/** Whether what comes after this init container may begin. */
function isThrough(view: PodView, container: ContainerObject, kind: ContainerKind): boolean {
  const { latest } = attemptsOf(view, container.name);
  if (latest === undefined) return false;
  return kind === "sidecar" ? isStarted(view, container, latest) : latest.phase === "exited" && latest.exitCode === 0;
}

/** Starts, restarts or stops one container, or notes when to look at it again. */
function planContainer(view: PodView, plan: Plan, container: ContainerObject, kind: ContainerKind): void {
  const { latest } = attemptsOf(view, container.name);
  const memory = view.memory.get(container.name);
  if (latest !== undefined && latest.phase !== "exited") {
    const killed = failedProbe(view, container, latest);
    if (killed !== undefined && !view.stopping.has(latest.id))
      plan.actions.push({ do: "stop", id: latest.id, container, hooks: true, ...killed });
    return;
  }
  if (latest !== undefined && !shouldRestart(container, kind, view.pod.spec?.restartPolicy, latest.exitCode ?? 0)) return;
  const waitUntil = latest === undefined ? undefined : crashWait(latest, memory?.backoff, view.now);
  const retryAt = Math.max(waitUntil ?? 0, memory?.problem?.retryAt ?? 0);
  if (retryAt > view.now) {
    plan.wakeAt = earliest(plan.wakeAt, retryAt);
    return;
  }
  plan.actions.push({
    do: "start",
    container,
    kind,
    attempt: latest === undefined ? 0 : latest.attempt + 1,
    ...(latest === undefined ? {} : { backoff: nextCrashBackoff(latest, memory?.backoff, view.now) }),
  });
}

function failedProbe(view: PodView, container: ContainerObject, state: ContainerState): { graceMs: number; message: string } | undefined {
  const standing = view.probes(state.id);
  const which = standing?.startup === false ? "startup" : standing?.liveness === false ? "liveness" : undefined;
  if (which === undefined) return undefined;
  const probe = which === "startup" ? container.startupProbe : container.livenessProbe;
  return {
    graceMs: (probe?.terminationGracePeriodSeconds ?? podGraceSeconds(view)) * 1000,
    message: `Container ${container.name} failed ${which} probe, will be restarted`,
  };
}

function podGraceSeconds(view: PodView): number {
  return view.pod.spec?.terminationGracePeriodSeconds ?? 30;
}

/** Whether and why the pod has to end: deleted, over its deadline, or its work is done. */
export function endOf(view: PodView): PodEnd | undefined {
  const { metadata, status } = view.pod;
  if (metadata?.deletionTimestamp !== undefined) {
    return { why: "deleted", graceMs: (metadata.deletionGracePeriodSeconds ?? podGraceSeconds(view)) * 1000 };
  }
  const graceMs = podGraceSeconds(view) * 1000;
  if (status?.phase === "Succeeded" || status?.phase === "Failed") return { why: "terminal", graceMs };
  const deadline = deadlineOf(view);
  if (deadline !== undefined && deadline <= view.now) return { why: "deadline", graceMs };
  if (isFinished(view)) return { why: "finished", graceMs };
  return undefined;
}

export function deadlineOf(view: PodView): number | undefined {
  const seconds = view.pod.spec?.activeDeadlineSeconds;
  const { startTime } = view.pod.status ?? {};
  return seconds === undefined || startTime === undefined ? undefined : Date.parse(startTime) + seconds * 1000;
}

/** All app containers ended for good, or an init container did so in failure. */
export function isFinished(view: PodView): boolean {
  const { spec } = view.pod;
  const endedForGood = (container: ContainerObject, kind: ContainerKind): ContainerState | undefined => {
    const { latest } = attemptsOf(view, container.name);
    return latest?.phase === "exited" && !shouldRestart(container, kind, spec?.restartPolicy, latest.exitCode ?? 0) ? latest : undefined;
  };
  if (!appsBegan(view)) {
    return (spec?.initContainers ?? []).some((container) => {
      const ended = endedForGood(container, kindOfInit(container));
      return ended !== undefined && ended.exitCode !== 0;
    });
  }
  return (spec?.containers ?? []).every((container) => endedForGood(container, "app") !== undefined);
}

function decideEnd(view: PodView, end: PodEnd): Decision {
  const { spec } = view.pod;
  const actions: Action[] = [];
  let running = 0;
  const stop = (container: ContainerObject, graceMs: number): boolean => {
    const alive = view.containers.filter((state) => state.name === container.name && state.phase !== "exited");
    running += alive.length;
    for (const { id } of alive) {
      if (!view.stopping.has(id)) {
        actions.push({ do: "stop", id, container, graceMs, hooks: graceMs > 0, message: `Stopping container ${container.name}` });
      }
    }
    return alive.length > 0;
  };
  for (const container of [...(spec?.containers ?? []), ...(spec?.ephemeralContainers ?? [])]) stop(container, end.graceMs);
  for (const container of spec?.initContainers ?? []) if (kindOfInit(container) === "init") stop(container, end.graceMs);
  if (running === 0) {
    // Sidecars serve the others, so they go when these are gone, the last started first.
    const left = Math.max(end.graceMs - (view.now - (view.endingSince ?? view.now)), end.graceMs > 0 ? MIN_SIDECAR_GRACE_MS : 0);
    for (const container of (spec?.initContainers ?? []).toReversed()) {
      if (kindOfInit(container) === "sidecar" && stop(container, left)) break;
    }
  }
  return { actions, wakeAt: undefined, end, gone: running === 0 };
}

export function earliest(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}
