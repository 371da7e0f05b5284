// What `kubectl get pods` shows. STATUS tells the most telling reason of all the containers' states.

import type { ContainerStatus, Pod } from "#kinds/api/core-v1.gen.ts";
import { ageColumn, nameColumn, since, text, wide } from "#kinds/shared/columns.ts";
import { isConditionTrue } from "#meta/conditions.ts";
import type { Column } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";

interface Summary {
  readonly ready: string;
  readonly status: string;
  readonly restarts: number;
  /** When a container last ended before it was restarted; "" if never. */
  readonly lastRestart: string;
}

type Status = DeepReadonly<ContainerStatus>;

/** Upstream's summary of a pod in one line. */
export function summarize(pod: DeepReadonly<Pod>): Summary {
  const { spec, status } = pod;
  const phase = status?.phase ?? "";
  let reason = status?.reason || phase;
  if (status?.conditions?.some((condition) => condition.type === "PodScheduled" && condition.reason === "SchedulingGated")) {
    reason = "SchedulingGated";
  }
  const sidecars = new Set<string>();
  for (const container of spec?.initContainers ?? []) if (container.restartPolicy === "Always") sidecars.add(container.name);
  const total = (spec?.containers?.length ?? 0) + sidecars.size;
  let ready = 0;
  const all = counter();
  const ofSidecars = counter();

  let initializing: string | undefined;
  for (const [index, container] of (status?.initContainerStatuses ?? []).entries()) {
    all.add(container);
    if (sidecars.has(container.name)) ofSidecars.add(container);
    if (container.state?.terminated?.exitCode === 0) continue;
    if (sidecars.has(container.name) && container.started) {
      if (container.ready) ready++;
      continue;
    }
    initializing = initReason(container) ?? `Init:${index}/${spec?.initContainers?.length ?? 0}`;
    break;
  }
  if (initializing !== undefined) reason = initializing;

  let restarts = all;
  if (initializing === undefined || isConditionTrue(status?.conditions, "Initialized")) {
    restarts = ofSidecars;
    let hasRunning = false;
    let errorReason = "";
    for (const container of (status?.containerStatuses ?? []).toReversed()) {
      restarts.add(container);
      const { waiting, terminated, running } = container.state ?? {};
      if (waiting?.reason) reason = waiting.reason;
      else if (terminated) {
        reason = terminated.reason || (terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode ?? 0}`);
        if ((terminated.exitCode ?? 0) !== 0) errorReason = reason;
      } else if (container.ready && running) {
        hasRunning = true;
        ready++;
      }
    }
    if (reason === "Completed") {
      if (hasRunning && isConditionTrue(status?.conditions, "Ready")) reason = "Running";
      else if (errorReason !== "") reason = errorReason;
      else if (hasRunning) reason = "NotReady";
    }
  }
  if (pod.metadata?.deletionTimestamp) {
    if (status?.reason === "NodeLost") reason = "Unknown";
    else if (phase !== "Succeeded" && phase !== "Failed") reason = "Terminating";
  }
  return { ready: `${ready}/${total}`, status: reason, restarts: restarts.count, lastRestart: restarts.last };
}

function initReason(container: Status): string | undefined {
  const { waiting, terminated } = container.state ?? {};
  if (terminated) {
    if (terminated.reason) return `Init:${terminated.reason}`;
    return terminated.signal ? `Init:Signal:${terminated.signal}` : `Init:ExitCode:${terminated.exitCode ?? 0}`;
  }
  if (waiting?.reason && waiting.reason !== "PodInitializing") return `Init:${waiting.reason}`;
  return undefined;
}

function counter() {
  return {
    count: 0,
    last: "",
    add(container: Status) {
      this.count += container.restartCount ?? 0;
      const finished = container.lastState?.terminated?.finishedAt ?? "";
      // RFC 3339 in UTC sorts as text.
      if (finished > this.last) this.last = finished;
    },
  };
}

function restartsCell(pod: DeepReadonly<Pod>, nowMs: number): string {
  const { restarts, lastRestart } = summarize(pod);
  return restarts !== 0 && lastRestart !== "" ? `${restarts} (${since(lastRestart, nowMs)} ago)` : String(restarts);
}

function readinessGates(pod: DeepReadonly<Pod>): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return "<none>";
  return `${gates.filter((gate) => isConditionTrue(pod.status?.conditions, gate.conditionType)).length}/${gates.length}`;
}

export const podColumns: readonly Column<Pod>[] = [
  nameColumn,
  text("Ready", (pod) => summarize(pod).ready),
  text("Status", (pod) => summarize(pod).status),
  text("Restarts", restartsCell),
  ageColumn,
  wide(text("IP", (pod) => pod.status?.podIPs?.[0]?.ip || pod.status?.podIP || "<none>")),
  wide(text("Node", (pod) => pod.spec?.nodeName || "<none>")),
  wide(text("Nominated Node", (pod) => pod.status?.nominatedNodeName || "<none>")),
  wide(text("Readiness Gates", readinessGates)),
];
