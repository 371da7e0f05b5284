// Finds volumes for claims that wait for their first consumer, and sees to it that they are bound. What was decided for
// one pod is taken into account for the next before the API shows it. Rules: kube-scheduler plugins/volumebinding.

import { PersistentVolume, PersistentVolumeClaim } from "#kinds/api/core-v1.gen.ts";
import type { StorageClass } from "#kinds/api/storage-v1.gen.ts";
import { type DeepReadonly, type Key, keyOf, makeKey } from "#meta/object.ts";
import { quantityValue } from "#meta/quantity.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import type { AnyNode, PodInfo, Refusal, Reservation } from "./framework.ts";
import type { PluginHandle } from "./profile.ts";
import {
  type AnyClaim,
  type AnyVolume,
  BOUND_BY_CONTROLLER,
  claimClass,
  claimRefsOf,
  findMatchingVolume,
  isFullyBound,
  requestedBytes,
  SELECTED_NODE,
  topologyAllowsNode,
  volumeAllowsNode,
  volumeClass,
} from "./volumes.ts";

/** The claims of a pod. */
export interface PodVolumes {
  readonly bound: readonly AnyClaim[];
  /** They wait for their first consumer. */
  readonly unbound: readonly AnyClaim[];
  /** Volumes that they might get, by class. */
  readonly free: ReadonlyMap<string, readonly AnyVolume[]>;
}

/** What has to be done for a pod to have its volumes on a node. */
export interface NodePlan {
  readonly bindings: readonly { readonly volume: AnyVolume; readonly claim: AnyClaim }[];
  readonly provisions: readonly AnyClaim[];
}

export interface VolumeBinder {
  /** With what is assumed. */
  claim(key: Key): AnyClaim | undefined;
  /** A text: why the pod can go nowhere. */
  volumesOf(pod: PodInfo): PodVolumes | string;
  plan(volumes: PodVolumes, node: AnyNode): NodePlan | Refusal;
  reserve(plan: NodePlan, node: string): Reservation;
}

const NODE_CONFLICT = "node(s) didn't match PersistentVolume's node affinity";
const BIND_CONFLICT = "node(s) didn't find available persistent volumes to bind";
const NO_SPACE = "node(s) did not have enough free storage";
const NO_VOLUME = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)";
const NO_PROVISIONER = "kubernetes.io/no-provisioner";
const READY: NodePlan = { bindings: [], provisions: [] };

type Handle = Pick<PluginHandle, "client" | "clock" | "listers">;

