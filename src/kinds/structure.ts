// The structure of the built-in kinds: the generated table, read as schema nodes. Definitions are decoded when first
// asked for, so that a start pays only for what it touches; nodes are immutable and may be shared by many clusters.
//
// The table's lines: `name[!] type number [attribute=value ...]`. `!` marks required fields. A type is a scalar's word, a definition
// (`Container`, or `core-v1.Container` of another package), `[]item` or `{}value`; `[]item@Name` is a list that protobuf wraps in a
// message. The number is protobuf's, `2.19` when the field is inside the message that is field 2, 0 when protobuf has no such field.
// First lines that begin with `@` are of the definition itself: `@atomic` is its map type, `@union={...}` fields of which one is set.

import type { SubresourceInfo, Verb } from "#meta/kind.ts";
import type { Resource } from "#meta/resource.ts";
import type { Field, Schema, SchemaType } from "#meta/schema.ts";
import table from "./structure/v1.36.json" with { type: "json" };

/** A served resource as discovery lists it, with the facts that KindDefinition wants. */
export interface BuiltinResource {
  readonly resource: Resource;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly Verb[];
  readonly subresources: readonly SubresourceInfo[];
  /** Of the object; the list's has `List` behind it. */
  readonly definitionName: string;
  /** Never stored: reviews, bindings, component statuses. */
  readonly virtual: boolean;
}

export interface BuiltinStructure {
  /** `1.36`. */
  readonly release: string;
  readonly resources: readonly BuiltinResource[];
  /** The definition of that full name; throws if there is none. */
  schema(definitionName: string): Schema;
  /** Whether there is a definition of that name. */
  has(definitionName: string): boolean;
  /** The definition of a kind; also of kinds that only subresources use (`Scale`, `Eviction`). */
  nameOf(group: string, version: string, kind: string): string | undefined;
}

