// One served version of one kind with what the server works out about it once.

import { badRequest } from "#meta/errors.ts";
import type { KindDefinition, SubresourceInfo } from "#meta/kind.ts";
import { apiVersionOf, type Resource } from "#meta/resource.ts";
import { Forms } from "./forms.ts";

export interface ServedKind {
  readonly definition: KindDefinition;
  readonly resource: Resource;
  /** `v1`, `apps/v1`. */
  readonly apiVersion: string;
  readonly forms: Forms;
  /** Ends with "/". */
  readonly prefix: string;
  /** Status is written through its own subresource only. */
  readonly hasStatus: boolean;
  /** Its structure is built in, not described by a custom resource's definition. */
  readonly isTyped: boolean;
  readonly subresource: (name: string) => SubresourceInfo | undefined;
}

export function serveKind(definition: KindDefinition): ServedKind {
  const { resource } = definition;
  const storage = definition.storagePrefix ?? (resource.group === "" ? resource.plural : `${resource.group}/${resource.plural}`);
  const subresources = new Map(definition.subresources.map((subresource) => [subresource.name, subresource]));
  return {
    definition,
    resource,
    apiVersion: apiVersionOf(resource),
    forms: new Forms(definition),
    prefix: `/registry/${storage}/`,
    hasStatus: subresources.has("status"),
    isTyped: definition.definitionName.startsWith("io.k8s."),
    subresource: (name) => subresources.get(name),
  };
}

/** The store key of one object. */
export function storeKey(kind: ServedKind, namespace: string, name: string): string {
  if (kind.resource.namespaced && namespace === "") throw badRequest("namespace must be provided");
  return kind.resource.namespaced ? `${kind.prefix}${namespace}/${name}` : kind.prefix + name;
}

/** The store prefix of a collection; "" means all namespaces. */
export function storePrefix(kind: ServedKind, namespace: string): string {
  return kind.resource.namespaced && namespace !== "" ? `${kind.prefix}${namespace}/` : kind.prefix;
}
