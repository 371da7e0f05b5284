// What to do next for a DaemonSet: which nodes need a pod, which pods have to go. Pure.
// Rules: pkg/controller/daemon/{daemon_controller,update}.go.

import { availableInMs, isPodReady, isTerminal } from "#kinds/core/pod/state.ts";
import { intOrPercent } from "#meta/int-or-percent.ts";
import { REVISION_LABEL } from "../revisions.ts";
import { type AnyDaemonSet, type AnyNode, type AnyPod, type Fit, isUpdated, oldestFirst, targetNode } from "./pods.ts";

/** Everything a run looks at. */
export interface View {
  readonly set: AnyDaemonSet;
  /** Hash of the present template, as pods made of it carry it. */
  readonly hash: string;
  /** All nodes, and whether pods belong there. */
  readonly nodes: ReadonlyMap<string, { readonly node: AnyNode; readonly fit: Fit }>;
  /** The set's own pods by the node they are on or made for. */
  readonly podsByNode: ReadonlyMap<string, readonly AnyPod[]>;
  readonly now: number;
}

export interface Changes {
  /** Nodes to make a pod for. */
  readonly create: readonly string[];
  readonly remove: readonly AnyPod[];
}

export interface Upkeep extends Changes {
  /** Pods that ended, which are removed too, those that failed not too often. */
  readonly ended: readonly { readonly pod: AnyPod; readonly nodeName: string }[];
}

/** Ended pods that are being deleted are somebody else's business. */
export function podsByNode(pods: readonly AnyPod[]): Map<string, AnyPod[]> {
  const byNode = new Map<string, AnyPod[]>();
  for (const pod of pods) {
    if (isTerminal(pod) && isGoing(pod)) continue;
    const nodeName = targetNode(pod);
    if (nodeName === undefined) continue;
    const present = byNode.get(nodeName);
    if (present) present.push(pod);
    else byNode.set(nodeName, [pod]);
  }
  return byNode;
}

const isGoing = (pod: AnyPod) => pod.metadata?.deletionTimestamp !== undefined;

export function isAvailable({ set, now }: View, pod: AnyPod): boolean {
  return availableInMs(pod, set.spec?.minReadySeconds ?? 0, now) === 0;
}

function limit(set: AnyDaemonSet, field: "maxSurge" | "maxUnavailable", total: number): number {
  if (set.spec?.updateStrategy?.type !== "RollingUpdate") return 0;
  return intOrPercent(set.spec.updateStrategy.rollingUpdate?.[field] ?? 0, total, true);
}

/** A pod where one belongs, and none elsewhere. */
export function upkeep(view: View): Upkeep {
  const create: string[] = [];
  const remove: AnyPod[] = [];
  const ended: { pod: AnyPod; nodeName: string }[] = [];
  const surging = limit(view.set, "maxSurge", 1) > 0;
  for (const [nodeName, { fit }] of view.nodes) {
    const pods = view.podsByNode.get(nodeName);
    if (!pods) {
      if (fit.run) create.push(nodeName);
      continue;
    }
    const present = pods.filter((pod) => !isGoing(pod));
    if (!fit.stay) {
      remove.push(...present);
      continue;
    }
    for (const pod of present) if (isTerminal(pod)) ended.push({ pod, nodeName });
    const running = present.filter((pod) => !isTerminal(pod)).toSorted(oldestFirst);
    if (!surging) remove.push(...running.slice(1));
    else if (running.length > 1) remove.push(...surplusOfSurge(view, running));
    // A pod that goes is replaced before it is gone; a failed one that must wait for its turn counts as none.
    else if (running.length === 0 && fit.run) create.push(nodeName);
  }
  // Made for nodes that are gone, they will never be bound, and nobody else deletes them.
  for (const [nodeName, pods] of view.podsByNode) {
    if (!view.nodes.has(nodeName)) remove.push(...pods.filter((pod) => !pod.spec?.nodeName));
  }
  return { create, remove, ended };
}

