// What a server serves, from its discovery documents: for loops that deal with every kind there is.

import { apiVersionOf, type Resource } from "#meta/resource.ts";
import { errorOf, readBody, readText } from "./body.ts";
import type { Client } from "./client.ts";

export interface DiscoveredResource extends Resource {
  readonly verbs: readonly string[];
  /** Names, as `scale`. */
  readonly subresources: readonly string[];
}

export interface Discovery {
  /** Resources in the preferred version of their group, without subresources. */
  readonly resources: readonly DiscoveredResource[];
  /** Group versions whose document could not be had, with the reason; what they serve is unknown, not absent. */
  readonly failed: ReadonlyMap<string, Error>;
}

interface ApiGroupList {
  readonly groups: readonly {
    readonly name: string;
    readonly versions: readonly { readonly groupVersion: string; readonly version: string }[];
    readonly preferredVersion?: { readonly version: string };
  }[];
}

interface ApiResourceList {
  readonly resources: readonly {
    readonly name: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly verbs: readonly string[];
  }[];
}

/** Reads discovery. Rejects only if not even the list of groups can be had. A resource that only an older version serves is listed in that. */
export async function discover(client: Client, signal?: AbortSignal): Promise<Discovery> {
  const failed = new Map<string, Error>();
  const readVersion = async (group: string, version: string): Promise<DiscoveredResource[]> => {
    try {
      return await discoverVersion(client, { group, version }, signal);
    } catch (error) {
      if (signal?.aborted) throw error;
      failed.set(apiVersionOf({ group, version }), error instanceof Error ? error : new Error(String(error)));
      return [];
    }
  };
  const { groups } = await read<ApiGroupList>(client, "/apis", signal);
  const inOrder = [
    { name: "", versions: ["v1"] },
    ...groups.map(({ name, versions, preferredVersion }) => {
      const others = versions.map(({ version }) => version).filter((version) => version !== preferredVersion?.version);
      return { name, versions: preferredVersion ? [preferredVersion.version, ...others] : others };
    }),
  ];
  const perGroup = await Promise.all(
    inOrder.map(async ({ name, versions }) => {
      const found = new Map<string, DiscoveredResource>();
      for (const resources of await Promise.all(versions.map((version) => readVersion(name, version)))) {
        for (const resource of resources) if (!found.has(resource.plural)) found.set(resource.plural, resource);
      }
      return [...found.values()];
    }),
  );
  return { resources: perGroup.flat(), failed };
}

/** What one version of a group serves. Rejects if the server does not have it, or does not say. */
export async function discoverVersion(
  client: Client,
  { group, version }: { readonly group: string; readonly version: string },
  signal?: AbortSignal,
): Promise<DiscoveredResource[]> {
  const { resources } = await read<ApiResourceList>(client, group === "" ? `/api/${version}` : `/apis/${group}/${version}`, signal);
  const subresources = Map.groupBy(
    resources.filter(({ name }) => name.includes("/")),
    ({ name }) => name.slice(0, name.indexOf("/")),
  );
  return resources
    .filter(({ name }) => !name.includes("/"))
    .map(({ name, kind, namespaced, verbs }) => ({
      group,
      version,
      kind,
      plural: name,
      namespaced,
      verbs,
      subresources: subresources.get(name)?.map((sub) => sub.name.slice(name.length + 1)) ?? [],
    }));
}

async function read<T>(client: Client, path: string, signal: AbortSignal | undefined): Promise<T> {
  const request = { method: "GET", path, headers: { accept: "application/json" }, ...(signal ? { signal } : {}) } as const;
  const response = await client.transport(request);
  if (response.status !== 200) throw await errorOf(request, response);
  return JSON.parse(await readText(response.body)) as T; // the documents' form is fixed
}

const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

/** For loops that look again and again: discovers when what the server offers has another tag than before, otherwise gives undefined. */
export function discoverChanges(client: Client): (signal?: AbortSignal) => Promise<Discovery | undefined> {
  const tags = new Map<string, string>();
  const isUnchanged = async (path: string, signal: AbortSignal | undefined): Promise<boolean> => {
    const known = tags.get(path);
    const headers = { accept: AGGREGATED, ...(known === undefined ? {} : { "if-none-match": known }) };
    const response = await client.transport({ method: "GET", path, headers, ...(signal ? { signal } : {}) });
    await readBody(response.body);
    const tag = response.headers["etag"];
    if (response.status === 304) return true;
    if (response.status === 200 && tag !== undefined) tags.set(path, tag);
    else tags.delete(path);
    return false;
  };
  return async (signal) => {
    // The tags come before what they stand for: a change in between is found the next time.
    const unchanged = await Promise.all([isUnchanged("/api", signal), isUnchanged("/apis", signal)]);
    if (unchanged.every(Boolean)) return undefined;
    try {
      const discovery = await discover(client, signal);
      if (discovery.failed.size > 0) tags.clear();
      return discovery;
    } catch (error) {
      tags.clear();
      throw error;
    }
  };
}
