// What a client has to know of a kind: where it is served and what it is called.

import type { KubeObject } from "./object.ts";

/** A reference to a served resource. `T` is the type of its objects and has no run-time trace. */
export interface Resource<T extends KubeObject = KubeObject> {
  /** API group; "" is the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Lower-case plural, as in the path: `pods`. */
  readonly plural: string;
  readonly namespaced: boolean;
  /** Never set; carries `T`. */
  readonly __type?: T;
}

/** The object type of a resource reference. */
export type ObjectOf<R> = R extends Resource<infer T> ? T : never;

/** `v1` for the core group, `apps/v1` otherwise. */
export function apiVersionOf(resource: { readonly group: string; readonly version: string }): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

/** Splits an apiVersion into group and version; `v1` has group "". */
export function parseApiVersion(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? { group: "", version: apiVersion } : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** `pods`, `deployments.apps`: how messages and RBAC name a resource. */
export function groupResource(resource: { readonly group: string; readonly plural: string }): string {
  return resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
}

/** The collection's path: `/api/v1/namespaces/default/pods`, `/apis/apps/v1/deployments`. */
export function resourcePath(
  resource: Resource,
  options: { namespace?: string | undefined; name?: string | undefined; subresource?: string | undefined } = {},
): string {
  let path = resource.group === "" ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  if (resource.namespaced && options.namespace) path += `/namespaces/${encodeURIComponent(options.namespace)}`;
  path += `/${resource.plural}`;
  if (options.name !== undefined) path += `/${encodeURIComponent(options.name)}`;
  if (options.subresource !== undefined) path += `/${options.subresource}`;
  return path;
}
