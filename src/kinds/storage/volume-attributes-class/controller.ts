// Keeps a class of attributes for as long as a volume or a claim has it or is to get it.

import { PersistentVolume, PersistentVolumeClaim } from "#kinds/api/core-v1.gen.ts";
import { VolumeAttributesClass } from "#kinds/api/storage-v1.gen.ts";
import { finalizerStep } from "#kinds/shared/protection.ts";
import { type DeepReadonly, makeKey } from "#meta/object.ts";
import { type ControllerDefinition, index, watch } from "#reconcile/controller.ts";

const VAC_PROTECTION = "kubernetes.io/vac-protection";
const BY_ATTRIBUTES_CLASS = "by-attributes-class";

function classesOfClaim({ spec, status }: DeepReadonly<PersistentVolumeClaim>): string[] {
  const names = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ];
  return [...new Set(names.filter((name): name is string => Boolean(name)))];
}

function classesOfVolume({ spec }: DeepReadonly<PersistentVolume>): string[] {
  return spec?.volumeAttributesClassName ? [spec.volumeAttributesClassName] : [];
}

const keys = (names: readonly string[]) => names.map((name) => makeKey(undefined, name));

export const volumeAttributesClassProtection: ControllerDefinition = {
  name: "volumeattributesclass-protection-controller",
  for: VolumeAttributesClass,
  watches: [
    watch(PersistentVolumeClaim, (claim) => keys(classesOfClaim(claim))),
    watch(PersistentVolume, (volume) => keys(classesOfVolume(volume))),
  ],
  indexes: [
    index(PersistentVolumeClaim, BY_ATTRIBUTES_CLASS, classesOfClaim),
    index(PersistentVolume, BY_ATTRIBUTES_CLASS, classesOfVolume),
  ],
  async reconcile(key, { cache, client, signal }) {
    const found = cache(VolumeAttributesClass).get(key);
    const name = found?.metadata?.name ?? "";
    const isUsed = () =>
      cache(PersistentVolume).byIndex(BY_ATTRIBUTES_CLASS, name).length > 0 ||
      cache(PersistentVolumeClaim).byIndex(BY_ATTRIBUTES_CLASS, name).length > 0;
    const next = found && finalizerStep(found, VAC_PROTECTION, isUsed);
    if (next) await client.update(VolumeAttributesClass, next, { signal });
  },
};
