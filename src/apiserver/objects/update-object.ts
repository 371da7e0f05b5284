// Update of an object: read, change, check, write if unchanged; repeated when another write came between.

import { equal } from "#lib/equal.ts";
import { clone } from "#lib/clone.ts";
import { conflict, field, invalid, notFound, staleObject } from "#meta/errors.ts";
import { keepMetadata, WRITABLE_METADATA } from "#meta/kept-metadata.ts";
import { validateObjectMeta } from "#meta/metadata-validation.ts";
import type { WriteContext } from "#meta/kind.ts";
import type { DeepReadonly, KubeObject, ObjectMeta } from "#meta/object.ts";
import type { Entry } from "#store/store.ts";
import type { AdmissionAttributes } from "../admission.ts";
import { isWriteConflict } from "../store-errors.ts";
import { createObject } from "./create-object.ts";
import { raisesGeneration } from "./generation.ts";
import { storeKey, type ServedKind } from "./served-kind.ts";
import {
  allocate,
  contextOf,
  dedupOwners,
  dropEmptyFields,
  encodeForStore,
  release,
  trackFields,
  type WriteCall,
  type WriteEnvironment,
  type Written,
} from "./write-call.ts";

export interface UpdateTarget {
  readonly namespace: string;
  readonly name: string;
  /** Makes the next object from the current one, anew at each attempt; gives an object the callee may change, or undefined to leave it. */
  readonly change: (current: DeepReadonly<KubeObject>) => KubeObject | undefined | Promise<KubeObject | undefined>;
  /** What to create if there is no such object; undefined refuses. */
  readonly create?: (() => KubeObject | Promise<KubeObject>) | undefined;
  /** What is written was made from the current object, so that it is for no other one: a uid in it is no precondition. */
  readonly isPatch?: boolean;
}

/** Updates an object. Throws notFound, conflict, invalid, what admission and `change` throw. */
export async function updateObject(
  environment: WriteEnvironment,
  kind: ServedKind,
  target: UpdateTarget,
  call: WriteCall,
): Promise<Written> {
  const { store } = environment;
  const { namespace, name } = target;
  const key = storeKey(kind, namespace, name);
  let found = store.get(key);
  for (;;) {
    const entry = found instanceof Promise ? await found : found;
    if (!entry) {
      const made = call.subresource === "" ? target.create?.() : undefined;
      const created = made instanceof Promise ? await made : made;
      if (!created) throw notFound(kind.resource, name);
      if (created.metadata?.uid) throw conflict(kind.resource, name, missingText(key, created.metadata.uid, target.isPatch === true));
      delete created.metadata?.resourceVersion;
      return createObject(environment, kind, created, namespace, call);
    }
    const attempt = await tryUpdate(environment, kind, { key, entry, target }, call);
    if (attempt) return attempt;
    // Another write came between. One that names a version is refused at the next attempt, the others go on top.
    found = store.get(key);
  }
}

