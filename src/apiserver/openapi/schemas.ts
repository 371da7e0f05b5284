// Schemas of OpenAPI documents from structure nodes: named nodes become definitions that are referred to, the rest is inline.

import type { Field, Schema } from "#meta/schema.ts";

/** JSON of a document. Parts may be shared between places: documents are made to be encoded, not changed. */
export type Json = { readonly [key: string]: unknown };

/** What a definition or one of its fields is for, in words; undefined when nothing is known. */
export type Descriptions = (definitionName: string, field?: string) => string | undefined;

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** Which OpenAPI: v3 wraps references that have siblings, knows oneOf, and carries the zeros that are written for what is unset; v2 does none of it. */
export type Dialect = "v2" | "v3";

export interface SchemaSources {
  /** A definition as it stands by itself: where it is used it may be marked otherwise. Undefined: a definition that only its kind knows. */
  readonly definition: (name: string) => Schema | undefined;
  /** Which definitions are objects of which kinds. */
  readonly kinds: ReadonlyMap<string, readonly GroupVersionKind[]>;
  readonly describe?: Descriptions;
}

/** Collects the definitions that one document needs. */
export class SchemaWriter {
  /** In the order they were met. */
  readonly definitions = new Map<string, Json>();
  readonly #dialect: Dialect;
  readonly #sources: SchemaSources;

  constructor(dialect: Dialect, sources: SchemaSources) {
    this.#dialect = dialect;
    this.#sources = sources;
  }

  /** A reference to the definition, which is added with all that it leads to. `name` is needed where the node has none. */
  reference(schema: Schema, name: string | undefined = schema.name): Json {
    if (name === undefined) return this.#inline(schema, undefined);
    if (!this.definitions.has(name)) this.#define(this.#sources.definition(name) ?? schema, name);
    return { $ref: `${this.#dialect === "v3" ? "#/components/schemas/" : "#/definitions/"}${name}` };
  }

  /** Adds a definition that has no structure node. */
  add(name: string, body: Json): Json {
    if (!this.definitions.has(name)) this.definitions.set(name, { ...this.#describedAs(name), ...body, ...this.#kindsOf(name) });
    return this.reference({ type: "object", name });
  }

  #define(schema: Schema, name: string): void {
    // Registered before its fields are walked: structures may be recursive.
    this.definitions.set(name, {});
    const body = schema.type === "object" ? this.#object(schema, name) : this.#scalar(schema);
    this.definitions.set(name, { ...this.#describedAs(name), ...body, ...this.#kindsOf(name) });
  }

  #describedAs(name: string, field?: string): Json {
    const description = this.#sources.describe?.(name, field);
    return description === undefined ? {} : { description };
  }

  #kindsOf(name: string): Json {
    const kinds = this.#sources.kinds.get(name);
    return kinds ? { "x-kubernetes-group-version-kind": kinds } : {};
  }

  #object(schema: Schema, name: string | undefined): Json {
    const body: Record<string, unknown> = { type: "object" };
    if (schema.fields && schema.fields.size > 0) {
      const properties: Record<string, Json> = {};
      const required: string[] = [];
      for (const field of schema.fields.values()) {
        properties[field.name] = this.#property(field, name);
        if (field.required) required.push(field.name);
      }
      body["properties"] = properties;
      if (required.length > 0) body["required"] = required;
    }
    if (schema.mapType !== undefined) body["x-kubernetes-map-type"] = schema.mapType;
    if (schema.preserveUnknownFields) body["x-kubernetes-preserve-unknown-fields"] = true;
    if (schema.unions) {
      body["x-kubernetes-unions"] = schema.unions.map(({ discriminator, fields }) => ({
        ...(discriminator === undefined ? {} : { discriminator }),
        "fields-to-discriminateBy": fields,
      }));
    }
    return body;
  }

