// The built-in API's structure, resolved: every definition reachable from a served resource, with its fields flattened.

import type { GoField, GoPackage, GoType, Markers } from "./go-types.ts";
import type { ResourceModel } from "./resources.ts";
import { EXTRA_ROOTS, GROUP_VERSIONS, isHelper } from "./sources.ts";

/** A node of a structure: a scalar, a list, a map, or a reference to a definition. */
export interface TypeNode {
  readonly type: "string" | "integer" | "number" | "boolean" | "array" | "map" | "intOrString" | "any" | "ref";
  readonly format?: string;
  /** Full name: of a reference its target, of a named scalar its own. */
  readonly name?: string;
  readonly items?: TypeNode;
  readonly listType?: string;
  readonly listMapKeys?: readonly string[];
  readonly mapType?: string;
  /** Of a string: the only values there are. */
  readonly enum?: readonly string[];
}

export interface FieldModel {
  readonly name: string;
  readonly node: TypeNode;
  readonly required: boolean;
  /** Go tells unset from zero; protobuf sends the zeros of all others, and empty messages. */
  readonly pointer: boolean;
  readonly patchStrategy: string | undefined;
  readonly patchMergeKey: string | undefined;
  readonly protoNumber: number;
  /** Numbers of the embedded messages that carry the field, outermost first. */
  readonly protoEmbed: readonly number[];
  /** From `+default=`; undefined if there is none. */
  readonly defaultValue: unknown;
  /** JSON has the field's zero value when it is unset. */
  readonly zero: boolean;
}

/** Fields of which one is set; `discriminator` names it. */
export interface UnionModel {
  readonly discriminator: string | undefined;
  /** JSON name to the discriminator's value. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface Definition {
  readonly name: string;
  readonly packagePath: string;
  readonly goName: string;
  readonly fields: readonly FieldModel[];
  readonly mapType: string | undefined;
  readonly union: UnionModel | undefined;
}

const RUNTIME = "io.k8s.apimachinery.pkg.runtime";
const META = "io.k8s.apimachinery.pkg.apis.meta.v1";
const APIEXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";

/** Types that marshal themselves, by import path and name. */
const SPECIAL: Readonly<Record<string, TypeNode>> = {
  "k8s.io/apimachinery/pkg/api/resource.Quantity": {
    type: "string",
    format: "quantity",
    name: "io.k8s.apimachinery.pkg.api.resource.Quantity",
  },
  "k8s.io/apimachinery/pkg/util/intstr.IntOrString": { type: "intOrString", name: "io.k8s.apimachinery.pkg.util.intstr.IntOrString" },
  "k8s.io/apimachinery/pkg/runtime.RawExtension": { type: "any", format: "object", name: `${RUNTIME}.RawExtension` },
  "k8s.io/apimachinery/pkg/apis/meta/v1.Time": { type: "string", format: "date-time", name: `${META}.Time` },
  "k8s.io/apimachinery/pkg/apis/meta/v1.MicroTime": { type: "string", format: "date-time-micro", name: `${META}.MicroTime` },
  "k8s.io/apimachinery/pkg/apis/meta/v1.Duration": { type: "string", format: "duration", name: `${META}.Duration` },
  "k8s.io/apimachinery/pkg/apis/meta/v1.FieldsV1": { type: "any", format: "object", name: `${META}.FieldsV1` },
};

const SPECIAL_APIEXTENSIONS = ["JSON", "JSONSchemaPropsOrBool", "JSONSchemaPropsOrArray", "JSONSchemaPropsOrStringArray"];

const SCALARS: Readonly<Record<string, TypeNode>> = {
  string: { type: "string" },
  bool: { type: "boolean" },
  int: { type: "integer", format: "int32" },
  int32: { type: "integer", format: "int32" },
  uint16: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  uint32: { type: "integer", format: "int64" },
  float64: { type: "number", format: "double" },
};

/** Everything that a served resource, its list, its subresources or the protocol itself needs. */
export function buildModel(packages: ReadonlyMap<string, GoPackage>, resources: readonly ResourceModel[]): Model {
  const model = new Model(packages);
  for (const { packagePath, kind, verbs, subresources } of resources) {
    model.add(packagePath, kind);
    if (verbs.includes("list")) model.add(packagePath, `${kind}List`);
    for (const sub of subresources) {
      const owner = GROUP_VERSIONS.find(({ group, version }) => group === sub.group && version === sub.version);
      model.add(owner?.path ?? packagePath, sub.kind);
      if (sub.options !== undefined) model.add(packagePath, sub.options);
    }
  }
  for (const [path, names] of Object.entries(EXTRA_ROOTS)) for (const name of names) model.add(path, name);
  return model;
}

export class Model {
  readonly definitions = new Map<string, Definition>();
  readonly #packages: ReadonlyMap<string, GoPackage>;

  constructor(packages: ReadonlyMap<string, GoPackage>) {
    this.#packages = packages;
  }

  /** Adds a type and all that it leads to; returns its full name. */
  add(packagePath: string, goName: string): string {
    const { pkg, type } = this.#lookUp(packagePath, goName);
    const name = `${pkg.modelPackage}.${goName}`;
    if (this.definitions.has(name)) return name;
    const fields: FieldModel[] = [];
    const mapType = structMapType(type.markers);
    // Registered before its fields are read, since structures may be recursive.
    this.definitions.set(name, { name, packagePath, goName, fields, mapType, union: unionOf(type) });
    fields.push(...this.#fieldsOf(pkg, type, []));
    return name;
  }

  #lookUp(packagePath: string, goName: string): { pkg: GoPackage; type: GoType } {
    const pkg = this.#packages.get(packagePath);
    const type = pkg?.types.get(goName);
    if (!pkg || !type) throw new Error(`no type ${goName} in ${packagePath}`);
    return { pkg, type };
  }