/** Upstream's words for a uid that names an object that is not there. */
function missingText(key: string, uid: string, isPatch: boolean): string {
  if (isPatch) return `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
  return preconditionText(key, uid, "");
}

/** Upstream's words for a uid that names another object. */
function preconditionText(key: string, wanted: string, actual: string): string {
  return (
    `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, ` +
    `AdditionalErrorMsg: Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${actual}`
  );
}

interface Attempt {
  readonly key: string;
  readonly entry: Entry;
  readonly target: UpdateTarget;
}

/** One attempt; undefined if another write came between. */
async function tryUpdate(
  environment: WriteEnvironment,
  kind: ServedKind,
  { key, entry, target }: Attempt,
  call: WriteCall,
): Promise<Written | undefined> {
  const { definition, resource } = kind;
  const previous = kind.forms.latest(entry);
  const changed = target.change(previous);
  const next = changed instanceof Promise ? await changed : changed;
  if (next === undefined) return { entry, created: false };
  const metadata = (next.metadata ??= {});
  checkPreconditions(kind, target, key, metadata, previous);
  const context = contextOf(environment, call);
  carryMetadata(metadata, previous.metadata ?? {});
  dropEmptyFields(metadata);
  dedupOwners(metadata, call.warn, target.isPatch === true);
  keepToDoor(kind, next, previous, call.subresource, context);
  definition.default?.(next);
  trackFields(environment, kind, call, previous, next);

  const subresource = call.subresource === "*" ? "" : call.subresource;
  const plugins = call.admission?.select("UPDATE", resource, subresource);
  const attributes: AdmissionAttributes | undefined =
    plugins?.mutate || plugins?.validate
      ? {
          operation: "UPDATE",
          resource,
          subresource,
          namespace: target.namespace,
          name: target.name,
          object: next,
          oldObject: previous as KubeObject, // plugins only read it
          user: call.user,
          verb: target.isPatch ? "patch" : "update",
          dryRun: call.dryRun,
          warn: call.warn,
        }
      : undefined;
  if (attributes && plugins?.mutate) {
    await plugins.mutate(attributes);
    dedupOwners(metadata, call.warn, true);
  }
  definition.prepare?.(next, previous, context);
  const raised = call.subresource !== "status" && raisesGeneration(definition, next, previous);
  if (raised) {
    metadata.generation = (previous.metadata?.generation ?? 0) + 1;
  }

  const allocators = environment.allocators(kind);
  const taken = allocators.length > 0 ? await allocate(environment, kind, next, previous, call.dryRun) : undefined;
  let kept = false;
  try {
    const errors = [
      ...validateObjectMeta(metadata, previous.metadata ?? {}, { namespaced: resource.namespaced, nameRule: definition.nameRule }),
      ...(definition.validate?.(next, previous, { subresource }) ?? []),
    ];
    if (errors.length > 0) throw invalid(resource, target.name, errors);
    for (const warning of definition.warnings?.(next, previous, { subresource }) ?? []) call.warn(warning);
    if (attributes && plugins?.validate) await plugins.validate(attributes);

    if (!raised && isUnchanged(next, previous)) return { entry, created: false };
    if (isFinished(next, previous) && !definition.holdsDeletion?.(next)) {
      if (!call.dryRun) {
        const revision = await environment.store.delete(key, entry.revision);
        await release(environment, kind, previous);
        return { entry: { ...entry, value: encodeForStore(kind, next, call), revision }, created: false, gone: true };
      }
      return { entry, created: false, gone: true };
    }
    const value = encodeForStore(kind, next, call);
    if (call.dryRun) return { entry: { ...entry, value }, created: false };
    const written = await environment.store.put(key, value, entry.revision);
    await taken?.commit();
    kept = true;
    // The registry's callers may go on with the object that they gave.
    if (call.subresource !== "*") kind.forms.remember(written, next);
    return { entry: written, created: false };
  } catch (error) {
    if (isWriteConflict(error)) return undefined;
    throw error;
  } finally {
    if (!kept) await taken?.rollback();
  }
}

/** Refuses a write that was made for another object or another version of it. */
function checkPreconditions(
  kind: ServedKind,
  target: UpdateTarget,
  key: string,
  metadata: ObjectMeta,
  previous: DeepReadonly<KubeObject>,
): void {
  const current = previous.metadata ?? {};
  if (metadata.uid && metadata.uid !== current.uid) {
    if (target.isPatch) {
      throw invalid(kind.resource, target.name, [field.invalid("metadata.uid", metadata.uid, "field is immutable")]);
    }
    throw conflict(kind.resource, target.name, preconditionText(key, metadata.uid, current.uid ?? ""));
  }
  const version = metadata.resourceVersion;
  if (!version || version === "0") {
    if (kind.definition.unconditionalUpdate !== false) return;
    throw invalid(kind.resource, target.name, [field.invalid("metadata.resourceVersion", 0, "must be specified for an update")]);
  }
  if (!/^\d+$/.test(version)) {
    throw invalid(kind.resource, target.name, [
      field.invalid("metadata.resourceVersion", version, `strconv.ParseUint: parsing ${JSON.stringify(version)}: invalid syntax`),
    ]);
  }
  if (version !== current.resourceVersion) throw staleObject(kind.resource, target.name);
}

/** Fields of metadata that only the server sets stay as they are. What managedFields say is looked at when they are tracked. */
function carryMetadata(metadata: ObjectMeta, previous: DeepReadonly<ObjectMeta>): void {
  const carried = previous as ObjectMeta; // its lists are only read
  for (const name of CARRIED) {
    if (carried[name] === undefined) delete metadata[name];
    else Object.assign(metadata, { [name]: carried[name] });
  }
  metadata.name ??= previous.name ?? "";
  if (previous.namespace !== undefined) metadata.namespace ??= previous.namespace;
  if (previous.namespace === undefined) delete metadata.namespace;
  delete metadata.selfLink;
}

const CARRIED = [
  "uid",
  "resourceVersion",
  "generation",
  "generateName",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const;

/** Each subresource, and the object itself, changes its own part only: the rest is as before. */
function keepToDoor(
  kind: ServedKind,
  next: KubeObject,
  previous: DeepReadonly<KubeObject>,
  subresource: string,
  context: WriteContext,
): void {
  if (subresource === "status") {
    keepAllBut(OWN_OF_STATUS, next, previous);
    const kept = kind.definition.statusKeepsMetadata;
    if (kept !== undefined) keepMetadata(next, previous, kept === "all" ? WRITABLE_METADATA : kept);
  } else if (subresource !== "") kind.definition.doors?.[subresource]?.(next, previous, context);
  else if (kind.hasStatus) {
    const target = next as { status?: unknown };
    const { status } = previous as { readonly status?: unknown };
    if (status === undefined) delete target.status;
    else target.status = clone(status);
  }
}

const OWN_OF_STATUS: ReadonlySet<string> = new Set(["status", "metadata", "kind", "apiVersion"]);

function keepAllBut(own: ReadonlySet<string>, next: KubeObject, previous: DeepReadonly<KubeObject>): void {
  const target = next as Record<string, unknown>;
  const source = previous as Readonly<Record<string, unknown>>;
  for (const name of Object.keys(target)) if (source[name] === undefined && !own.has(name)) delete target[name];
  for (const name of Object.keys(source)) if (!own.has(name)) target[name] = clone(source[name]);
}

/** Whether a write changes nothing, or nothing but the times of managedFields. */
function isUnchanged(next: KubeObject, previous: DeepReadonly<KubeObject>): boolean {
  // Of what is written without a new generation, the status is what changes nearly always.
  if (!equal((next as { status?: unknown }).status, (previous as { status?: unknown }).status)) return false;
  if (!equalBut(METADATA_AND_STATUS, next, previous)) return false;
  const { metadata = {} } = next;
  const before = previous.metadata ?? {};
  if (!equalBut(MANAGED_FIELDS, metadata, before)) return false;
  const fields = metadata.managedFields ?? [];
  const fieldsBefore = before.managedFields ?? [];
  return fields.length === fieldsBefore.length && fields.every((entry, index) => equalBut(TIME, entry, fieldsBefore[index] ?? {}));
}

const METADATA_AND_STATUS: ReadonlySet<string> = new Set(["metadata", "status"]);
const MANAGED_FIELDS: ReadonlySet<string> = new Set(["managedFields"]);
const TIME: ReadonlySet<string> = new Set(["time"]);

/** Whether two objects are equal but for some fields. */
function equalBut(skipped: ReadonlySet<string>, a: object, b: object): boolean {
  if (a === b) return true;
  const left = a as Readonly<Record<string, unknown>>;
  const right = b as Readonly<Record<string, unknown>>;
  for (const name in left) if (!skipped.has(name) && !equal(left[name], right[name])) return false;
  for (const name in right) if (!skipped.has(name) && left[name] === undefined && right[name] !== undefined) return false;
  return true;
}

/** A deleted object that nothing holds any more: no finalizers left and no grace period running. */
function isFinished(next: DeepReadonly<KubeObject>, previous: DeepReadonly<KubeObject>): boolean {
  if ((next.metadata?.finalizers?.length ?? 0) > 0) return false;
  return previous.metadata?.deletionTimestamp !== undefined && !previous.metadata.deletionGracePeriodSeconds;
}
