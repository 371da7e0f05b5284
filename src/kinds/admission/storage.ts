// StorageObjectInUseProtection and PersistentVolumeClaimResize.

import type { AdmissionPlugin } from "#apiserver/admission.ts";
import type { Registry } from "#apiserver/registry.ts";
import type { PersistentVolumeClaim } from "#kinds/api/core-v1.gen.ts";
import { StorageClass } from "#kinds/api/storage-v1.gen.ts";
import { compare } from "#kinds/shared/quantities.ts";
import { storageClassOf } from "#kinds/shared/volumes.ts";
import { makeKey } from "#meta/object.ts";
import { refuse } from "./refuse.ts";
import { isCreationOf } from "./requests.ts";

const FINALIZERS: Readonly<Record<string, string>> = {
  persistentvolumes: "kubernetes.io/pv-protection",
  persistentvolumeclaims: "kubernetes.io/pvc-protection",
};

/** The finalizers that keep volumes and claims while they are used; their controllers take them off. */
export function storageObjectInUseProtection(): AdmissionPlugin {
  return {
    name: "StorageObjectInUseProtection",
    handles: isCreationOf("", ...Object.keys(FINALIZERS)),
    mutate({ object, resource }) {
      const finalizer = FINALIZERS[resource.plural];
      if (!object || finalizer === undefined) return;
      const finalizers = ((object.metadata ??= {}).finalizers ??= []);
      if (!finalizers.includes(finalizer)) finalizers.push(finalizer);
    },
  };
}

/** Claims grow only if they are bound, by a class that allows it. */
export function persistentVolumeClaimResize({ registry }: { readonly registry: Registry }): AdmissionPlugin {
  const classOf = ({ metadata, spec }: PersistentVolumeClaim) => storageClassOf(metadata?.annotations, spec?.storageClassName);
  return {
    name: "PersistentVolumeClaimResize",
    handles: (operation, { group, plural }, subresource) =>
      operation === "UPDATE" && group === "" && plural === "persistentvolumeclaims" && subresource === "",
    async validate(attributes) {
      // handles() lets only claims through
      const [next, previous] = [attributes.object as PersistentVolumeClaim, attributes.oldObject as PersistentVolumeClaim];
      const sizeOf = ({ spec }: PersistentVolumeClaim) => spec?.resources?.requests?.["storage"];
      if (compare(sizeOf(next), sizeOf(previous)) <= 0) return;
      if (previous.status?.phase !== "Bound") throw refuse(attributes, "Only bound persistent volume claims can be expanded");
      const name = classOf(next);
      const found = name !== "" && name === classOf(previous) ? await registry.get(StorageClass, makeKey("", name)) : undefined;
      if (found?.allowVolumeExpansion === true) return;
      const cause = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
      throw refuse(attributes, cause);
    },
  };
}