/** One old and one new may be there at once, as long as the old one serves and the new one does not yet. */
function surplusOfSurge(view: View, running: readonly AnyPod[]): AnyPod[] {
  const isNew = (pod: AnyPod) => pod.metadata?.labels?.[REVISION_LABEL] === view.hash;
  const newest = running.find(isNew);
  const oldest = running.find((pod) => !isNew(pod));
  const surplus = running.filter((pod) => pod !== newest && pod !== oldest);
  if (newest && oldest && (!isPodReady(oldest) || isAvailable(view, newest))) surplus.push(oldest);
  return surplus;
}

/** The next step of a rolling update, when there is nothing to keep up. */
export function rollingUpdate(view: View): Changes {
  const { set, nodes } = view;
  const byNode = new Map<string, readonly AnyPod[]>(view.podsByNode);
  let desired = 0;
  for (const [nodeName, { fit }] of nodes) {
    if (!fit.run) continue;
    desired++;
    if (!byNode.has(nodeName)) byNode.set(nodeName, []);
  }
  const maxSurge = limit(set, "maxSurge", desired);
  const maxUnavailable = limit(set, "maxUnavailable", desired) || (maxSurge === 0 ? 1 : 0);
  return maxSurge === 0 ? replaceInPlace(view, byNode, maxUnavailable) : surge(view, byNode, maxSurge, desired);
}

/** Undefined: more than one of a sort, which upkeep mends first. */
function oldAndNew({ set, hash }: View, pods: readonly AnyPod[]): { readonly old?: AnyPod; readonly fresh?: AnyPod } | undefined {
  const present = pods.filter((pod) => !isGoing(pod));
  const fresh = present.filter((pod) => isUpdated(set, pod, hash));
  const old = present.filter((pod) => !isUpdated(set, pod, hash));
  if (fresh.length > 1 || old.length > 1) return undefined;
  return { ...(old[0] ? { old: old[0] } : {}), ...(fresh[0] ? { fresh: fresh[0] } : {}) };
}

/** Deletes old pods, those that do not serve at once, others as long as few enough do not; upkeep makes the new ones. */
function replaceInPlace(view: View, byNode: ReadonlyMap<string, readonly AnyPod[]>, maxUnavailable: number): Changes {
  let unavailable = 0;
  const broken: AnyPod[] = [];
  const candidates: AnyPod[] = [];
  for (const pods of byNode.values()) {
    const found = oldAndNew(view, pods);
    if (!found || Boolean(found.old) === Boolean(found.fresh)) unavailable++;
    else if (found.fresh) unavailable += isAvailable(view, found.fresh) ? 0 : 1;
    else if (found.old && !isAvailable(view, found.old)) {
      broken.push(found.old);
      unavailable++;
    } else if (found.old) candidates.push(found.old);
  }
  return { create: [], remove: [...broken, ...candidates.slice(0, Math.max(0, maxUnavailable - unavailable))] };
}

/** Makes new pods beside old ones, and deletes an old one when its new one serves. */
function surge(view: View, byNode: ReadonlyMap<string, readonly AnyPod[]>, maxSurge: number, desired: number): Changes {
  let surging = 0;
  let available = 0;
  const remove: AnyPod[] = [];
  /** On nodes where none belongs any more: they serve until enough others do. */
  const misplaced: AnyPod[] = [];
  const urgent: string[] = [];
  const candidates: string[] = [];
  for (const [nodeName, pods] of byNode) {
    const found = oldAndNew(view, pods);
    if (!found) {
      surging++;
      continue;
    }
    const { old, fresh } = found;
    const counted = old ?? fresh;
    const serves = counted !== undefined && isAvailable(view, counted);
    if (serves) available++;
    if (!old) continue;
    if (fresh) {
      if (isAvailable(view, fresh)) remove.push(old);
      else surging++;
    } else if (view.nodes.get(nodeName)?.fit.run !== true) (serves ? misplaced : remove).push(old);
    else (serves ? candidates : urgent).push(nodeName);
  }
  return {
    create: [...urgent, ...candidates.slice(0, Math.max(0, maxSurge - surging))],
    remove: [...remove, ...misplaced.slice(0, Math.max(0, available - desired))],
  };
}
