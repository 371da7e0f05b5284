// The structure of objects as data. Built-in kinds get theirs from the generated table, custom resources from their
// CRD; decoding, unknown-field checks, patches, apply, OpenAPI and (later) protobuf all walk this one shape.

/** What a value may be. `object` has named fields, `map` has free keys with values of one schema, `any` is unchecked JSON. */
export type SchemaType = "string" | "integer" | "number" | "boolean" | "object" | "map" | "array" | "intOrString" | "any";

/** One node of a structure. Named types are shared nodes, so a structure can be recursive. */
export interface Schema {
  readonly type: SchemaType;
  /** `int32`, `int64`, `double`, `byte` (base64), `date-time`, `date-time-micro`, `duration`, `quantity`, ... */
  readonly format?: string;
  /** The definition's full name, e.g. `io.k8s.api.core.v1.PodSpec`; only on named objects and named scalars. */
  readonly name?: string;
  /** Of an `object`: its fields by JSON name, in declared order. */
  readonly fields?: ReadonlyMap<string, Field>;
  /** Of an `array`: its items. Of a `map`: its values. */
  readonly items?: Schema;
  /** `x-kubernetes-list-type` of an array; absent means atomic for server-side apply. */
  readonly listType?: "atomic" | "set" | "map";
  /** `x-kubernetes-list-map-keys` when listType is `map`. */
  readonly listMapKeys?: readonly string[];
  /** `x-kubernetes-map-type` of an object or map; absent means granular. */
  readonly mapType?: "atomic" | "granular";
  /** The only values that OpenAPI documents name; the kind's validation says what is refused. */
  readonly enum?: readonly string[];
  /** Groups of fields of which one is set: `discriminator` names it by the value that `fields` has for it. */
  readonly unions?: readonly { readonly discriminator?: string; readonly fields: Readonly<Record<string, string>> }[];
  /** Unknown fields of this object are kept and are no error. */
  readonly preserveUnknownFields?: boolean;
}

/** A field of an object node. */
export interface Field {
  /** JSON name. */
  readonly name: string;
  /** May be lazy in the generated table: read it each time, do not copy. */
  readonly schema: Schema;
  readonly required: boolean;
  /** Strategic merge: `merge`, `replace`, `retainKeys` or `merge,retainKeys`; absent means replace for lists, merge for maps. */
  readonly patchStrategy?: string;
  /** Strategic merge: the key that identifies a list's items. */
  readonly patchMergeKey?: string;
  /** Protobuf field number; absent for custom resources. */
  readonly protoNumber?: number;
  /** A pointer in Go: tells unset from zero. Protobuf sends zeros (of messages: empty ones) of all others, where they mean unset. */
  readonly pointer?: boolean;
  /** Whether upstream's JSON has the zero of an unset scalar; absent: those that are required and no pointer. For OpenAPI documents only. */
  readonly zero?: boolean;
  /** Protobuf: numbers of the messages around the field where JSON has it inline, outermost first (`Volume.configMap`: [2]). */
  readonly protoEmbed?: readonly number[];
  /** What a missing value counts as, where upstream declares it in the structure; apply needs it for list map keys (`protocol`: "TCP"). */
  readonly default?: unknown;
}
