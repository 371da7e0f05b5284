import type { DeepReadonly, KubeObject, OwnerReference } from "./object.ts";
import { apiVersionOf, type Resource } from "./resource.ts";

/** The reference that makes `owner`, of kind `resource`, the controller of what carries it. */
export function controllerReference(resource: Resource, owner: DeepReadonly<KubeObject>): OwnerReference {
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name: owner.metadata?.name ?? "",
    uid: owner.metadata?.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
}
