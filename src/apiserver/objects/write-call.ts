// What every write is given: the server's means and the facts of one call.

import type { Clock } from "#lib/clock.ts";
import { ApiError, type FieldError } from "#meta/errors.ts";
import type { WriteContext } from "#meta/kind.ts";
import type { DeepReadonly, KubeObject, ObjectMeta } from "#meta/object.ts";
import type { Entry, Store } from "#store/store.ts";
import type { AdmissionChain } from "../admission-chain.ts";
import type { Allocator } from "../extension.ts";
import type { UserInfo } from "../http.ts";
import { uuid } from "../uuid.ts";
import type { ServedKind } from "./served-kind.ts";

/** The means to write, one per server. */
export interface WriteEnvironment {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: () => number;
  readonly allocators: (kind: ServedKind) => readonly Allocator[];
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

export function newUid(environment: WriteEnvironment): string {
  return uuid(environment.random);
}

export function contextOf(environment: WriteEnvironment, call: WriteCall): WriteContext {
  return {
    now: timestamp(environment.clock.now()),
    user: call.user,
    subresource: call.subresource === "*" ? "" : call.subresource,
    random: environment.random,
  };
}

/** Encodes what is to be stored; refuses what is too large to store. */
export function encodeForStore(kind: ServedKind, object: KubeObject): Uint8Array {
  const bytes = kind.forms.encode(object);
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
): Promise<{ readonly commit: () => void; readonly rollback: () => void }> {
  const taken: { commit: () => void; rollback: () => void }[] = [];
  const rollback = () => {
    for (const one of taken.splice(0).toReversed()) one.rollback();
  };
  try {
    for (const allocator of environment.allocators(kind)) taken.push(await allocator.allocate(next, previous, dryRun));
  } catch (error) {
    rollback();
    throw error;
  }
  return { commit: () => taken.splice(0).forEach((one) => one.commit()), rollback };
}

/** Upstream leaves empty lists and maps of metadata out: whoever takes the last label or owner off finds the field gone. */
export function dropEmptyFields(metadata: ObjectMeta): void {
  for (const name of ["labels", "annotations", "ownerReferences", "finalizers"] as const) {
    const value = metadata[name];
    if (value && Object.keys(value).length === 0) delete metadata[name];
  }
}

/** Tells allocators that an object is gone. */
export function release(environment: WriteEnvironment, kind: ServedKind, object: DeepReadonly<KubeObject>): void {
  for (const allocator of environment.allocators(kind)) allocator.release(object);
}

/** A value of metadata.resourceVersion: 0 if absent. Throws 422 for what is no version. */
export function parseResourceVersion(text: string | undefined | null, bad: (text: string) => ApiError): number {
  if (text === undefined || text === null || text === "") return 0;
  if (!/^\d{1,16}$/.test(text)) throw bad(text);
  return Number(text);
}

export type FieldErrors = readonly FieldError[];
