// Controllers as values, and what a reconcile is handed and answers. run-controllers.ts runs them.

import type { Client } from "#client/client.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { controllerOf, makeKey, type DeepReadonly, type Key, type KubeObject } from "#meta/object.ts";
import { apiVersionOf, type Resource } from "#meta/resource.ts";
import type { EventRecorder } from "./events.ts";
import type { Informer, InformerSet } from "./informer.ts";

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
  /** Whether a change of such an object wakes its key; default: each does. For kinds of which there are masses. */
  readonly concerns?: (object: DeepReadonly<KubeObject>, cache: ReconcileContext["cache"]) => boolean;
  readonly watches?: readonly Watch[];
  /** Kinds it only reads from the cache. */
  readonly reads?: readonly Resource[];
  /** Parallel reconciles of different keys; default 4. */
  readonly concurrency?: number;
  /**
   * Its decisions must not be made without its own earlier writes (it counts): a key waits until the caches show them, however long that
   * takes. Otherwise 5 s are enough, so that a watch that is down holds nothing up.
   */
  readonly awaitsOwnWrites?: boolean;
  /** Component in its events' source where upstream's differs from `name`. */
  readonly eventSource?: string;
  /** The controller whose account, and so whose rights, it shares; default: its own, by `name`. */
  readonly account?: string;
  /** Indexes its reconcile or its watches use; added before the first object is seen. */
  readonly indexes?: readonly IndexDefinition[];
  readonly reconcile: (key: Key, context: ReconcileContext) => Promise<ReconcileResult>;
}

/** A named index of a kind's cache; see Informer.addIndex. */
export interface IndexDefinition {
  readonly resource: Resource;
  readonly name: string;
  readonly values: (object: DeepReadonly<KubeObject>) => readonly string[];
}

/** A loop that fits no work queue of one kind: it runs from start to stop and owns its own rhythm. */
export interface LoopDefinition {
  /** As ControllerDefinition.name. */
  readonly name: string;
  readonly eventSource?: string;
  /** Resolves when the signal aborts. A rejection is logged and the loop started again with back-off. */
  readonly run: (context: LoopContext) => Promise<void>;
}

/** What a loop is handed. */
export interface LoopContext extends Omit<ReconcileContext, "cache"> {
  /** Shared with all controllers of the component: asking for a kind starts its informer if there is none. */
  readonly informers: InformerSet;
}

/** Gives a watch whose map is typed by its resource. */
export function watch<T extends KubeObject>(
  resource: Resource<T>,
  map: (object: DeepReadonly<T>, cache: ReconcileContext["cache"]) => readonly Key[],
): Watch {
  // The informer of `resource` hands out T and nothing else.
  return { resource, map: (object, cache) => map(object as DeepReadonly<T>, cache) };
}

/** A watch that wakes the `owner` object that controls the changed one. */
export function watchControlled<T extends KubeObject>(resource: Resource<T>, owner: Resource): Watch {
  const apiVersion = apiVersionOf(owner);
  return {
    resource,
    map: (object) => {
      const reference = controllerOf(object);
      if (!reference || reference.kind !== owner.kind || reference.apiVersion !== apiVersion) return [];
      return [makeKey(owner.namespaced ? object.metadata?.namespace : undefined, reference.name)];
    },
  };
}

/** Gives an index whose function is typed by its resource. */
export function index<T extends KubeObject>(
  resource: Resource<T>,
  name: string,
  values: (object: DeepReadonly<T>) => readonly string[],
): IndexDefinition {
  return { resource, name, values: (object) => values(object as DeepReadonly<T>) }; // as in watch()
}

/** An error that retrying cannot mend: thrown by a reconcile, it is logged and the key waits for its object to change. */
export class TerminalError extends Error {
  override readonly name = "TerminalError";
}

/** `throw terminal("...")`: see TerminalError. */
export function terminal(message: string, options?: ErrorOptions): TerminalError {
  return new TerminalError(message, options);
}
