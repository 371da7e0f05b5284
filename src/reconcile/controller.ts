// (interfaces below; implementation to follow in this file)

import type { Client } from "#client/client.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import type { DeepReadonly, Key, KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
import type { EventRecorder } from "./events.ts";
import type { Informer } from "./informer.ts";

/** What a reconcile is handed. */
export interface ReconcileContext {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: EventRecorder;
  /** The shared cache of a kind; the controller must have named the kind in `for`, `watches` or `reads`. */
  readonly cache: <T extends KubeObject>(resource: Resource<T>) => Informer<T>;
  /** Aborts when the controller stops. */
  readonly signal: AbortSignal;
  /** Random numbers in [0,1). */
  readonly random: () => number;
}

/** Nothing: done until something changes. `requeueAfterMs`: run again then. */
export type ReconcileResult = void | { readonly requeueAfterMs?: number | undefined };

/** Objects of another kind whose change wakes keys of this controller. The map sees the object before and after a change. */
export interface Watch {
  readonly resource: Resource;
  readonly map: (object: DeepReadonly<KubeObject>, cache: ReconcileContext["cache"]) => readonly Key[];
}

/** A controller as a value. Started by runControllers(). */
export interface ControllerDefinition {
  /** Unique; in logs, metrics, event sources and (`system:controller:<name>`) bootstrap roles: upstream's name where one exists. */
  readonly name: string;
  readonly for: Resource;
  readonly watches?: readonly Watch[];
  /** Kinds it only reads from the cache. */
  readonly reads?: readonly Resource[];
  /** Parallel reconciles of different keys; default 4. */
  readonly concurrency?: number;
  /** Identity its client acts as; default `system:serviceaccount:kube-system:<name>`. */
  readonly reconcile: (key: Key, context: ReconcileContext) => Promise<ReconcileResult>;
}
