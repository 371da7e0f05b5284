import type { PluginHandle } from "../profile.ts";
import type { Filter, Plugin, PodInfo, PodRefusal, Refusal } from "../framework.ts";
import { equal } from "#lib/equal.ts";
import { makeKey } from "#meta/object.ts";
import { quantityValue } from "#meta/quantity.ts";
import { createVolumeBinder, type NodePlan, type PodVolumes } from "../volume-binder.ts";
import { claimRefsOf, notForPod } from "../volumes.ts";

export interface VolumeBindingArgs {
  /** How long a pod waits for its volumes, at most. */
  readonly bindTimeoutSeconds: number;
}

/** A pod goes where its volumes are, or where they can be found or made; and is bound when they are. */
export function volumeBinding(args: VolumeBindingArgs, handle: Pick<PluginHandle, "client" | "clock" | "listers">): Plugin {
  const binder = createVolumeBinder(handle, args.bindTimeoutSeconds * 1000);
  /** What was found for a pod on a node, for reserve() to take. */
  const found = new WeakMap<PodInfo, Map<string, NodePlan>>();
  return {
    name: "VolumeBinding",
    filter: (pod): Filter | PodRefusal | undefined => {
      if (claimRefsOf(pod.pod).length === 0) return undefined;
      const problem = whyNotYet(pod, binder.claim);
      if (problem !== undefined) return refuse(problem);
      const volumes = binder.volumesOf(pod);
      if (typeof volumes === "string") return refuse(volumes);
      const plans = new Map<string, NodePlan>();
      found.set(pod, plans);
      return { check: ({ node, name }) => checkNode(volumes, binder.plan(volumes, node), name, plans) };
    },
    reserve: (pod, { name }) => {
      const plan = found.get(pod)?.get(name);
      found.delete(pod);
      if (!plan || (plan.bindings.length === 0 && plan.provisions.length === 0)) return undefined;
      return binder.reserve(plan, name);
    },
    events: [
      {
        resource: "StorageClass",
        actions: ["add", "update"],
        helps: (_, before, after) => !before || !equal(before.allowedTopologies, after?.allowedTopologies),
      },
      {
        resource: "PersistentVolumeClaim",
        actions: ["add", "update"],
        helps: (pod, _, after) =>
          after?.metadata?.namespace === pod.namespace && claimRefsOf(pod.pod).some(({ name }) => name === after.metadata?.name),
      },
      { resource: "PersistentVolume", actions: ["add", "update"] },
      { resource: "Node", actions: ["add", "labels"] },
      {
        resource: "CSIDriver",
        actions: ["update"],
        helps: (pod, before, after) =>
          before?.spec.storageCapacity === true &&
          after?.spec.storageCapacity !== true &&
          (pod.pod.spec?.volumes?.some(({ csi }) => csi?.driver === after?.metadata?.name) ?? false),
      },
      {
        resource: "CSIStorageCapacity",
        actions: ["add", "update"],
        helps: (_, before, after) => {
          const limitOf = (capacity: typeof after) => capacity?.maximumVolumeSize ?? capacity?.capacity;
          const [was, is] = [limitOf(before), limitOf(after)];
          return !before || (is !== undefined && (was === undefined || quantityValue(is) > quantityValue(was)));
        },
      },
    ],
  };
}

function checkNode(volumes: PodVolumes, plan: NodePlan | Refusal, name: string, plans: Map<string, NodePlan>): Refusal | undefined {
  if ("reasons" in plan) return plan;
  if (volumes.unbound.length > 0) plans.set(name, plan);
  return undefined;
}

function whyNotYet(pod: PodInfo, claimOf: ReturnType<typeof createVolumeBinder>["claim"]): string | undefined {
  for (const { name, ephemeral } of claimRefsOf(pod.pod)) {
    const claim = claimOf(makeKey(pod.namespace, name));
    const quoted = JSON.stringify(name);
    if (!claim) {
      return ephemeral
        ? `waiting for ephemeral volume controller to create the persistentvolumeclaim ${quoted}`
        : `persistentvolumeclaim ${quoted} not found`;
    }
    if (claim.status?.phase === "Lost") {
      return `persistentvolumeclaim ${quoted} bound to non-existent persistentvolume ${JSON.stringify(claim.spec?.volumeName ?? "")}`;
    }
    if (claim.metadata?.deletionTimestamp !== undefined) return `persistentvolumeclaim ${quoted} is being deleted`;
    const wrong = ephemeral ? notForPod(pod.pod, claim) : undefined;
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function refuse(reason: string): PodRefusal {
  return { refusal: { reasons: [reason], unresolvable: true } };
}
