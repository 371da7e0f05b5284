// The kinds the server serves, replaceable while it runs. Groups are in the order of the first definitions; those that come later follow by name.

import type { KindDefinition } from "#meta/kind.ts";
import { serveKind, type ServedKind } from "./objects/served-kind.ts";

export interface ServedVersion {
  readonly version: string;
  readonly kinds: readonly ServedKind[];
}

export interface ServedGroup {
  readonly group: string;
  /** Preferred version first. */
  readonly versions: readonly ServedVersion[];
}

export interface KindCatalog {
  find(group: string, version: string, plural: string): ServedKind | undefined;
  /** The core group (named "") first if there is one. */
  readonly groups: readonly ServedGroup[];
  readonly kinds: readonly ServedKind[];
  /** Adds kinds, or replaces those of the same group, version and plural. */
  put(definitions: readonly KindDefinition[]): void;
  remove(group: string, version: string, plural: string): void;
  onChange(callback: () => void): Disposable;
}

export function createKindCatalog(definitions: readonly KindDefinition[]): KindCatalog {
  const kinds = new Map<string, ServedKind>();
  const listeners = new Set<() => void>();
  let groups: readonly ServedGroup[] | undefined;
  const keyOf = (group: string, version: string, plural: string) => `${group}/${version}/${plural}`;
  const put = (added: readonly KindDefinition[]) => {
    for (const definition of added) {
      const { group, version, plural } = definition.resource;
      kinds.set(keyOf(group, version, plural), serveKind(definition));
    }
    groups = undefined;
    for (const listener of listeners) listener();
  };
  put(definitions);
  const ranks = new Map(groupKinds(kinds.values()).map(({ group }, rank) => [group, rank]));
  return {
    find: (group, version, plural) => kinds.get(keyOf(group, version, plural)),
    get groups() {
      return (groups ??= groupKinds(kinds.values(), ranks));
    },
    get kinds() {
      return [...kinds.values()];
    },
    put,
    remove(group, version, plural) {
      if (kinds.delete(keyOf(group, version, plural))) put([]);
    },
    onChange(callback) {
      listeners.add(callback);
      return { [Symbol.dispose]: () => void listeners.delete(callback) };
    },
  };
}

function groupKinds(kinds: Iterable<ServedKind>, ranks?: ReadonlyMap<string, number>): ServedGroup[] {
  const groups = new Map<string, Map<string, ServedKind[]>>();
  for (const kind of kinds) {
    const { group, version } = kind.resource;
    let versions = groups.get(group);
    if (!versions) groups.set(group, (versions = new Map<string, ServedKind[]>()));
    const list = versions.get(version);
    if (list) list.push(kind);
    else versions.set(version, [kind]);
  }
  return Array.from(groups, ([group, versions]) => ({
    group,
    versions: Array.from(versions, ([version, list]) => ({ version, kinds: list })).toSorted((a, b) =>
      compareVersions(b.version, a.version),
    ),
  })).toSorted((a, b) => Number(b.group === "") - Number(a.group === "") || (ranks ? compareGroups(a.group, b.group, ranks) : 0));
}

function compareGroups(a: string, b: string, ranks: ReadonlyMap<string, number>): number {
  const [left, right] = [ranks.get(a) ?? ranks.size, ranks.get(b) ?? ranks.size];
  return left - right || (a < b ? -1 : 1);
}

/** Kubernetes' order of versions: v2 > v1 > v2beta1 > v1alpha1 > anything else. Negative if `a` is less. */
export function compareVersions(a: string, b: string): number {
  const left = rank(a);
  const right = rank(b);
  for (let index = 0; index < 3; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return a < b ? 1 : a > b ? -1 : 0;
}

function rank(version: string): readonly number[] {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (!match) return [0, 0, 0];
  const stage = match[2] === undefined ? 3 : match[2] === "beta" ? 2 : 1;
  return [stage, Number(match[1]), Number(match[3] ?? 0)];
}
