// Makes the claims of pods' ephemeral volumes: each lives and goes with its pod. Keys are claims, so that other pods cost nothing.

import { PersistentVolumeClaim, Pod } from "#kinds/api/core-v1.gen.ts";
import { clone } from "#lib/clone.ts";
import { controllerReference } from "#meta/controller-reference.ts";
import { type DeepReadonly, type Key, keyOf, makeKey, splitKey } from "#meta/object.ts";
import { type ControllerDefinition, index, type ReconcileContext, watch } from "#reconcile/controller.ts";
import { claimsOf, notForPod } from "../claims.ts";

type AnyPod = DeepReadonly<Pod>;

const PODS_BY_EPHEMERAL_CLAIM = "pods-by-ephemeral-claim";

function ephemeralKeys(pod: AnyPod): Key[] {
  if (pod.metadata?.deletionTimestamp !== undefined) return [];
  return claimsOf(pod).flatMap(({ name, ephemeral }) => (ephemeral ? [makeKey(pod.metadata?.namespace, name)] : []));
}

export const ephemeralVolumeController: ControllerDefinition = {
  name: "ephemeral-volume-controller",
  eventSource: "ephemeral_volume",
  for: PersistentVolumeClaim,
  watches: [watch(Pod, ephemeralKeys)],
  indexes: [index(Pod, PODS_BY_EPHEMERAL_CLAIM, ephemeralKeys)],
  async reconcile(key, context) {
    const failures: Error[] = [];
    for (const pod of context.cache(Pod).byIndex(PODS_BY_EPHEMERAL_CLAIM, key)) {
      const volume = claimsOf(pod).find(({ name, ephemeral }) => ephemeral && name === splitKey(key).name)?.volume ?? "";
      try {
        await makeClaim(key, pod, volume, context);
      } catch (error) {
        const message = `ephemeral volume ${volume}: ${error instanceof Error ? error.message : String(error)}`;
        context.events.event({ resource: Pod, object: pod }, "Warning", "FailedBinding", message);
        failures.push(new Error(`pod ${keyOf(pod)}, ${message}`, { cause: error }));
      }
    }
    if (failures[0]) throw failures[0];
  },
};

async function makeClaim(key: Key, pod: AnyPod, volume: string, { cache, client, signal }: ReconcileContext): Promise<void> {
  const template = pod.spec?.volumes?.find(({ name }) => name === volume)?.ephemeral?.volumeClaimTemplate;
  if (!template) return;
  const existing = cache(PersistentVolumeClaim).get(key);
  if (existing) {
    const conflict = notForPod(pod, existing);
    if (conflict !== undefined) throw new Error(conflict);
    return;
  }
  const { annotations, labels } = template.metadata ?? {};
  const metadata = {
    ...splitKey(key),
    ownerReferences: [controllerReference(Pod, pod)],
    ...(annotations ? { annotations: clone(annotations) } : {}),
    ...(labels ? { labels: clone(labels) } : {}),
  };
  try {
    await client.create(PersistentVolumeClaim, { metadata, spec: clone(template.spec) }, { signal });
  } catch (error) {
    throw new Error(`create PVC ${metadata.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
