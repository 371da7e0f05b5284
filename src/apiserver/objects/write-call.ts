// What every write is given: the server's means and the facts of one call.

import type { Clock } from "#lib/clock.ts";
import type { FieldManager } from "#meta/apply/field-manager.ts";
import { equal } from "#lib/equal.ts";
import { ApiError, type FieldError } from "#meta/errors.ts";
import type { WriteContext } from "#meta/kind.ts";
import type { DeepReadonly, KubeObject, ObjectMeta, OwnerReference } from "#meta/object.ts";
import type { Entry, Store } from "#store/store.ts";
import type { AdmissionChain } from "../admission-chain.ts";
import type { Allocation, Allocator } from "../extension.ts";
import type { UserInfo } from "../http.ts";
import { uuid } from "../uuid.ts";
import type { ServedKind } from "./served-kind.ts";

/** Who keeps managedFields, by kind. */
export interface FieldManagers {
  of(kind: ServedKind): FieldManager;
  /** Of autoscaling/v1 Scale, whichever kind it scales. */
  scale(): FieldManager;
}

/** The means to write, one per server. */
export interface WriteEnvironment {
  readonly store: Store;
  readonly clock: Clock;
  /** This second, as metadata has it. */
  readonly now: () => string;
  readonly random: () => number;
  readonly allocators: (kind: ServedKind) => readonly Allocator[];
  /** Who set which field of the kind's objects. */
  readonly fields: FieldManagers | undefined;
}

/** The facts of one write. */
export interface WriteCall {
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** "" for the object itself; "*" lets everything be set (the registry's writes). */
  readonly subresource: string;
  /** Undefined: none is run. */
  readonly admission: AdmissionChain | undefined;
  readonly warn: (text: string) => void;
  /** Whom the changed fields belong to from now on; undefined: managedFields stay as they are. */
  readonly manager: string | undefined;
  /** The object comes from server-side apply: its managedFields are made already. */
  readonly applied?: boolean;
}

/** What was written. A dry run's entry was never stored. */
export interface Written {
  readonly entry: Entry;
  readonly created: boolean;
  /** The write removed the last finalizer of a deleted object, so that it is gone. */
  readonly gone?: boolean;
}

/** etcd's limit, which clients know. */
const MAX_OBJECT_BYTES = 1_572_864;

/** RFC 3339 in UTC with seconds, as all times of metadata. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** The same text for every write of a second. */
export function createTimestamps(clock: Clock): () => string {
  let second = -1;
  let text = "";
  return () => {
    const now = Math.floor(clock.now() / 1000);
    if (now !== second) {
      second = now;
      text = timestamp(now * 1000);
    }
    return text;
  };
}

export function newUid(environment: WriteEnvironment): string {
  return uuid(environment.random);
}

export function contextOf(environment: WriteEnvironment, call: WriteCall): WriteContext {
  return {
    now: environment.now(),
    user: call.user,
    subresource: call.subresource === "*" ? "" : call.subresource,
    random: environment.random,
    warn: call.warn,
  };
}

/** Encodes what is to be stored; refuses what is too large to store. An object that is too large for its managedFields alone loses them. */
export function encodeForStore(kind: ServedKind, object: KubeObject, call?: WriteCall): Uint8Array {
  let bytes = kind.forms.encode(object);
  if (bytes.length > MAX_OBJECT_BYTES && object.metadata?.managedFields && call?.applied !== true) {
    delete object.metadata.managedFields;
    bytes = kind.forms.encode(object);
  }
  if (bytes.length > MAX_OBJECT_BYTES) {
    throw new ApiError(413, "RequestEntityTooLarge", `Request entity too large: limit is ${MAX_OBJECT_BYTES}`);
  }
  return bytes;
}

/** Runs a kind's allocators; what they took is kept or given back by the two functions. */
export async function allocate(
  environment: WriteEnvironment,
  kind: ServedKind,
  next: KubeObject,
  previous: DeepReadonly<KubeObject> | undefined,
  dryRun: boolean,
): Promise<Allocation> {
  const taken: Allocation[] = [];
  const rollback = async () => {
    for (const one of taken.splice(0).toReversed()) await one.rollback();
  };
  try {
    for (const allocator of environment.allocators(kind)) taken.push(await allocator.allocate(next, previous, dryRun));
  } catch (error) {
    await rollback();
    throw error;
  }
  return {
    async commit() {
      for (const one of taken.splice(0)) await one.commit();
    },
    rollback,
  };
}

/** Sets managedFields for a write that is no apply. To be called after defaulting and before admission, whose changes belong to nobody. */
export function trackFields(
  environment: WriteEnvironment,
  kind: ServedKind,
  call: WriteCall,
  live: DeepReadonly<KubeObject> | undefined,
  next: KubeObject,
): void {
  if (call.manager === undefined || call.applied) return;
  const subresource = call.subresource === "*" ? "" : call.subresource;
  const writer = { manager: call.manager, subresource, now: environment.now() };
  environment.fields?.of(kind).track(live as KubeObject | undefined, next, writer); // leaves `live` unchanged
}

const DUPLICATE_OWNERS =
  ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ";
const DUPLICATE_OWNERS_AFTER_ADMISSION =
  ".metadata.ownerReferences contains duplicate entries after mutating admission happens; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ";

/** Owners that are named twice are kept once, and the client is told. */
export function dedupOwners(metadata: ObjectMeta, warn: (text: string) => void, afterAdmission: boolean): void {
  const owners = metadata.ownerReferences;
  if (owners === undefined || owners.length < 2) return;
  const kept: OwnerReference[] = [];
  const repeated: string[] = [];
  for (const owner of owners) {
    if (kept.some((other) => equal(other, owner))) repeated.push(owner.uid);
    else kept.push(owner);
  }
  if (repeated.length === 0) return;
  warn((afterAdmission ? DUPLICATE_OWNERS_AFTER_ADMISSION : DUPLICATE_OWNERS) + repeated.join(", "));
  metadata.ownerReferences = kept;
}

/** Upstream leaves empty lists and maps of metadata out: whoever takes the last label or owner off finds the field gone. */
export function dropEmptyFields(metadata: ObjectMeta): void {
  for (const name of ["labels", "annotations", "ownerReferences", "finalizers"] as const) {
    const value = metadata[name];
    if (value && Object.keys(value).length === 0) delete metadata[name];
  }
}

/** Tells allocators that an object is gone. */
export async function release(environment: WriteEnvironment, kind: ServedKind, object: DeepReadonly<KubeObject>): Promise<void> {
  for (const allocator of environment.allocators(kind)) await allocator.release(object);
}

/** A value of metadata.resourceVersion: 0 if absent. Throws 422 for what is no version. */
export function parseResourceVersion(text: string | undefined | null, bad: (text: string) => ApiError): number {
  if (text === undefined || text === null || text === "") return 0;
  if (!/^\d{1,16}$/.test(text)) throw bad(text);
  return Number(text);
}

export type FieldErrors = readonly FieldError[];