export function createVolumeBinder({ client, clock, listers }: Handle, timeoutMs: number): VolumeBinder {
  /** Decided, and not yet shown by the API. */
  const assumedVolumes = new Map<Key, DeepReadonly<PersistentVolume>>();
  const assumedClaims = new Map<Key, DeepReadonly<PersistentVolumeClaim>>();
  const volume = (key: Key) => assumedVolumes.get(key) ?? listers.volumes.get(key);
  const claim = (key: Key) => assumedClaims.get(key) ?? listers.claims.get(key);
  const classOf = (name: string) => listers.classes.get(makeKey(undefined, name));

  const hasSpace = (wanted: AnyClaim, storageClass: DeepReadonly<StorageClass>, node: AnyNode): boolean => {
    if (wanted.spec?.resources?.requests?.["storage"] === undefined) return true;
    if (listers.csiDrivers.get(makeKey(undefined, storageClass.provisioner))?.spec.storageCapacity !== true) return true;
    const bytes = requestedBytes(wanted);
    return listers.capacities.list().some(({ storageClassName, maximumVolumeSize, capacity, nodeTopology }) => {
      const limit = maximumVolumeSize ?? capacity;
      if (storageClassName !== storageClass.metadata?.name || limit === undefined || nodeTopology === undefined) return false;
      return quantityValue(limit) >= bytes && labelSelectorMatcher(nodeTopology).matches(node.metadata?.labels);
    });
  };
  const checkBound = (bound: readonly AnyClaim[], node: AnyNode): string | undefined => {
    for (const { spec } of bound) {
      const found = volume(makeKey(undefined, spec?.volumeName ?? ""));
      if (!found) return NO_VOLUME;
      if (!volumeAllowsNode(found, node)) return NODE_CONFLICT;
    }
    return undefined;
  };
  const checkProvisions = (wanted: readonly AnyClaim[], node: AnyNode): string | undefined => {
    for (const one of wanted) {
      const storageClass = classOf(claimClass(one));
      if (!storageClass?.provisioner || storageClass.provisioner === NO_PROVISIONER) return BIND_CONFLICT;
      if (!topologyAllowsNode(storageClass.allowedTopologies, node)) return BIND_CONFLICT;
      if (!hasSpace(one, storageClass, node)) return NO_SPACE;
    }
    return undefined;
  };

  return {
    claim,
    volumesOf(pod) {
      const bound: AnyClaim[] = [];
      const unbound: AnyClaim[] = [];
      const free = new Map<string, readonly AnyVolume[]>();
      for (const { name } of claimRefsOf(pod.pod)) {
        const found = claim(makeKey(pod.namespace, name));
        if (!found) return `persistentvolumeclaim ${JSON.stringify(name)} not found`;
        if (isFullyBound(found)) {
          bound.push(found);
          continue;
        }
        const className = claimClass(found);
        const waits = className !== "" && classOf(className)?.volumeBindingMode === "WaitForFirstConsumer";
        if (!waits || found.spec?.volumeName) return "pod has unbound immediate PersistentVolumeClaims";
        unbound.push(found);
        if (!free.has(className)) {
          const all = listers.volumes.list().map((one) => volume(keyOf(one)) ?? one);
          free.set(
            className,
            all.filter((one) => volumeClass(one) === className),
          );
        }
      }
      return { bound, unbound: unbound.toSorted((a, b) => requestedBytes(a) - requestedBytes(b)), free };
    },
    plan({ bound, unbound, free }, node) {
      const reasons: string[] = [];
      const conflict = checkBound(bound, node);
      if (conflict !== undefined) reasons.push(conflict);
      const bindings: { volume: AnyVolume; claim: AnyClaim }[] = [];
      const provisions: AnyClaim[] = [];
      const taken = new Set<string>();
      const refusal = (reason: string): Refusal => ({ reasons: [...reasons, reason], unresolvable: true });
      for (const one of unbound) {
        const selected = one.metadata?.annotations?.[SELECTED_NODE];
        if (selected !== undefined && selected !== node.metadata?.name) return refusal(BIND_CONFLICT);
        const match = selected === undefined ? findMatchingVolume(one, free.get(claimClass(one)) ?? [], node, taken) : undefined;
        if (!match) {
          provisions.push(one);
          continue;
        }
        taken.add(match.metadata?.name ?? "");
        bindings.push({ volume: match, claim: one });
      }
      const lack = checkProvisions(provisions, node);
      if (lack !== undefined) return refusal(lack);
      if (reasons.length > 0) return { reasons, unresolvable: true };
      return unbound.length === 0 ? READY : { bindings, provisions };
    },
    reserve(plan, node) {
      const volumes = plan.bindings.map(({ volume: one, claim: by }) => promise(one, by));
      const claims = plan.provisions.map((one) => selectNode(one, node));
      for (const one of volumes) assumedVolumes.set(keyOf(one), one);
      for (const one of claims) assumedClaims.set(keyOf(one), one);
      const release = () => {
        for (const one of volumes) if (assumedVolumes.get(keyOf(one)) === one) assumedVolumes.delete(keyOf(one));
        for (const one of claims) if (assumedClaims.get(keyOf(one)) === one) assumedClaims.delete(keyOf(one));
      };
      const preBind = async (signal: AbortSignal) => {
        for (const one of volumes) await client.update(PersistentVolume, one, { signal });
        for (const one of claims) {
          if (listers.claims.get(keyOf(one))?.metadata?.annotations?.[SELECTED_NODE] === node) continue;
          await client.update(PersistentVolumeClaim, one, { signal });
        }
        await untilBound([...plan.bindings.map(({ claim: one }) => one), ...plan.provisions], node, plan.provisions, signal);
        release();
      };
      return { preBind, release };
    },
  };

  /** Rejects if somebody decides otherwise, or it takes too long. */
  async function untilBound(claims: readonly AnyClaim[], node: string, provisioned: readonly AnyClaim[], signal: AbortSignal) {
    const timeout = new AbortController();
    const timer = clock.after(timeoutMs, () => timeout.abort());
    /** The API shows the choice of node at last: from then on it must stay. */
    const selected = new Set<Key>();
    let problem: string | undefined;
    const done = () => {
      for (const one of claims) {
        const now = listers.claims.get(keyOf(one));
        const name = one.metadata?.name ?? "";
        if (!now) problem = `persistentvolumeclaim ${JSON.stringify(name)} not found`;
        else if (provisioned.includes(one)) {
          const chosen = now.metadata?.annotations?.[SELECTED_NODE];
          if (chosen === node) selected.add(keyOf(one));
          // The provisioner gave up on this node: another is to be chosen.
          else if (selected.has(keyOf(one))) problem = `provisioning failed for PVC ${JSON.stringify(name)}`;
        }
      }
      return problem !== undefined || claims.every((one) => isBoundNow(keyOf(one)));
    };
    try {
      await listers.claims.until(done, AbortSignal.any([signal, timeout.signal]));
    } finally {
      timer.cancel();
    }
    if (signal.aborted) throw new Error("stopped");
    if (problem !== undefined) throw new Error(`binding volumes: ${problem}`);
    if (timeout.signal.aborted) throw new Error("binding volumes: context deadline exceeded");
  }

  function isBoundNow(key: Key): boolean {
    const now = listers.claims.get(key);
    return now !== undefined && isFullyBound(now);
  }
}

/** As the volume controller finds it: a volume that is to be this claim's. */
function promise(volume: AnyVolume, claim: AnyClaim): PersistentVolume {
  const copy = structuredClone(volume) as PersistentVolume; // a clone is nobody else's
  const { name = "", namespace = "", uid = "", resourceVersion = "" } = claim.metadata ?? {};
  if (copy.spec && copy.spec.claimRef?.uid !== uid) {
    // A volume that its maker had meant for this claim was not bound by us.
    const meant = copy.spec.claimRef !== undefined;
    copy.spec.claimRef = { kind: "PersistentVolumeClaim", apiVersion: "v1", namespace, name, uid, resourceVersion };
    if (!meant && copy.metadata) copy.metadata.annotations = { ...copy.metadata.annotations, [BOUND_BY_CONTROLLER]: "yes" };
  }
  return copy;
}

function selectNode(claim: AnyClaim, node: string): PersistentVolumeClaim {
  const copy = structuredClone(claim) as PersistentVolumeClaim; // a clone is nobody else's
  if (copy.metadata) copy.metadata.annotations = { ...copy.metadata.annotations, [SELECTED_NODE]: node };
  return copy;
}
