// How kinds show in discovery, in the two forms clients ask for.

import { createHash } from "node:crypto";
import type { SubresourceInfo } from "#meta/kind.ts";
import type { ServedGroup, ServedVersion } from "../kind-catalog.ts";
import type { ServedKind } from "../objects/served-kind.ts";

type Json = Readonly<Record<string, unknown>>;

/** The version in which a kind's objects are kept, which may be another one than the version that is served. */
export type StoredAs = (kind: ServedKind) => ServedKind["resource"];

/** Looks for the one of the kinds that share their storage that needs no conversion. */
export function storedAs(kinds: readonly ServedKind[]): StoredAs {
  const stored = new Map<string, ServedKind["resource"]>();
  for (const { prefix, resource, definition } of kinds) if (!definition.convert && !stored.has(prefix)) stored.set(prefix, resource);
  return ({ prefix, resource }) => stored.get(prefix) ?? resource;
}

/** meta/v1 APIResourceList: one version of one group, subresources as resources with a slash. */
export function resourceList(group: string, { version, kinds }: ServedVersion, stored: StoredAs): Json {
  const resources = kinds.flatMap((kind) => [
    resourceOf(kind, stored),
    ...kind.definition.subresources.map((one) => subresourceOf(kind, one)),
  ]);
  return {
    kind: "APIResourceList",
    ...(group === "" ? {} : { apiVersion: "v1" }),
    groupVersion: groupVersionOf(group, version),
    resources: resources.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

function resourceOf(kind: ServedKind, stored: StoredAs) {
  const { definition, resource } = kind;
  return {
    name: resource.plural,
    singularName: definition.singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs: definition.verbs.toSorted(),
    ...(definition.shortNames.length > 0 ? { shortNames: definition.shortNames } : {}),
    ...(definition.categories.length > 0 ? { categories: definition.categories } : {}),
    ...(definition.virtual ? {} : { storageVersionHash: storageVersionHash(stored(kind)) }),
  };
}

/** Storage migrators look whether it changed: upstream's formula. */
function storageVersionHash({ group, version, kind }: ServedKind["resource"]): string {
  return createHash("sha256").update(`${group}/${version}/${kind}`).digest().subarray(0, 8).toString("base64");
}

function subresourceOf({ resource }: ServedKind, { name, kind, group, version, verbs }: SubresourceInfo) {
  const foreign = (group !== undefined && group !== resource.group) || (version !== undefined && version !== resource.version);
  return {
    name: `${resource.plural}/${name}`,
    singularName: "",
    namespaced: resource.namespaced,
    ...(foreign ? { group: group ?? resource.group, version: version ?? resource.version } : {}),
    kind,
    verbs: verbs.toSorted(),
  };
}

/** meta/v1 APIGroup, without kind and apiVersion where it stands in a list. */
export function groupOf({ group, versions }: ServedGroup): Json {
  const shown = versions.map(({ version }) => ({ groupVersion: groupVersionOf(group, version), version }));
  return { name: group, versions: shown, preferredVersion: shown[0] };
}

function groupVersionOf(group: string, version: string): string {
  return group === "" ? version : `${group}/${version}`;
}

/** apidiscovery.k8s.io/v2 APIGroupDiscoveryList: everything in one answer. */
export function groupDiscoveryList(groups: readonly ServedGroup[]): Json {
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items: groups.map(({ group, versions }) => ({
      metadata: { name: group },
      versions: versions.map(({ version, kinds }) => ({
        version,
        resources: kinds.map(discoveryOf).toSorted((a, b) => (a.resource < b.resource ? -1 : 1)),
        freshness: "Current",
      })),
    })),
  };
}

function discoveryOf({ definition, resource }: ServedKind) {
  return {
    resource: resource.plural,
    responseKind: responseKind(resource.kind),
    scope: resource.namespaced ? "Namespaced" : "Cluster",
    singularResource: definition.singular,
    verbs: definition.verbs.toSorted(),
    ...(definition.shortNames.length > 0 ? { shortNames: definition.shortNames } : {}),
    ...(definition.categories.length > 0 ? { categories: definition.categories } : {}),
    ...(definition.subresources.length > 0
      ? {
          subresources: definition.subresources.map((one) => ({
            subresource: one.name,
            responseKind: responseKind(one.kind, one.group, one.version),
            verbs: one.verbs.toSorted(),
          })),
        }
      : {}),
  };
}

/** Group and version are empty where they are those of the resource itself. */
function responseKind(kind: string, group = "", version = "") {
  return { group, version, kind };
}
