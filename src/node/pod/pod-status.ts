// A pod's status as the kubelet reports it: phase, conditions, addresses, containers. Pure.

import type { ContainerStatus, PodCondition, PodStatus } from "#kinds/api/core-v1.gen.ts";
import { formatTime } from "#meta/time.ts";
import { containerStatus, type StatusContext } from "./container-status.ts";
import { DEADLINE_MESSAGE, type PodEnd } from "./decide.ts";
import { kindOfInit, type PodObject, type PodView } from "./pod-view.ts";

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
  const overdue = end?.why === "deadline" || (pod.status?.phase === "Failed" && pod.status.reason === "DeadlineExceeded");
  const phase = overdue ? "Failed" : phaseOf(pod, init, apps, end);
  const status: PodStatus = {
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    phase,
    ...(overdue ? { reason: "DeadlineExceeded", message: DEADLINE_MESSAGE } : {}),
    startTime: pod.status?.startTime ?? formatTime(view.now),
    containerStatuses: apps,
  };
  if (!overdue && pod.status?.phase === "Failed") {
    if (pod.status.reason !== undefined) status.reason = pod.status.reason;
    if (pod.status.message !== undefined) status.message = pod.status.message;
  }
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

/** As the kubelet's getPhase. A pod that has ended stays ended. */
function phaseOf(pod: PodObject, init: readonly ContainerStatus[], apps: readonly ContainerStatus[], end: PodEnd | undefined): string {
  const reached = pod.status?.phase;
  if (reached === "Succeeded" || reached === "Failed") return reached;
  const policy = pod.spec?.restartPolicy ?? "Always";
  let pendingInit = 0;
  let failedInit = 0;
  for (const [index, status] of init.entries()) {
    const container = pod.spec?.initContainers?.[index];
    if (container !== undefined && kindOfInit(container) === "sidecar") {
      if (status.started !== true && status.state?.terminated === undefined) pendingInit++;
      continue;
    }
    const ended = status.state?.terminated ?? (status.state?.waiting ? status.lastState?.terminated : undefined);
    if (ended === undefined) pendingInit++;
    else if (ended.exitCode !== 0) failedInit++;
  }
  let [waiting, running, stopped, succeeded] = [0, 0, 0, 0];
  for (const { state, lastState } of apps) {
    if (state?.running) running++;
    else if (state?.terminated) {
      stopped++;
      if (state.terminated.exitCode === 0) succeeded++;
    } else if (lastState?.terminated) stopped++;
    else waiting++;
  }
  if (failedInit > 0 && (policy === "Never" || end?.why === "finished")) return "Failed";
  if ((pendingInit > 0 || failedInit > 0) && running + stopped === 0) return "Pending";
  if (waiting > 0) return "Pending";
  if (running > 0) return "Running";
  if (stopped > 0) {
    if (end !== undefined) return stopped === succeeded ? "Succeeded" : "Failed";
    return "Running";
  }
  return "Pending";
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
