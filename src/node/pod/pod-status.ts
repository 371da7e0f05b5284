// A pod's status as the kubelet reports it: phase, conditions, addresses, containers. Pure.

import type { ContainerStatus, PodCondition, PodStatus } from "#kinds/api/core-v1.gen.ts";
import { formatTime } from "#meta/time.ts";
import { containerStatus, type StatusContext } from "./container-status.ts";
import { DEADLINE_MESSAGE, type PodEnd } from "./decide.ts";
import { appsBegan, kindOfInit, LOST, type ContainerKind, type ContainerObject, type PodObject, type PodView } from "./pod-view.ts";
import { shouldRestart } from "./restart.ts";

export interface NodeAddresses {
  readonly hostIps: readonly string[];
}

/** The status to report. Conditions hold only those that are the kubelet's. */
export function podStatus(view: PodView, end: PodEnd | undefined, runtime: string, node: NodeAddresses): PodStatus {
  const { pod } = view;
  const context: StatusContext = { runtime, ending: end !== undefined };
  const generation = pod.metadata?.generation;
  const init = (pod.spec?.initContainers ?? []).map((container) => containerStatus(view, container, kindOfInit(container), context));
  const apps = (pod.spec?.containers ?? []).map((container) => containerStatus(view, container, "app", context));
  const ephemeral = (pod.spec?.ephemeralContainers ?? []).map((container) => containerStatus(view, container, "ephemeral", context));
  const isOver = end !== undefined && view.containers.every((state) => state.phase === "exited");
  const { phase, reason, message } = outcomeOf(view, init, apps, end, isOver);
  if (isOver) defaultToLost(init, apps);
  const status: PodStatus = {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    startTime: pod.status?.startTime ?? formatTime(view.now),
    containerStatuses: apps,
  };
  const [hostIp] = node.hostIps;
  if (hostIp !== undefined) {
    status.hostIP = hostIp;
    status.hostIPs = node.hostIps.map((ip) => ({ ip }));
  }
  const ips = view.sandbox?.ips ?? pod.status?.podIPs?.map(({ ip }) => ip) ?? [];
  const [podIp] = ips;
  if (podIp !== undefined) {
    status.podIP = podIp;
    status.podIPs = ips.map((ip) => ({ ip }));
  }
  if (init.length > 0) status.initContainerStatuses = init;
  if (ephemeral.length > 0) status.ephemeralContainerStatuses = ephemeral;
  status.conditions = conditionsOf(view, phase, init, apps, end).map((condition) => withTransition(condition, pod, view.now, generation));
  return status;
}

interface Outcome {
  readonly phase: string;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
}

/** The phase, and why. A pod that has ended stays ended; one does not end while anything of it runs. */
function outcomeOf(
  view: PodView,
  init: readonly ContainerStatus[],
  apps: readonly ContainerStatus[],
  end: PodEnd | undefined,
  isOver: boolean,
): Outcome {
  const { phase: before = "Pending", reason, message } = view.pod.status ?? {};
  if (before === "Succeeded" || before === "Failed") return { phase: before, reason, message };
  const phase = end?.why === "deadline" ? "Failed" : phaseOf(view, init, apps, isOver);
  if (phase === "Succeeded" || phase === "Failed") {
    if (!isOver) return { phase: before, reason, message };
    return end?.why === "deadline" ? { phase, reason: "DeadlineExceeded", message: DEADLINE_MESSAGE } : { phase };
  }
  // What ended before it had begun has failed, too.
  if (isOver) return { phase: "Failed" };
  return phase === before ? { phase, reason, message } : { phase };
}

/**
 * When a pod is over, no container of it will ever start: those that should have counts as failed. Changes the statuses
 * in place. Init containers after the last one that began, and app containers behind them, were never due.
 */
function defaultToLost(init: readonly ContainerStatus[], apps: readonly ContainerStatus[]): void {
  const began = ({ state, lastState }: ContainerStatus) => state?.waiting === undefined || lastState?.terminated !== undefined;
  const dueInit = init.slice(0, Math.max(init.findLastIndex(began) + 1, 1));
  const dueApps = init.length === 0 || apps.some(began) ? apps : [];
  for (const status of [...dueInit, ...dueApps]) if (status.state?.terminated === undefined) status.state = { terminated: { ...LOST } };
}

