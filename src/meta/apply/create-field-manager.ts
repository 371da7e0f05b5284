// The field manager of one version of a kind: the order in which the rules of this folder are asked.

import { clone } from "#lib/clone.ts";
import { equal } from "#lib/equal.ts";
import { ApiError, badRequest } from "../errors.ts";
import type { DeepReadonly, KubeObject, ManagedFieldsEntry } from "../object.ts";
import { fieldsOfObject } from "./applied-fields.ts";
import { compareObjects, type Comparison } from "./compare.ts";
import { configurationProblem } from "./configuration-check.ts";
import { conflictError, conflictsBeyond, type Conflicts } from "./conflicts.ts";
import type { FieldManager, FieldWriter, ManagedVersion } from "./field-manager.ts";
import {
  difference,
  EMPTY,
  included,
  intersection,
  isEmpty,
  isSubset,
  recursiveDifference,
  setOfPath,
  union,
  type FieldSet,
} from "./field-set.ts";
import { KUBECTL, lastAppliedFields, renewLastApplied } from "./last-applied.ts";
import {
  capUpdaters,
  changedOwner,
  identityOf,
  isReset,
  readOwners,
  setFields,
  writeOwners,
  type Operation,
  type Owner,
  type Owners,
} from "./managers.ts";
import { mergeObjects } from "./merge.ts";
import { FieldPathError } from "./path-element.ts";
import { reconciled, withNamedFields, withoutFields } from "./prune.ts";

/** Who owned what before anybody applied. */
const BEFORE_FIRST_APPLY = "before-first-apply";
/** For a client that does not say its name. */
const UNKNOWN = "unknown";
/** Applying never prunes these, however little a configuration says of them. */
const IDENTITY: FieldSet = setOfPath(["metadata", "name"]);

export function createFieldManager(version: ManagedVersion): FieldManager {
  return new VersionFieldManager(version);
}

class VersionFieldManager implements FieldManager {
  readonly #version: ManagedVersion;
  readonly #filters = new Map<string, FieldFilter>();
  /** Sets of owners of this version that are known to be canonical and to fit the structure: those that were read or made here before. */
  readonly #settled = new WeakSet<FieldSet>();

  constructor(version: ManagedVersion) {
    this.#version = version;
  }

  track(live: KubeObject | undefined, next: KubeObject, writer: FieldWriter): void {
    try {
      const owners = this.#ownersForUpdate(live, next, writer);
      // An object that was never tracked stays so, until somebody applies.
      const tracked = owners.size > 0 || !live?.metadata?.uid;
      if (tracked) this.#update(live, next, owners, writer);
      this.#setManagedFields(next, tracked ? owners : new Map());
    } catch (error) {
      // Upstream would rather know nothing than something wrong.
      if (!(error instanceof FieldPathError)) throw error;
      this.#setManagedFields(next, new Map());
    }
  }

  apply(live: KubeObject | undefined, configuration: KubeObject, writer: FieldWriter, force: boolean): KubeObject {
    const { apiVersion, schema } = this.#version;
    if (configuration.apiVersion !== apiVersion) {
      throw badRequest(`invalid object type: ${showKind(configuration)}`);
    }
    if (configuration.metadata?.managedFields != null) throw badRequest("metadata.managedFields must be nil");
    const problem = configurationProblem(configuration, schema);
    if (problem !== undefined) {
      throw new ApiError(500, "", `failed to create typed patch object (${showName(configuration)}): ${problem}`);
    }
    const base = live ?? { apiVersion, kind: configuration.kind ?? "" };
    try {
      const owners = this.#readOwners(live?.metadata?.managedFields);
      if (live && owners.size === 0) this.#update(undefined, live, owners, { ...writer, manager: BEFORE_FIRST_APPLY });
      const filterOf = (subresource: string, of: ManagedVersion) => this.#filterOf(subresource, of);
      const next = new Apply(this.#version, filterOf, base, configuration, owners, writer).run(force);
      this.#setManagedFields(next, owners);
      return next;
    } catch (error) {
      if (error instanceof FieldPathError) throw new ApiError(500, "", `failed to decode managed fields: ${error.message}`);
      throw error;
    }
  }

  /** The owners that the request leaves: what a client sends counts, but through subresources and when it cannot be read. */
  #ownersForUpdate(live: KubeObject | undefined, next: KubeObject, writer: FieldWriter): Owners {
    const sent = next.metadata?.managedFields;
    if (sent && writer.subresource === "") {
      if (isReset(sent)) return new Map();
      try {
        // Most send back what they read, which need not be read again.
        const current = live?.metadata?.managedFields;
        const owners = this.#readOwners(current !== undefined && equal(sent, current) ? current : sent);
        if (owners.size > 0) return owners;
      } catch (error) {
        if (!(error instanceof FieldPathError)) throw error;
      }
    }
    return this.#readOwners(live?.metadata?.managedFields);
  }

