// Makes the claims of pods' ephemeral volumes: each lives and goes with its pod.

import { PersistentVolumeClaim, Pod } from "#kinds/api/core-v1.gen.ts";
import { clone } from "#lib/clone.ts";
import { controllerReference } from "#meta/controller-reference.ts";
import { type DeepReadonly, keyOf, makeKey } from "#meta/object.ts";
import { type ControllerDefinition, index, type ReconcileContext, watch } from "#reconcile/controller.ts";
import { claimKeysOf, claimOfVolume, notForPod } from "../claims.ts";

const PODS_BY_CLAIM = "pods-by-claim";

export const ephemeralVolumeController: ControllerDefinition = {
  name: "ephemeral-volume-controller",
  eventSource: "ephemeral_volume",
  for: Pod,
  watches: [watch(PersistentVolumeClaim, (claim, cache) => cache(Pod).byIndex(PODS_BY_CLAIM, keyOf(claim)).map(keyOf))],
  indexes: [index(Pod, PODS_BY_CLAIM, claimKeysOf)],
  async reconcile(key, context) {
    const pod = context.cache(Pod).get(key);
    if (!pod || pod.metadata?.deletionTimestamp !== undefined) return;
    for (const volume of pod.spec?.volumes ?? []) {
      if (!volume.ephemeral) continue;
      try {
        await makeClaim(pod, volume, context);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        context.events.event({ resource: Pod, object: pod }, "Warning", "FailedBinding", `ephemeral volume ${volume.name}: ${message}`);
        throw new Error(`pod ${key}, ephemeral volume ${volume.name}: ${message}`, { cause: error });
      }
    }
  },
};

type AnyPodVolume = NonNullable<NonNullable<DeepReadonly<Pod>["spec"]>["volumes"]>[number];

async function makeClaim(pod: DeepReadonly<Pod>, volume: AnyPodVolume, { cache, client, signal }: ReconcileContext): Promise<void> {
  const use = claimOfVolume(pod, volume);
  const template = volume.ephemeral?.volumeClaimTemplate;
  if (!use || !template) return;
  const namespace = pod.metadata?.namespace ?? "";
  const existing = cache(PersistentVolumeClaim).get(makeKey(namespace, use.name));
  if (existing) {
    const conflict = notForPod(pod, existing);
    if (conflict !== undefined) throw new Error(conflict);
    return;
  }
  const { annotations, labels } = template.metadata ?? {};
  const metadata = {
    name: use.name,
    namespace,
    ownerReferences: [controllerReference(Pod, pod)],
    ...(annotations ? { annotations: clone(annotations) } : {}),
    ...(labels ? { labels: clone(labels) } : {}),
  };
  try {
    await client.create(PersistentVolumeClaim, { metadata, spec: clone(template.spec) }, { signal });
  } catch (error) {
    throw new Error(`create PVC ${use.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
