// The managers of an object: metadata.managedFields read into sets by manager, and written back in upstream's order.

import { isJsonObject } from "#lib/own-field.ts";
import type { DeepReadonly, ManagedFieldsEntry } from "../object.ts";
import { isEmpty, readFields, union, type FieldSet } from "./field-set.ts";
import { compareText, FieldPathError } from "./path-element.ts";

export type Operation = "Apply" | "Update";

/** One manager's fields. Manager, operation, subresource and, for updates, the version say who it is. */
export interface Owner {
  readonly manager: string;
  readonly operation: Operation;
  readonly subresource: string;
  readonly apiVersion: string;
  readonly time: string | undefined;
  readonly fields: FieldSet;
  /** What it was read from, as long as nothing of it changed. */
  readonly entry?: DeepReadonly<ManagedFieldsEntry>;
}

/** By identity. */
export type Owners = Map<string, Owner>;

/** Who an owner is, in a text that sorts as upstream's does. One that applies is the same in every version. */
export function identityOf(owner: Pick<Owner, "manager" | "operation" | "apiVersion" | "subresource">): string {
  let text = `{"manager":${JSON.stringify(owner.manager)},"operation":"${owner.operation}"`;
  if (owner.operation !== "Apply") text += `,"apiVersion":${JSON.stringify(owner.apiVersion)}`;
  if (owner.subresource !== "") text += `,"subresource":${JSON.stringify(owner.subresource)}`;
  return `${text}}`;
}

type Entry = DeepReadonly<ManagedFieldsEntry>;

/** Throws FieldPathError with upstream's words if an entry cannot be read. `isCanonical` says so of those that need no check. */
export function readOwners(entries: readonly Entry[] | undefined, isCanonical?: (entry: Entry) => boolean): Owners {
  const owners: Owners = new Map();
  for (const [index, entry] of (entries ?? []).entries()) {
    const { operation, apiVersion, fieldsType, manager = "", subresource = "", time } = entry;
    if (operation !== "Apply" && operation !== "Update") throw new FieldPathError("operation must be `Apply` or `Update`");
    if (!apiVersion) throw new FieldPathError("apiVersion must not be empty");
    if (!fieldsType) throw new FieldPathError(`missing fieldsType in managed fields entry ${index}`);
    if (fieldsType !== "FieldsV1") {
      throw new FieldPathError(`invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${index}`);
    }
    const fields = isCanonical?.(entry) ? (entry.fieldsV1 as FieldSet) : readFields(entry.fieldsV1); // as it says
    const owner: Owner = { manager, operation, subresource, apiVersion, time, fields };
    owners.set(identityOf(owner), fields === entry.fieldsV1 ? { ...owner, entry } : owner);
  }
  return owners;
}

/** Why metadata.managedFields cannot be read; undefined if it can. What mutating admission left there is held to this. */
export function managedFieldsProblem(entries: readonly DeepReadonly<ManagedFieldsEntry>[] | undefined): string | undefined {
  try {
    readOwners(entries);
    return undefined;
  } catch (error) {
    if (error instanceof FieldPathError) return error.message;
    throw error;
  }
}

/** Whether a client asks for managed fields to be forgotten: an empty list, or one empty entry. */
export function isReset(entries: readonly DeepReadonly<ManagedFieldsEntry>[] | undefined): boolean {
  if (entries === undefined) return false;
  const [first, ...others] = entries;
  return first === undefined || (others.length === 0 && isJsonObject(first) && Object.values(first).every((value) => !value));
}

export function writeOwners(owners: Owners): ManagedFieldsEntry[] | undefined {
  if (owners.size === 0) return undefined;
  const sorted = [...owners.values()];
  if (sorted.length > 1) sorted.sort(compareOwners);
  // Entries are never changed in place, so an old one may stand in a new object.
  return sorted.map((owner) => (owner.entry as ManagedFieldsEntry | undefined) ?? entryOf(owner));
}

function entryOf({ manager, operation, apiVersion, time, fields, subresource }: Owner): ManagedFieldsEntry {
  const entry: ManagedFieldsEntry = {};
  if (manager !== "") entry.manager = manager;
  entry.operation = operation;
  entry.apiVersion = apiVersion;
  if (time !== undefined) entry.time = time;
  entry.fieldsType = "FieldsV1";
  entry.fieldsV1 = fields;
  if (subresource !== "") entry.subresource = subresource;
  return entry;
}

function compareOwners(a: Owner, b: Owner): number {
  return (
    compareText(a.operation, b.operation) ||
    compareText(a.time ?? "", b.time ?? "") ||
    compareText(a.manager, b.manager) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource, b.subresource)
  );
}

/** The owner with other fields or another time, and no longer what it was read from. */
export function changedOwner(owner: Owner, change: Partial<Pick<Owner, "fields" | "time" | "apiVersion">>): Owner {
  const { entry: _, ...rest } = owner;
  return { ...rest, ...change };
}

/** Replaces the fields; an owner of nothing is no owner. */
export function setFields(owners: Owners, identity: string, owner: Owner, fields: FieldSet): void {
  if (isEmpty(fields)) owners.delete(identity);
  else if (fields !== owner.fields) owners.set(identity, changedOwner(owner, { fields }));
}

const MOST_UPDATERS = 10;
const OLD_UPDATES = "ancient-changes";

/** Merges the oldest updaters into one per version, until there are no more than ten. */
export function capUpdaters(owners: Owners): void {
  let count = 0;
  for (const owner of owners.values()) if (owner.operation === "Update") count++;
  if (count <= MOST_UPDATERS) return;
  const updaters = [...owners]
    .filter(([, owner]) => owner.operation === "Update")
    .sort(([a, left], [b, right]) => compareText(left.time ?? "", right.time ?? "") || compareText(a, b));
  const firstOfVersion = new Map<string, string>();
  for (const [identity, owner] of updaters) {
    if (count <= MOST_UPDATERS) return;
    const first = firstOfVersion.get(owner.apiVersion);
    if (first === undefined) {
      firstOfVersion.set(owner.apiVersion, identity);
      continue;
    }
    const bucket = { manager: OLD_UPDATES, operation: "Update", apiVersion: owner.apiVersion, subresource: "" } as const;
    const bucketIdentity = identityOf(bucket);
    const old = owners.get(bucketIdentity) ?? owners.get(first);
    if (!owners.has(bucketIdentity)) owners.delete(first);
    owners.delete(identity);
    owners.set(bucketIdentity, { ...bucket, time: owner.time, fields: old ? union(owner.fields, old.fields) : owner.fields });
    count--;
  }
}