  #readOwners(entries: readonly DeepReadonly<ManagedFieldsEntry>[] | undefined): Owners {
    const home = this.#version.apiVersion;
    const owners = readOwners(entries, ({ apiVersion, fieldsV1 }) => apiVersion === home && this.#settled.has(fieldsV1 as FieldSet));
    for (const [identity, owner] of owners) {
      if (owner.apiVersion === home && this.#settled.has(owner.fields)) continue;
      const version = versionOf(this.#version, owner.apiVersion);
      const fields = version ? reconciled(owner.fields, version.schema) : owner.fields;
      if (fields !== owner.fields) owners.set(identity, changedOwner(owner, { fields }));
    }
    return owners;
  }

  #setManagedFields(object: KubeObject, owners: Owners): void {
    const entries = writeOwners(owners);
    if (entries) (object.metadata ??= {}).managedFields = entries;
    else if (object.metadata) delete object.metadata.managedFields;
    for (const { apiVersion, fields } of owners.values()) if (apiVersion === this.#version.apiVersion) this.#settled.add(fields);
  }

  /** Takes what the write changed from everybody and gives it to the writer. Changes `owners`. */
  #update(live: KubeObject | undefined, next: KubeObject, owners: Owners, writer: FieldWriter): void {
    const before = live ?? EMPTY_OBJECT;
    const comparisons = new Comparisons(this.#version, before, next, false, (version) => this.#filterOf(writer.subresource, version));
    for (const [identity, owner] of owners) {
      const comparison = comparisons.of(owner.apiVersion);
      if (comparison === undefined) owners.delete(identity);
      else setFields(owners, identity, owner, without(owner.fields, comparison));
    }
    const { changed } = comparisons.own;
    if (changed !== undefined) {
      const identity = identityOf(ownerOf(writer, "Update", this.#version.apiVersion));
      const previous = owners.get(identity);
      const fields = previous ? union(changed, previous.fields) : changed;
      owners.set(identity, { ...ownerOf(writer, "Update", this.#version.apiVersion), time: writer.now, fields });
    }
    capUpdaters(owners);
  }

  #filterOf(subresource: string, version: ManagedVersion): FieldFilter {
    const key = `${version.apiVersion} ${subresource}`;
    let filter = this.#filters.get(key);
    if (filter === undefined) this.#filters.set(key, (filter = filterOf(subresource, version)));
    return filter;
  }
}

/** What of a set a writer can own. */
type FieldFilter = (set: FieldSet) => FieldSet;

function filterOf(subresource: string, version: ManagedVersion): FieldFilter {
  const ownable = version.ownableFields?.(subresource);
  if (ownable) return (set) => included(set, ownable);
  const reset = version.resetFields(subresource).reduce((all, path) => union(all, setOfPath(path)), EMPTY);
  return (set) => recursiveDifference(set, reset);
}

const EMPTY_OBJECT: KubeObject = Object.freeze({});
const NOTHING_CHANGED: Comparison = Object.freeze({});

/** What differs between two objects, in each version that an owner knows them in. */
class Comparisons {
  readonly own: Comparison;
  readonly #version: ManagedVersion;
  readonly #live: KubeObject;
  readonly #next: KubeObject;
  readonly #filterOf: (version: ManagedVersion) => FieldFilter;
  readonly #others = new Map<string, Comparison | undefined>();

  constructor(
    version: ManagedVersion,
    live: KubeObject,
    next: KubeObject,
    raw: boolean,
    filterOf: (version: ManagedVersion) => FieldFilter,
  ) {
    this.#version = version;
    this.#live = live;
    this.#next = next;
    this.#filterOf = filterOf;
    this.own = live === next ? NOTHING_CHANGED : filtered(compareObjects(live, next, version.schema, { raw }), filterOf(version));
  }

  /** Undefined if the version is not served any more. */
  of(apiVersion: string): Comparison | undefined {
    if (apiVersion === this.#version.apiVersion) return this.own;
    if (!this.#others.has(apiVersion)) this.#others.set(apiVersion, this.#compareIn(apiVersion));
    return this.#others.get(apiVersion);
  }

  #compareIn(apiVersion: string): Comparison | undefined {
    const other = this.#version.other?.(apiVersion);
    if (!other) return undefined;
    if (this.#live === this.#next) return NOTHING_CHANGED;
    const comparison = compareObjects(other.to(this.#live), other.to(this.#next), other.version.schema, { raw: false });
    return filtered(comparison, this.#filterOf(other.version));
  }
}

function filtered({ changed, removed }: Comparison, filter: FieldFilter): Comparison {
  return { changed: unlessEmpty(changed && filter(changed)), removed: unlessEmpty(removed && filter(removed)) };
}

function unlessEmpty(set: FieldSet | undefined): FieldSet | undefined {
  return set && !isEmpty(set) ? set : undefined;
}

function without(fields: FieldSet, { changed, removed }: Comparison): FieldSet {
  let left = fields;
  if (changed) left = difference(left, changed);
  if (removed) left = difference(left, removed);
  return left;
}

function ownerOf(writer: FieldWriter, operation: Operation, apiVersion: string): Omit<Owner, "fields"> {
  return {
    manager: writer.manager === "" ? UNKNOWN : writer.manager,
    operation,
    subresource: writer.subresource,
    apiVersion,
    time: undefined,
  };
}

function versionOf(home: ManagedVersion, apiVersion: string): ManagedVersion | undefined {
  return apiVersion === home.apiVersion ? home : home.other?.(apiVersion)?.version;
}

function showKind({ apiVersion = "", kind = "" }: KubeObject): string {
  return `${apiVersion.includes("/") ? apiVersion : `/${apiVersion}`}, Kind=${kind}`;
}

function showName(object: KubeObject): string {
  return `${object.metadata?.namespace ?? ""}/${object.metadata?.name ?? ""}; ${showKind(object)}`;
}

/** One apply, whose steps share the object, the owners and the writer. */
class Apply {
  readonly #version: ManagedVersion;
  readonly #filterOf: (subresource: string, version: ManagedVersion) => FieldFilter;
  readonly #live: KubeObject;
  readonly #configuration: KubeObject;
  readonly #owners: Owners;
  readonly #writer: FieldWriter;
  readonly #identity: string;

  constructor(
    version: ManagedVersion,
    filterOf: (subresource: string, version: ManagedVersion) => FieldFilter,
    live: KubeObject,
    configuration: KubeObject,
    owners: Owners,
    writer: FieldWriter,
  ) {
    this.#version = version;
    this.#filterOf = filterOf;
    this.#live = live;
    this.#configuration = configuration;
    this.#owners = owners;
    this.#writer = writer;
    this.#identity = identityOf(ownerOf(writer, "Apply", version.apiVersion));
  }

  run(force: boolean): KubeObject {
    const filter = this.#filterOf(this.#writer.subresource, this.#version);
    const before = this.#owners.get(this.#identity)?.fields;
    const fields = filter(fieldsOfObject(this.#configuration, this.#version.schema, before));
    const next = this.#prune(mergeObjects(this.#live, this.#configuration, this.#version.schema), fields);
    const comparisons = new Comparisons(this.#version, this.#live, next, true, (version) =>
      this.#filterOf(this.#writer.subresource, version),
    );
    const conflicts = this.#conflicts(comparisons);
    if (conflicts.size > 0 && !force) this.#refuse(conflicts);
    return this.#finish(next, fields, comparisons);
  }

  /** Throws, unless the conflicts are only with what the same person's client-side apply left behind. */
  #refuse(conflicts: Conflicts): void {
    const { apiVersion, schema } = this.#version;
    const allowed = this.#writer.manager === KUBECTL ? lastAppliedFields(this.#live, apiVersion, schema) : undefined;
    const left = allowed ? conflictsBeyond(conflicts, allowed) : conflicts;
    if (left.size > 0) throw conflictError(left);
  }

  #conflicts(comparisons: Comparisons): Conflicts {
    const conflicts = new Map<string, { owner: Owner; fields: FieldSet }>();
    for (const [identity, owner] of this.#owners) {
      const changed = identity === this.#identity ? undefined : comparisons.of(owner.apiVersion)?.changed;
      if (changed === undefined) continue;
      const fields = intersection(owner.fields, changed);
      if (!isEmpty(fields)) conflicts.set(identity, { owner, fields });
    }
    return conflicts;
  }

  #finish(next: KubeObject, fields: FieldSet, comparisons: Comparisons): KubeObject {
    const owners = this.#owners;
    for (const [identity, owner] of owners) {
      if (identity === this.#identity) continue;
      const comparison = comparisons.of(owner.apiVersion);
      if (comparison === undefined) owners.delete(identity);
      else setFields(owners, identity, owner, without(owner.fields, comparison));
    }
    const mine = owners.get(this.#identity);
    // Without a change to the object, the time of the last one stays.
    const time = next === this.#live ? mine?.time : this.#writer.now;
    const unchanged = mine && mine.apiVersion === this.#version.apiVersion && mine.time === time && isSame(mine.fields, fields);
    if (isEmpty(fields)) owners.delete(this.#identity);
    else if (!unchanged) owners.set(this.#identity, { ...ownerOf(this.#writer, "Apply", this.#version.apiVersion), time, fields });
    // Managed fields are set anew: no copy of the old ones.
    const { metadata } = next;
    const answer = clone(metadata?.managedFields ? { ...next, metadata: { ...metadata, managedFields: undefined } } : next) as KubeObject;
    if (this.#writer.manager === KUBECTL) renewLastApplied(answer, this.#configuration);
    return answer;
  }

  /** Removes what the manager applied before, applies no more, and nobody else owns. */
  #prune(merged: KubeObject, fields: FieldSet): KubeObject {
    const last = this.#owners.get(this.#identity);
    if (!last || isSubset(last.fields, fields)) return merged;
    const home = this.#version.apiVersion;
    const other = last.apiVersion === home ? undefined : this.#version.other?.(last.apiVersion);
    if (last.apiVersion !== home && !other) return merged;
    const version = other?.version ?? this.#version;
    const { schema } = version;
    const whole = other ? other.to(merged) : merged;
    const lastNamed = withNamedFields(last.fields, schema);
    let pruned = withoutFields(whole, lastNamed, schema);
    pruned = this.#addBackOwned(whole, pruned, version, fields);
    const gone = difference(named(whole, version), named(pruned, version));
    const result = withoutFields(whole, intersection(gone, lastNamed), schema);
    if (result === whole) return merged;
    return other ? other.from(result) : result;
  }

  /** `whole` without what `pruned` lacks and nobody owns, in whichever version. Both and the answer are in `version`. */
  #addBackOwned(whole: KubeObject, pruned: KubeObject, version: ManagedVersion, fields: FieldSet): KubeObject {
    const home = this.#version.apiVersion;
    const owned = new Map<string, FieldSet>([[home, fields]]);
    for (const [identity, owner] of this.#owners) {
      if (identity !== this.#identity) owned.set(owner.apiVersion, union(owned.get(owner.apiVersion) ?? EMPTY, owner.fields));
    }
    // The version at hand first: other versions may need its required fields to be converted.
    const versions = [...owned.keys()].sort((a, b) => Number(b === version.apiVersion) - Number(a === version.apiVersion));
    let result = pruned;
    for (const apiVersion of versions) {
      const other = apiVersion === version.apiVersion ? undefined : version.other?.(apiVersion);
      if (apiVersion !== version.apiVersion && !other) continue;
      const there = other?.version ?? version;
      const wholeThere = other ? other.to(whole) : whole;
      const prunedThere = other ? other.to(result) : result;
      const kept = union(named(prunedThere, there), withNamedFields(owned.get(apiVersion) ?? EMPTY, there.schema));
      const back = withoutFields(wholeThere, difference(named(wholeThere, there), kept), there.schema);
      result = other ? other.from(back) : back;
    }
    return result;
  }
}

function named(object: KubeObject, { schema }: ManagedVersion): FieldSet {
  return withNamedFields(union(fieldsOfObject(object, schema), IDENTITY), schema);
}

function isSame(a: FieldSet, b: FieldSet): boolean {
  return a === b || (isSubset(a, b) && isSubset(b, a));
}