/** A reader of the table with its own cache. Make one and pass it on. */
export function builtinStructure(): BuiltinStructure {
  return new TableReader();
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

interface Scalar {
  readonly type: SchemaType;
  readonly format?: string;
  readonly name?: string;
}

const SCALARS: Readonly<Record<string, Scalar>> = {
  string: { type: "string" },
  bytes: { type: "string", format: "byte" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  double: { type: "number", format: "double" },
  bool: { type: "boolean" },
};

const STANDARD_VERBS = "create,delete,deletecollection,get,list,patch,update,watch";

// The compiler's type of the table is one of 600 literal keys; what is read is only that there are lines.
const PACKAGES: Readonly<Record<string, string>> = table.packages;
const LINES: Readonly<Record<string, Readonly<Record<string, readonly string[] | undefined>>>> = table.definitions;

class TableReader implements BuiltinStructure {
  readonly release = table.release;
  readonly #nodes = new Map<string, Schema>();
  readonly #scalars: Readonly<Record<string, Schema>> = { ...SCALARS, ...(table.scalars as Record<string, Scalar>) };
  #resources: readonly BuiltinResource[] | undefined;

  get resources(): readonly BuiltinResource[] {
    return (this.#resources ??= table.resources.map(readResource));
  }

  has(definitionName: string): boolean {
    return this.#lines(definitionName) !== undefined;
  }

  nameOf(group: string, version: string, kind: string): string | undefined {
    const prefix = this.resources.find(({ resource }) => resource.group === group && resource.version === version)?.definitionName;
    if (prefix === undefined) return undefined;
    const name = prefix.slice(0, prefix.lastIndexOf(".") + 1) + kind;
    return this.has(name) ? name : undefined;
  }

  schema(definitionName: string): Schema {
    const known = this.#nodes.get(definitionName);
    if (known) return known;
    const found = this.#lines(definitionName);
    if (!found) throw new Error(`no definition ${definitionName} in the structure of Kubernetes ${this.release}`);
    const node = new Definition(definitionName, found.lines, (type) => this.#typeOf(type, found.label));
    this.#nodes.set(definitionName, node);
    return node;
  }

  #lines(definitionName: string): { label: string; lines: readonly string[] } | undefined {
    const dot = definitionName.lastIndexOf(".");
    const prefix = definitionName.slice(0, dot);
    for (const label in PACKAGES) {
      if (PACKAGES[label] !== prefix) continue;
      const lines = LINES[label]?.[definitionName.slice(dot + 1)];
      return lines && { label, lines };
    }
    return undefined;
  }

  #typeOf(type: string, label: string): Schema {
    if (type.startsWith("[]")) {
      const at = type.indexOf("@");
      if (at < 0) return { type: "array", items: this.#typeOf(type.slice(2), label) };
      return { type: "array", name: `${PACKAGES[label] ?? ""}.${type.slice(at + 1)}`, items: this.#typeOf(type.slice(2, at), label) };
    }
    if (type.startsWith("{}")) return { type: "map", items: this.#typeOf(type.slice(2), label) };
    const scalar = this.#scalars[type];
    if (scalar) return scalar;
    const dot = type.indexOf(".");
    const owner = dot < 0 ? label : type.slice(0, dot);
    return this.schema(`${PACKAGES[owner] ?? ""}.${type.slice(dot + 1)}`);
  }
}

const UNION = "@union=";

type TypeReader = (type: string) => Schema;

class Definition implements Schema {
  readonly type = "object";
  readonly name: string;
  readonly mapType?: "atomic" | "granular";
  readonly unions?: NonNullable<Schema["unions"]>;
  readonly #lines: readonly string[];
  readonly #read: TypeReader;
  #fields: ReadonlyMap<string, Field> | undefined;

  constructor(name: string, lines: readonly string[], read: TypeReader) {
    this.name = name;
    this.#read = read;
    let own = 0;
    for (; lines[own]?.startsWith("@"); own++) {
      const line = lines[own] ?? "";
      if (line.startsWith(UNION)) this.unions = [JSON.parse(line.slice(UNION.length)) as NonNullable<Schema["unions"]>[number]];
      else this.mapType = line === "@atomic" ? "atomic" : "granular";
    }
    this.#lines = own === 0 ? lines : lines.slice(own);
  }

  get fields(): ReadonlyMap<string, Field> {
    if (this.#fields) return this.#fields;
    const fields = new Map<string, Field>();
    for (const line of this.#lines) {
      const field = new TableField(line, this.#read);
      fields.set(field.name, field);
    }
    return (this.#fields = fields);
  }
}

class TableField implements Field {
  readonly name: string;
  readonly required: boolean;
  readonly patchStrategy?: string;
  readonly patchMergeKey?: string;
  readonly protoNumber?: number;
  readonly protoEmbed?: readonly number[];
  readonly pointer?: boolean;
  readonly default?: unknown;
  readonly zero?: boolean;
  readonly #type: string;
  readonly #read: TypeReader;
  /** What the field adds to its type. */
  readonly #marks: Pick<Schema, "listType" | "listMapKeys" | "mapType"> | undefined;
  /** The values of the scalar, or of a list's items. */
  readonly #enum: readonly string[] | undefined;
  #schema: Schema | undefined;

  constructor(line: string, read: TypeReader) {
    const [name = "", type = "", numbers = "", ...attributes] = line.split(" ");
    this.required = name.endsWith("!");
    this.name = this.required ? name.slice(0, -1) : name;
    this.#type = type;
    this.#read = read;
    if (numbers.includes(".")) {
      const path = numbers.split(".").map(Number);
      this.protoNumber = path.pop() ?? 0;
      this.protoEmbed = path;
    } else if (numbers !== "0") {
      this.protoNumber = Number(numbers);
    }
    let choices: readonly string[] | undefined;
    let marks: Mutable<Pick<Schema, "listType" | "listMapKeys" | "mapType">> | undefined;
    for (const attribute of attributes) {
      const equals = attribute.indexOf("=");
      const value = attribute.slice(equals + 1);
      switch (attribute.slice(0, equals)) {
        case "list":
          (marks ??= {}).listType = value === "map" || value === "set" ? value : "atomic";
          break;
        case "keys":
          (marks ??= {}).listMapKeys = value.split(",");
          break;
        case "map":
          (marks ??= {}).mapType = value === "atomic" ? "atomic" : "granular";
          break;
        case "ptr":
          this.pointer = true;
          break;
        case "patch":
          this.patchStrategy = value;
          break;
        case "key":
          this.patchMergeKey = value;
          break;
        case "default":
          this.default = JSON.parse(value);
          break;
        case "zero":
          this.zero = value === "1";
          break;
        case "enum":
          choices = value.replaceAll("%20", " ").split(",");
      }
    }
    this.#marks = marks;
    this.#enum = choices;
  }

  get schema(): Schema {
    return (this.#schema ??= this.#marked(this.#limited(this.#read(this.#type))));
  }

  #limited(schema: Schema): Schema {
    if (!this.#enum) return schema;
    return schema.items ? { ...schema, items: { ...schema.items, enum: this.#enum } } : { ...schema, enum: this.#enum };
  }

  #marked(schema: Schema): Schema {
    if (!this.#marks) return schema;
    // A definition reads its fields late; a copy of its properties would read them now.
    return schema.type === "object" ? new MarkedDefinition(schema, this.#marks.mapType) : { ...schema, ...this.#marks };
  }
}

/** A definition whose map type is another one at this field. */
class MarkedDefinition implements Schema {
  readonly type = "object";
  readonly name?: string;
  readonly mapType?: "atomic" | "granular";
  readonly #definition: Schema;

  constructor(definition: Schema, mapType: "atomic" | "granular" | undefined) {
    this.#definition = definition;
    if (definition.name !== undefined) this.name = definition.name;
    if (mapType !== undefined) this.mapType = mapType;
  }

  get fields(): ReadonlyMap<string, Field> {
    return this.#definition.fields ?? new Map();
  }
}

type TableResource = (typeof table.resources)[number];

function readResource(entry: TableResource): BuiltinResource {
  const { group, version, kind, plural, singular, namespaced, shortNames = [], categories = [] } = entry;
  const verbs = splitVerbs(entry.verbs ?? STANDARD_VERBS);
  return {
    resource: { group, version, kind, plural, namespaced },
    singular,
    shortNames,
    categories,
    verbs,
    subresources: (entry.subresources ?? []).map((sub) => ({ ...sub, verbs: splitVerbs(sub.verbs) })),
    definitionName: `${PACKAGES[entry.package] ?? ""}.${kind}`,
    virtual: !verbs.includes("get"),
  };
}

function splitVerbs(text: string): Verb[] {
  // The table is made from upstream's discovery, which has these verbs only.
  return text.split(",") as Verb[];
}
