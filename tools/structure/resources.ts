// The served resources, read from upstream's own discovery documents (`api/discovery` in the Kubernetes repository).

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { GROUP_VERSIONS, moduleFolder } from "./sources.ts";

export interface SubresourceModel {
  readonly name: string;
  readonly kind: string;
  /** Only when the kind belongs to another group-version than the resource. */
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
  /** The kind whose fields the query has, where it is not `kind` itself. */
  readonly options?: string;
}

export interface ResourceModel {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
  readonly subresources: readonly SubresourceModel[];
  readonly packagePath: string;
}

interface ApiResource {
  readonly name: string;
  readonly singularName: string;
  readonly namespaced: boolean;
  readonly kind: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

/** All served resources, by group-version in discovery's order, by plural within one. */
export function readResources(modules: string, release: string): ResourceModel[] {
  const folder = join(moduleFolder(modules, "kubernetes", release), "api", "discovery");
  checkComplete(folder);
  return GROUP_VERSIONS.filter((entry) => entry.served !== false).flatMap(({ group, version, path }) => {
    const file = group === "" ? `api__${version}.json` : `apis__${group}__${version}.json`;
    const { resources } = readJson(join(folder, file)) as { resources: readonly ApiResource[] };
    return resources
      .filter(({ name }) => !name.includes("/"))
      .map((resource) => ({
        group,
        version,
        kind: resource.kind,
        plural: resource.name,
        singular: resource.singularName,
        namespaced: resource.namespaced,
        shortNames: resource.shortNames ?? [],
        categories: resource.categories ?? [],
        verbs: resource.verbs,
        subresources: resources.filter(({ name }) => name.startsWith(`${resource.name}/`)).map((sub) => subresource(resource.name, sub)),
        packagePath: path,
      }));
  });
}

/** What discovery leaves out: a log is text, asked for with options that are a kind of their own. */
const OPTIONS: Readonly<Record<string, string>> = { "pods/log": "PodLogOptions" };

function subresource(parent: string, { name, kind, group, version, verbs }: ApiResource): SubresourceModel {
  return {
    name: name.slice(parent.length + 1),
    kind,
    ...(group === undefined ? {} : { group }),
    ...(version === undefined ? {} : { version }),
    verbs,
    ...(OPTIONS[name] === undefined ? {} : { options: OPTIONS[name] }),
  };
}

/** Upstream's documents list beta and alpha versions too; every stable one must be in our list. */
function checkComplete(folder: string): void {
  const { groups } = readJson(join(folder, "apis.json")) as { groups: { versions: { groupVersion: string; version: string }[] }[] };
  const known = new Set(GROUP_VERSIONS.map(({ group, version }) => `${group}/${version}`));
  for (const { groupVersion, version } of groups.flatMap((group) => group.versions)) {
    if (/^v\d+$/.test(version) && !known.has(groupVersion))
      throw new Error(`${groupVersion} is served by this release but missing in sources.ts`);
  }
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, "utf8"));
}
