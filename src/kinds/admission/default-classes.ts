// DefaultStorageClass and DefaultIngressClass: who names no class gets the default one, the newest if there are several.

import type { AdmissionPlugin } from "#apiserver/admission.ts";
import type { Registry } from "#apiserver/registry.ts";
import type { PersistentVolumeClaim } from "#kinds/api/core-v1.gen.ts";
import { type Ingress, IngressClass } from "#kinds/api/networking-v1.gen.ts";
import { StorageClass } from "#kinds/api/storage-v1.gen.ts";
import { newestOf } from "#kinds/shared/newest.ts";
import { defaultClassOf } from "#kinds/storage/storage-class/default-class.ts";
import { isCreationOf } from "./requests.ts";

interface Options {
  readonly registry: Registry;
}

const INGRESS_DEFAULT = "ingressclass.kubernetes.io/is-default-class";
/** Older ways to name a class. */
const CLAIM_CLASS = "volume.beta.kubernetes.io/storage-class";
const INGRESS_CLASS = "kubernetes.io/ingress.class";

export function defaultStorageClass({ registry }: Options): AdmissionPlugin {
  return {
    name: "DefaultStorageClass",
    handles: isCreationOf("", "persistentvolumeclaims"),
    async mutate({ object }) {
      const { metadata, spec } = object as PersistentVolumeClaim; // handles() lets only claims through
      if (!spec || spec.storageClassName !== undefined || metadata?.annotations?.[CLAIM_CLASS] !== undefined) return;
      const name = defaultClassOf(await registry.list(StorageClass))?.metadata?.name;
      if (name !== undefined) spec.storageClassName = name;
    },
  };
}

export function defaultIngressClass({ registry }: Options): AdmissionPlugin {
  return {
    name: "DefaultIngressClass",
    handles: isCreationOf("networking.k8s.io", "ingresses"),
    async mutate({ object }) {
      const ingress = object as Ingress; // handles() lets only ingresses through
      if (ingress.spec?.ingressClassName !== undefined || ingress.metadata?.annotations?.[INGRESS_CLASS] !== undefined) return;
      const classes = await registry.list(IngressClass);
      const name = newestOf(classes.filter(({ metadata }) => metadata?.annotations?.[INGRESS_DEFAULT] === "true"))?.metadata?.name;
      if (name !== undefined) (ingress.spec ??= {}).ingressClassName = name;
    },
  };
}
