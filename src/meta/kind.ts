// What the API server is told of a kind. Structure is data (schema), behaviour is code (the hooks). Built-in kinds and
// custom resources both become a KindDefinition; the server knows no kind by name.

import type { FieldError } from "./errors.ts";
import type { DeepReadonly, KubeObject } from "./object.ts";
import type { Resource } from "./resource.ts";
import type { Schema } from "./schema.ts";

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection";

/** A table column: what `kubectl get` shows. Names, types and order are upstream's. */
export interface Column<T> {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  /** Only with `-o wide`. */
  readonly wide?: boolean;
  readonly format?: string;
  readonly description?: string;
  /** The cell. Pure; `nowMs` is for ages. Undefined shows as nothing. */
  readonly value: (object: DeepReadonly<T>, nowMs: number) => string | number | boolean | null | undefined;
}

/** Facts about who writes and when, for hooks that need them. */
export interface WriteContext {
  /** RFC 3339 in seconds. */
  readonly now: string;
  readonly user: {
    readonly name: string;
    readonly groups: readonly string[];
    readonly uid?: string;
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
  /** "" for the object itself, else `status`, `scale`, ... */
  readonly subresource: string;
  /** Random hex/alphanumeric source for generated names and ids. */
  readonly random: () => number;
  /** Tells the client something that only `prepare` can see. */
  readonly warn?: (text: string) => void;
}

/** A kind's behaviour. Every hook is optional, pure, and may change only the object it is given first. */
export interface KindHooks<T extends KubeObject = KubeObject> {
  /** Sets unset fields to their defaults, as upstream's defaulting does. Idempotent. */
  readonly default?: (object: T) => void;
  /**
   * Prepares what is about to be written. `previous` is absent on create. Resets fields that are not the writer's to
   * set beyond what the server does itself: it already keeps status out of main writes, everything but status (and
   * metadata that status writers may set) out of status writes when the kind has a status subresource, and handles metadata, generation.
   */
  readonly prepare?: (next: T, previous: DeepReadonly<T> | undefined, context: WriteContext) => void;
  /** All that is wrong, with upstream's paths and wording, best after defaulting. `previous` is absent on create. Metadata is checked by the server. */
  readonly validate?: (
    next: DeepReadonly<T>,
    previous: DeepReadonly<T> | undefined,
    context: Pick<WriteContext, "subresource">,
  ) => FieldError[];
  /** Warnings for the client (Warning headers): deprecated or suspicious fields. */
  readonly warnings?: (
    next: DeepReadonly<T>,
    previous: DeepReadonly<T> | undefined,
    context: Pick<WriteContext, "subresource">,
  ) => string[];
  /** Columns of the Table form; absent: Name and Age. */
  readonly columns?: readonly Column<T>[];
  /** Values of fields that field selectors may use, beyond metadata.name and metadata.namespace. */
  readonly selectableFields?: (object: DeepReadonly<T>) => Readonly<Record<string, string>>;
  /** The names that selectableFields answers for, so that others get a 400. */
  readonly selectableFieldNames?: readonly string[];
  /** Words that refuse a field selector's field, where upstream's differ from `field label not supported: <field>`. */
  readonly unsupportedField?: (field: string) => string;
  /** How names are checked: `dns1123subdomain` (default), `dns1123label`, `dns1035label`, `path` (RBAC names), or a rule that returns what is wrong. */
  readonly nameRule?: "dns1123subdomain" | "dns1123label" | "dns1035label" | "path" | ((name: string) => string[]);
  /**
   * Seconds that a delete waits for the kind's agent (pods: spec.terminationGracePeriodSeconds); absent or 0: deleted at once.
   * `requested` is DeleteOptions.gracePeriodSeconds. Undefined: this object knows no grace. With 0 watchers are told that it is being deleted
   * before they are told that it is gone.
   */
  readonly gracePeriodSeconds?: (object: DeepReadonly<T>, requested: number | undefined) => number | undefined;
  /** Whether a DELETE answers with the object that is gone; default: with a Status that names it. */
  readonly returnsDeleted?: boolean;
  /** Whether something in the object itself, beside finalizers, keeps it in place when it is deleted (namespaces: spec.finalizers). */
  readonly holdsDeletion?: (object: DeepReadonly<T>) => boolean;
  /** Called when a deletion that is held begins, on what is about to be written. */
  readonly onDeletion?: (object: T) => void;
  /** Whether PUT of a name that does not exist creates it (upstream: leases, endpoints, events, ... ). Default false. */
  readonly createOnUpdate?: boolean;
  /**
   * Metadata that a write through `status` cannot change ("all": none of it); upstream's status strategies differ. Default: all may be changed.
   * Server-side apply through `status` never owns these fields.
   */
  readonly statusKeepsMetadata?: "all" | readonly ("labels" | "annotations" | "ownerReferences" | "finalizers")[];
  /** Whether the status that a create sends is kept (upstream: nodes). Default false. */
  readonly statusOnCreate?: boolean;
  /**
   * Subresources that are a narrow door to the object itself (pods/resize, namespaces/finalize): the server serves GET, PUT and PATCH of them as
   * those of the object. `merge` puts everything back into `next` that the door does not change. `status` and `scale` need none.
   */
  readonly doors?: Readonly<Record<string, (next: T, previous: DeepReadonly<T>, context: WriteContext) => void>>;
  /** Fields that a writer through the subresource ("": the object itself) never owns (upstream: GetResetFields); undefined: the server's rule. */
  readonly resetFields?: (subresource: string) => readonly (readonly string[])[] | undefined;
  /** The only fields that a writer through the subresource can own; `*` is any item. Undefined: what resetFields leaves. */
  readonly ownableFields?: (subresource: string) => readonly (readonly string[])[] | undefined;
  /** Whether an update without resourceVersion is let through unconditionally. Default true (as most kinds upstream). */
  readonly unconditionalUpdate?: boolean;
  /** Whether spec changes raise metadata.generation. Default: true if the kind has a spec field. */
  readonly generation?: boolean | ((next: DeepReadonly<T>, previous: DeepReadonly<T>) => boolean);
  /**
   * Default propagation of deletes with no policy. Upstream: background for all current kinds, orphan for a few old ones. "Unsupported": the
   * kind's objects never have dependents, whatever a delete says.
   */
  readonly defaultPropagation?: "Background" | "Orphan" | "Unsupported";
  /** Fields that hold the replica count for the scale subresource (JSON paths like `.spec.replicas`). */
  readonly scale?: ScalePaths;
  /** A second object form for some endpoints or upgrade of old stored objects on read; rarely needed. */
  readonly onRead?: (object: T) => void;
}

export interface ScalePaths {
  readonly specReplicas: string;
  readonly statusReplicas: string;
  /** Path of a label selector (object or string form) for status.selector. */
  readonly selector?: string;
}

/** A subresource as discovery lists it. Generic ones (status, scale) are served by the handler; others need a server hook. */
export interface SubresourceInfo {
  readonly name: string;
  readonly kind: string;
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
  /** The kind whose fields the query may have, where it is not `kind` (`pods/log`: PodLogOptions); what is answered is text. */
  readonly options?: string;
  /** Of what is written to it, where that is an object of its own kind (`pods/eviction`). */
  readonly schema?: Schema;
}

/** All that the API server needs to serve one version of one kind. */
export interface KindDefinition<T extends KubeObject = KubeObject> extends KindHooks<T> {
  readonly resource: Resource<T>;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly Verb[];
  readonly subresources: readonly SubresourceInfo[];
  readonly schema: Schema;
  /** Full name of the object's definition, e.g. `io.k8s.api.core.v1.Pod`. */
  readonly definitionName: string;
  /** Where objects are kept: `/registry/<storage>/[namespace/]name`. Versions of one kind share it. Default: group/plural. */
  readonly storagePrefix?: string;
  /** Kinds that are asked but never stored (TokenReview, SubjectAccessReview, Binding): only create, through a server hook. */
  readonly virtual?: boolean;
  /** Stored form of another version: converts what is stored (the definition with `storage: true`) to this version and back. */
  readonly convert?: { readonly fromStored: (object: KubeObject) => T; readonly toStored: (object: T) => KubeObject };
}