  /** `protoEmbed` is undefined for what protobuf leaves out: kind and apiVersion are in the envelope there. */
  #fieldsOf(pkg: GoPackage, owner: GoType, protoEmbed: readonly number[] | undefined): FieldModel[] {
    const fields: FieldModel[] = [];
    for (const field of owner.fields) {
      if (field.embedded && field.json === "") {
        const target = splitType(pkg, owner, field.type.replace(/^\*/, ""));
        const inner = this.#lookUp(target.path, target.name);
        const embed = protoEmbed && field.protoNumber > 0 ? [...protoEmbed, field.protoNumber] : undefined;
        fields.push(...this.#fieldsOf(inner.pkg, inner.type, embed));
      } else {
        fields.push(this.#field(pkg, owner, field, protoEmbed));
      }
    }
    return fields;
  }

  #field(pkg: GoPackage, owner: GoType, field: GoField, protoEmbed: readonly number[] | undefined): FieldModel {
    const { markers } = field;
    const node = withMarkers(this.#node(pkg, owner, field.type), markers);
    return {
      name: field.json,
      node,
      required: !isOptional(field),
      pointer: field.type.startsWith("*"),
      patchStrategy: field.patchStrategy ?? markers.get("patchStrategy")?.[0],
      patchMergeKey: field.patchMergeKey ?? markers.get("patchMergeKey")?.[0],
      protoNumber: protoEmbed ? field.protoNumber : 0,
      protoEmbed: protoEmbed ?? [],
      defaultValue: defaultOf(pkg, markers),
      zero: !field.type.startsWith("*") && !field.jsonOptions.includes("omitempty"),
    };
  }

  #node(pkg: GoPackage, owner: GoType, written: string): TypeNode {
    if (written.startsWith("*")) return this.#node(pkg, owner, written.slice(1));
    if (written === "[]byte") return { type: "string", format: "byte" };
    if (written.startsWith("[]")) return { type: "array", items: this.#node(pkg, owner, written.slice(2)) };
    if (written.startsWith("map[")) return { type: "map", items: this.#node(pkg, owner, written.slice(written.indexOf("]") + 1)) };
    const scalar = SCALARS[written];
    if (scalar) return scalar;
    const { path, name } = splitType(pkg, owner, written);
    const special = SPECIAL[`${path}.${name}`];
    if (special) return special;
    if (path.endsWith("/apiextensions/v1") && SPECIAL_APIEXTENSIONS.includes(name))
      return { type: "any", name: `${APIEXTENSIONS}.${name}` };
    // Names and ids: all of them strings.
    if (isHelper(path)) return { type: "string" };
    const target = this.#lookUp(path, name);
    if (target.type.underlying === undefined) return { type: "ref", name: this.add(path, name) };
    const plain = withMarkers(this.#node(target.pkg, target.type, target.type.underlying), target.type.markers);
    const node = target.type.markers.has("enum") ? { ...plain, enum: target.pkg.typedConstants.get(name) ?? [] } : plain;
    return target.pkg.wrappedLists.has(name) ? { ...node, name: `${target.pkg.modelPackage}.${name}` } : node;
  }
}

function splitType(pkg: GoPackage, owner: GoType, written: string): { path: string; name: string } {
  const dot = written.indexOf(".");
  if (dot < 0) return { path: pkg.path, name: written };
  const alias = written.slice(0, dot);
  const path = pkg.imports.get(owner.name)?.get(alias);
  if (path === undefined) throw new Error(`${pkg.path}.${owner.name}: unknown import ${alias}`);
  return { path, name: written.slice(dot + 1) };
}

/** The rule upstream's OpenAPI generator has for `required`. */
function isOptional(field: GoField): boolean {
  if (field.markers.has("optional")) return true;
  if (field.markers.has("required")) return false;
  return field.jsonOptions.includes("omitempty") || field.jsonOptions.includes("omitzero");
}

/** A JSON literal, or `ref(Constant)` of the same package. */
function defaultOf(pkg: GoPackage, markers: Markers): unknown {
  const written = markers.get("default")?.[0];
  if (written === undefined) return undefined;
  if (!written.startsWith("ref(")) return JSON.parse(written) as unknown;
  const value = pkg.constants.get(written.slice(4, -1));
  if (value === undefined) throw new Error(`${pkg.path}: unknown constant in +default=${written}`);
  return value;
}

/** As upstream's OpenAPI generator reads the markers: every field but the discriminator is a member. */
function unionOf({ fields, markers }: GoType): UnionModel | undefined {
  if (!markers.has("union")) return undefined;
  const discriminator = fields.find((field) => field.markers.has("unionDiscriminator"));
  const members = fields.filter((field) => field !== discriminator);
  return { discriminator: discriminator?.json, fields: Object.fromEntries(members.map(({ json, name }) => [json, name])) };
}

function structMapType(markers: Markers): string | undefined {
  return markers.get("structType")?.[0] ?? markers.get("mapType")?.[0];
}

function withMarkers(node: TypeNode, markers: Markers): TypeNode {
  if (node.type === "array") {
    const listType = markers.get("listType")?.[0];
    const keys = markers.get("listMapKey");
    return { ...node, ...(listType ? { listType } : {}), ...(keys ? { listMapKeys: keys } : {}) };
  }
  const mapType = structMapType(markers);
  return mapType && (node.type === "map" || node.type === "ref") ? { ...node, mapType } : node;
}
