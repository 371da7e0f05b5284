// What node agents and others may write to a pod's status.

import type { ContainerStatus, Pod } from "#kinds/api/core-v1.gen.ts";
import { checkImmutable, checkQualifiedName, type Errors } from "#kinds/shared/checks.ts";
import { parseIp, validateIp } from "#kinds/shared/ip.ts";
import { validateClaimStatuses } from "./validate-claim-statuses.ts";
import { validateContainerStatuses } from "./validate-container-statuses.ts";
import { checkNodeName } from "#kinds/shared/network.ts";
import { field } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Read<T> = DeepReadonly<T>;

const SYSTEM_CONDITIONS = new Set(["PodScheduled", "Ready", "Initialized"]);
const NEGATIVE_GENERATION = "must be a non-negative integer";

export function validatePodStatus(errors: Errors, next: Read<Pod>, previous: Read<Pod>): void {
  const status = next.status ?? {};
  const before = previous.status ?? {};
  for (const [index, condition] of (status.conditions ?? []).entries()) {
    const generation = condition.observedGeneration ?? 0;
    if (generation < 0) errors.push(field.invalid(`status.conditions[${index}].observedGeneration`, generation, NEGATIVE_GENERATION));
    if (!SYSTEM_CONDITIONS.has(condition.type)) checkQualifiedName(errors, `status.conditions[${index}].Type`, condition.type);
  }
  const nominated = status.nominatedNodeName ?? "";
  if (nominated !== "" && nominated !== (before.nominatedNodeName ?? "")) {
    checkNodeName(errors, "status.nominatedNodeName", nominated);
    if (previous.spec?.nodeName)
      errors.push(field.forbidden("status.nominatedNodeName", "may not be set on pods that are already bound to a node"));
  }
  if ((status.observedGeneration ?? 0) < 0) {
    errors.push(field.invalid("status.observedGeneration", status.observedGeneration, NEGATIVE_GENERATION));
  }
  checkImmutable(errors, "status.qosClass", status.qosClass, before.qosClass);
  for (const list of ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] as const) {
    validateTransitions(errors, list, status[list] ?? [], before[list] ?? [], previous);
  }
  validateClaimStatuses(errors, next);
  validateIps(errors, "status.podIPs", status.podIPs ?? [], before.podIPs ?? []);
  const hostIps = status.hostIPs ?? [];
  if (hostIps[0] && hostIps[0].ip !== (status.hostIP ?? "")) {
    errors.push(field.invalid("status.hostIPs[0].ip", hostIps[0].ip ?? "", "must be equal to `hostIP`"));
  }
  validateIps(errors, "status.hostIPs", hostIps, before.hostIPs ?? []);
  validateContainerStatuses(errors, next);
}

function validateIps(
  errors: Errors,
  path: string,
  ips: readonly { readonly ip?: string }[],
  known: readonly { readonly ip?: string }[],
): void {
  const old = known.map(({ ip = "" }) => ip);
  for (const [index, { ip = "" }] of ips.entries()) errors.push(...validateIp(`${path}[${index}]`, ip, old));
  const unreadable = ips.length > 1 ? ips.findIndex(({ ip = "" }) => parseIp(ip) === undefined) : -1;
  if (unreadable >= 0) {
    const detail = `failed to check for dual stack with error:invalid IP[${unreadable}]: ${ips[unreadable]?.ip ?? ""}`;
    errors.push({ type: "InternalError", field: path, detail });
  }
  if (unreadable >= 0 || ips.length > 2 || (ips.length === 2 && new Set(ips.map(({ ip }) => parseIp(ip ?? "")?.family)).size < 2)) {
    errors.push(field.invalid(path, ips, "may specify no more than one IP for each IP family"));
  }
}

/** A container that has ended stays so unless its restart policy starts it again. */
function validateTransitions(
  errors: Errors,
  list: "containerStatuses" | "initContainerStatuses" | "ephemeralContainerStatuses",
  next: readonly Read<ContainerStatus>[],
  previous: readonly Read<ContainerStatus>[],
  pod: Read<Pod>,
): void {
  for (const [index, old] of previous.entries()) {
    const ended = old.state?.terminated;
    if (!ended) continue;
    const status = next.find((each) => each.name === old.name);
    if (!status || status.state?.terminated) continue;
    if (list !== "ephemeralContainerStatuses" && mayRestart(pod, list, old.name, ended.exitCode)) continue;
    errors.push(field.forbidden(`status.${list}[${index}].state`, "may not be transitioned to non-terminated state"));
  }
}

function mayRestart({ spec }: Read<Pod>, list: "containerStatuses" | "initContainerStatuses", name: string, exitCode: number): boolean {
  const containers = list === "containerStatuses" ? spec?.containers : spec?.initContainers;
  const all = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  // One container's exit may restart them all.
  if (all.some((each) => each.restartPolicyRules?.some((rule) => rule.action === "RestartAllContainers"))) return true;
  const container = containers?.find((each) => each.name === name);
  if (!container) return false;
  for (const { action, exitCodes } of container.restartPolicyRules ?? []) {
    if (action !== "Restart" || !exitCodes) continue;
    const listed = exitCodes.values?.includes(exitCode) ?? false;
    if (exitCodes.operator === "In" ? listed : !listed) return true;
  }
  const policy = container.restartPolicy ?? spec?.restartPolicy;
  return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}