  #property(field: Field, owner: string | undefined): Json {
    const { schema } = field;
    const siblings: Record<string, unknown> = owner === undefined ? {} : { ...this.#describedAs(owner, field.name) };
    const zero = this.#hasZeros(owner) && !field.pointer ? zeroOf(schema, field.zero ?? field.required) : undefined;
    const value = this.#dialect === "v2" ? undefined : (field.default ?? zero);
    if (value !== undefined) siblings["default"] = value;
    if (field.patchMergeKey !== undefined) siblings["x-kubernetes-patch-merge-key"] = field.patchMergeKey;
    if (field.patchStrategy !== undefined) siblings["x-kubernetes-patch-strategy"] = field.patchStrategy;
    if (!isDefinition(schema)) return { ...siblings, ...this.#inline(schema, owner) };
    const { name = "", mapType } = schema;
    if (mapType !== undefined && mapType !== this.#sources.definition(name)?.mapType) siblings["x-kubernetes-map-type"] = mapType;
    // v3 lets nothing stand beside a reference; in v2 it does, against the letter of OpenAPI.
    const reference = this.reference(schema);
    return this.#dialect === "v2" ? { ...siblings, ...reference } : { ...siblings, allOf: [reference] };
  }

  /** Structures of custom resources say themselves what their defaults are. */
  #hasZeros(owner: string | undefined): boolean {
    return this.#dialect === "v3" && owner !== undefined && this.#sources.definition(owner) !== undefined;
  }

  /** A list's items or a map's values. */
  #nested(schema: Schema | undefined, owner: string | undefined): Json {
    if (!schema) return {};
    const zero = this.#hasZeros(owner) ? zeroOf(schema, true) : undefined;
    const siblings = zero === undefined ? {} : { default: zero };
    if (!isDefinition(schema)) return { ...siblings, ...this.#inline(schema, owner) };
    const reference = this.reference(schema);
    return zero === undefined ? reference : { ...siblings, allOf: [reference] };
  }

  #inline(schema: Schema, owner: string | undefined): Json {
    if (schema.type === "object") return this.#object(schema, undefined);
    if (schema.type === "array") {
      return {
        type: "array",
        items: this.#nested(schema.items, owner),
        ...(schema.listMapKeys === undefined ? {} : { "x-kubernetes-list-map-keys": schema.listMapKeys }),
        ...(schema.listType === undefined ? {} : { "x-kubernetes-list-type": schema.listType }),
      };
    }
    if (schema.type === "map") {
      return {
        type: "object",
        additionalProperties: this.#nested(schema.items, owner),
        ...(schema.mapType === undefined ? {} : { "x-kubernetes-map-type": schema.mapType }),
      };
    }
    return this.#scalar(schema);
  }

  #scalar(schema: Schema): Json {
    if (schema.type === "intOrString") {
      if (schema.name === undefined) return { "x-kubernetes-int-or-string": true };
      if (this.#dialect === "v2") return { type: "string", format: "int-or-string" };
      return { format: "int-or-string", oneOf: [{ type: "integer" }, { type: "string" }] };
    }
    if (schema.type === "any") {
      if (schema.format === "object") return { type: "object" };
      return schema.preserveUnknownFields ? { "x-kubernetes-preserve-unknown-fields": true } : {};
    }
    if (schema.format === "quantity" && this.#dialect === "v3") return { oneOf: [{ type: "string" }, { type: "number" }] };
    return { ...formatOf(schema.format), type: schema.type, ...(schema.enum === undefined ? {} : { enum: schema.enum }) };
  }
}

/** Whether a node stands under its own name. Named lists are written inline: the name is protobuf's only. */
function isDefinition(schema: Schema): boolean {
  return schema.name !== undefined && schema.type !== "array" && schema.type !== "map";
}

/** What JSON has for a value that is unset and no pointer: empty objects always, zeros only if `isWritten`. Types that write themselves have none. */
function zeroOf({ type, name, format }: Schema, isWritten: boolean): unknown {
  if (type === "object") return {};
  if (!isWritten || name !== undefined || format === "byte") return undefined;
  return type === "string" ? "" : type === "boolean" ? false : type === "integer" || type === "number" ? 0 : undefined;
}

/** Formats that only we tell apart are left out or folded together, as upstream has them. */
function formatOf(format: string | undefined): Json {
  if (format === undefined || format === "quantity" || format === "duration") return {};
  return { format: format === "date-time-micro" ? "date-time" : format };
}
