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

/** Which OpenAPI: v3 wraps references that have siblings and knows oneOf, v2 does neither. */
export type Dialect = "v2" | "v3";

/** Collects the definitions that one document needs. */
export class SchemaWriter {
  /** In the order they were met. */
  readonly definitions = new Map<string, Json>();
  readonly #dialect: Dialect;
  readonly #describe: Descriptions;
  readonly #kinds: ReadonlyMap<string, readonly GroupVersionKind[]>;
  readonly #definition: (name: string) => Schema | undefined;

  /** `definition` gives a definition as it stands by itself: where it is used it may be marked otherwise. `kinds` tells which are objects of which kinds. */
  constructor(
    dialect: Dialect,
    definition: (name: string) => Schema | undefined,
    kinds: ReadonlyMap<string, readonly GroupVersionKind[]>,
    describe: Descriptions = () => undefined,
  ) {
    this.#dialect = dialect;
    this.#definition = definition;
    this.#kinds = kinds;
    this.#describe = describe;
  }

  /** A reference to the definition, which is added with all that it leads to. `name` is needed where the node has none. */
  reference(schema: Schema, name: string | undefined = schema.name): Json {
    if (name === undefined) return this.#inline(schema);
    if (!this.definitions.has(name)) this.#define(this.#definition(name) ?? schema, name);
    return { $ref: `${this.#dialect === "v3" ? "#/components/schemas/" : "#/definitions/"}${name}` };
  }

  /** Adds a definition that has no structure node. */
  add(name: string, body: Json): void {
    if (!this.definitions.has(name)) this.definitions.set(name, { ...this.#describedAs(name), ...body, ...this.#kindsOf(name) });
  }

  #define(schema: Schema, name: string): void {
    // Registered before its fields are walked: structures may be recursive.
    this.definitions.set(name, {});
    const body = schema.type === "object" ? this.#object(schema, name) : this.#scalar(schema);
    this.definitions.set(name, { ...this.#describedAs(name), ...body, ...this.#kindsOf(name) });
  }

  #describedAs(name: string, field?: string): Json {
    const description = this.#describe(name, field);
    return description === undefined ? {} : { description };
  }

  #kindsOf(name: string): Json {
    const kinds = this.#kinds.get(name);
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
    return body;
  }

  #property(field: Field, owner: string | undefined): Json {
    const { schema } = field;
    const siblings: Record<string, unknown> = owner === undefined ? {} : { ...this.#describedAs(owner, field.name) };
    if (field.default !== undefined) siblings["default"] = field.default;
    if (field.patchMergeKey !== undefined) siblings["x-kubernetes-patch-merge-key"] = field.patchMergeKey;
    if (field.patchStrategy !== undefined) siblings["x-kubernetes-patch-strategy"] = field.patchStrategy;
    if (!isDefinition(schema)) return { ...siblings, ...this.#inline(schema) };
    const { name = "", mapType } = schema;
    // Better the type's text than none: our source of texts has none for fields that refer to a type.
    if (!("description" in siblings)) Object.assign(siblings, this.#describedAs(name));
    if (mapType !== undefined && mapType !== this.#definition(name)?.mapType) siblings["x-kubernetes-map-type"] = mapType;
    const reference = this.reference(schema);
    return this.#dialect === "v3" ? { ...siblings, allOf: [reference] } : { ...siblings, ...reference };
  }

  /** A list's items or a map's values. */
  #nested(schema: Schema | undefined): Json {
    if (!schema) return {};
    return isDefinition(schema) ? this.reference(schema) : this.#inline(schema);
  }

  #inline(schema: Schema): Json {
    if (schema.type === "object") return this.#object(schema, undefined);
    if (schema.type === "array") {
      return {
        type: "array",
        items: this.#nested(schema.items),
        ...(schema.listMapKeys === undefined ? {} : { "x-kubernetes-list-map-keys": schema.listMapKeys }),
        ...(schema.listType === undefined ? {} : { "x-kubernetes-list-type": schema.listType }),
      };
    }
    if (schema.type === "map") {
      return {
        type: "object",
        additionalProperties: this.#nested(schema.items),
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
    return { ...formatOf(schema.format), type: schema.type };
  }
}

/** Whether a node stands under its own name. Named lists are written inline: the name is protobuf's only. */
function isDefinition(schema: Schema): boolean {
  return schema.name !== undefined && schema.type !== "array" && schema.type !== "map";
}

/** Formats that only we tell apart are left out or folded together, as upstream has them. */
function formatOf(format: string | undefined): Json {
  if (format === undefined || format === "quantity" || format === "duration") return {};
  return { format: format === "date-time-micro" ? "date-time" : format };
}