/** As the kubelet's getPhase. */
function phaseOf(view: PodView, init: readonly ContainerStatus[], apps: readonly ContainerStatus[], isOver: boolean): string {
  const { spec } = view.pod;
  const isFinal = (container: ContainerObject | undefined, kind: ContainerKind, exitCode: number) =>
    container === undefined || !shouldRestart(container, kind, spec?.restartPolicy, exitCode);
  let pending = 0;
  let pendingSidecars = 0;
  let [waiting, running, stopped, final, succeeded] = [0, 0, 0, 0, 0];
  for (const [index, { state, lastState, started }] of init.entries()) {
    const container = spec?.initContainers?.[index];
    if (container !== undefined && kindOfInit(container) === "sidecar") {
      if (state?.running) running++;
      if (state?.running ? started !== true : state?.waiting && !lastState?.terminated) pendingSidecars++;
      if (state?.waiting && !lastState?.terminated) waiting++;
      continue;
    }
    const ended = state?.terminated ?? (state?.waiting ? lastState?.terminated : undefined);
    if (ended === undefined) pending++;
    else if (ended.exitCode !== 0 && isFinal(container, "init", ended.exitCode)) return "Failed";
  }
  for (const [index, { state, lastState }] of apps.entries()) {
    const ended = state?.terminated ?? (state?.waiting ? lastState?.terminated : undefined);
    if (state?.running) running++;
    else if (ended === undefined) waiting++;
    else {
      stopped++;
      if (isFinal(spec?.containers[index], "app", ended.exitCode)) final++;
      if (state?.terminated?.exitCode === 0) succeeded++;
    }
  }
  // Sidecars that are restarted do not make a pod pending again.
  if (pending > 0 || (pendingSidecars > 0 && !appsBegan(view)) || waiting > 0) return "Pending";
  if (running > 0) return "Running";
  if (stopped === 0) return "Pending";
  if (!isOver && stopped !== final) return "Running";
  return stopped === succeeded ? "Succeeded" : "Failed";
}

function conditionsOf(
  view: PodView,
  phase: string,
  init: readonly ContainerStatus[],
  apps: readonly ContainerStatus[],
  end: PodEnd | undefined,
): PodCondition[] {
  const { pod } = view;
  const gone = end !== undefined && [...init, ...apps].every((status) => status.state?.running === undefined);
  const initialized = initializedCondition(view, phase, init, apps);
  const sidecars = init.filter((_, index) => pod.spec?.initContainers?.[index]?.restartPolicy === "Always");
  const containersReady = containersReadyCondition(phase, [...sidecars, ...apps]);
  return [
    { type: "PodReadyToStartContainers", status: view.sandbox !== undefined && !gone ? "True" : "False" },
    initialized,
    readyCondition(pod, containersReady),
    { ...containersReady, type: "ContainersReady" },
    { type: "PodScheduled", status: "True" },
  ];
}

function initializedCondition(
  view: PodView,
  phase: string,
  init: readonly ContainerStatus[],
  apps: readonly ContainerStatus[],
): PodCondition {
  if (phase === "Succeeded") return { type: "Initialized", status: "True", reason: "PodCompleted" };
  const began = apps.some((status) => status.state?.running ?? status.state?.terminated ?? status.lastState?.terminated);
  const incomplete = init.filter((status, index) => {
    const container = view.pod.spec?.initContainers?.[index];
    return container !== undefined && kindOfInit(container) === "sidecar" ? status.started !== true : !status.ready;
  });
  if (incomplete.length === 0 || began) return { type: "Initialized", status: "True" };
  return {
    type: "Initialized",
    status: "False",
    reason: "ContainersNotInitialized",
    message: `containers with incomplete status: [${incomplete.map((status) => status.name).join(" ")}]`,
  };
}

function containersReadyCondition(phase: string, statuses: readonly ContainerStatus[]): PodCondition {
  const type = "Ready";
  if (phase === "Succeeded") return { type, status: "False", reason: "PodCompleted" };
  if (phase === "Failed") return { type, status: "False", reason: "PodFailed" };
  const unready = statuses.filter((status) => !status.ready).map((status) => status.name);
  if (unready.length === 0) return { type, status: "True" };
  return { type, status: "False", reason: "ContainersNotReady", message: `containers with unready status: [${unready.join(" ")}]` };
}

function readyCondition(pod: PodObject, containersReady: PodCondition): PodCondition {
  if (containersReady.status !== "True") return containersReady;
  const problems: string[] = [];
  for (const { conditionType } of pod.spec?.readinessGates ?? []) {
    const gate = pod.status?.conditions?.find((condition) => condition.type === conditionType);
    if (gate === undefined) problems.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`);
    else if (gate.status !== "True") problems.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`);
  }
  if (problems.length === 0) return containersReady;
  return { type: "Ready", status: "False", reason: "ReadinessGatesNotReady", message: problems.join(", ") };
}

function withTransition(condition: PodCondition, pod: PodObject, now: number, generation: number | undefined): PodCondition {
  const before = pod.status?.conditions?.find((entry) => entry.type === condition.type);
  const since = before?.status === condition.status ? before.lastTransitionTime : undefined;
  return {
    ...condition,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    lastTransitionTime: since ?? formatTime(now),
  };
}
