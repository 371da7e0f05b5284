// The structure table: definitions as one short line per field, and the served resources. src/kinds/structure.ts reads
// it and describes the form.

import type { Definition, FieldModel, Model, TypeNode } from "./model.ts";
import type { ResourceModel } from "./resources.ts";
import { GROUP_VERSIONS, labelOf, META_PATH } from "./sources.ts";

const STANDARD_VERBS = "create,delete,deletecollection,get,list,patch,update,watch";

/** Scalars that have a name of their own, by the word the table uses. */
const WORDS: Readonly<Record<string, string>> = {
  "string:byte": "bytes",
  "integer:int32": "int32",
  "integer:int64": "int64",
  "number:double": "double",
  "boolean:": "bool",
  "string:": "string",
};

export function writeTable(
  model: Model,
  resources: readonly ResourceModel[],
  release: string,
  prefixOf: (packagePath: string) => string,
): string {
  const packages: Record<string, string> = {};
  const definitions: Record<string, Record<string, string[]>> = {};
  const scalars: Record<string, Scalar> = {};
  const writer = new LineWriter(model, scalars);
  for (const path of [...GROUP_VERSIONS.map((entry) => entry.path), META_PATH]) {
    const label = labelOf(path);
    packages[label] = prefixOf(path);
    const own = [...model.definitions.values()].filter((definition) => definition.packagePath === path);
    own.sort((a, b) => (a.goName < b.goName ? -1 : 1));
    definitions[label] = Object.fromEntries(own.map((definition) => [definition.goName, writer.lines(definition)]));
  }
  const served = resources.map(({ packagePath, shortNames, categories, verbs, subresources, ...resource }) => ({
    package: labelOf(packagePath),
    ...resource,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    ...(verbs.join(",") === STANDARD_VERBS ? {} : { verbs: verbs.join(",") }),
    ...(subresources.length > 0 ? { subresources: subresources.map((sub) => ({ ...sub, verbs: sub.verbs.join(",") })) } : {}),
  }));
  const table = { release: release.split(".").slice(0, 2).join("."), packages, scalars, resources: served, definitions };
  return `${JSON.stringify(table, undefined, 1)}\n`;
}

function isScalar({ type, name }: TypeNode): boolean {
  return name === undefined && (type === "string" || type === "integer" || type === "number" || type === "boolean");
}

interface Scalar {
  readonly type: string;
  readonly format?: string;
  readonly name: string;
}

class LineWriter {
  readonly #model: Model;
  readonly #scalars: Record<string, Scalar>;

  constructor(model: Model, scalars: Record<string, Scalar>) {
    this.#model = model;
    this.#scalars = scalars;
  }

  lines(definition: Definition): string[] {
    const head = definition.mapType === undefined ? [] : [`@${definition.mapType}`];
    if (definition.union) head.push(`@union=${JSON.stringify(definition.union)}`);
    return [...head, ...definition.fields.map((field) => this.#line(definition.packagePath, field))];
  }

  #line(packagePath: string, field: FieldModel): string {
    const { node } = field;
    const parts = [
      `${field.name}${field.required ? "!" : ""}`,
      this.#type(packagePath, node),
      [...field.protoEmbed, field.protoNumber].join("."),
    ];
    if (field.pointer) parts.push("ptr=1");
    if (node.listType !== undefined) parts.push(`list=${node.listType}`);
    if (node.listMapKeys !== undefined) parts.push(`keys=${node.listMapKeys.join(",")}`);
    if (node.mapType !== undefined) parts.push(`map=${node.mapType}`);
    if (field.patchStrategy !== undefined) parts.push(`patch=${field.patchStrategy}`);
    if (field.patchMergeKey !== undefined) parts.push(`key=${field.patchMergeKey}`);
    const choices = node.enum ?? node.items?.enum;
    if (choices) parts.push(`enum=${choices.join(",").replaceAll(" ", "%20")}`);
    const canBeEmpty = isScalar(node) || node.type === "array" || node.type === "map";
    if (canBeEmpty && field.zero !== (field.required && !field.pointer)) parts.push(`zero=${Number(field.zero)}`);
    if (field.defaultValue !== undefined) parts.push(`default=${JSON.stringify(field.defaultValue)}`);
    if (parts.some((part) => part.includes(" "))) throw new Error(`a space in ${parts.join("|")}`);
    return parts.join(" ");
  }

  #type(packagePath: string, node: TypeNode): string {
    if (node.type === "array") {
      const wrapper = node.name === undefined ? "" : `@${this.#lastName(node.name)}`;
      return `[]${this.#itemsType(packagePath, node)}${wrapper}`;
    }
    if (node.type === "map") return `{}${this.#itemsType(packagePath, node)}`;
    if (node.type === "ref") {
      const target = this.#model.definitions.get(node.name ?? "");
      if (!target) throw new Error(`no definition ${node.name ?? ""}`);
      return target.packagePath === packagePath ? target.goName : `${labelOf(target.packagePath)}.${target.goName}`;
    }
    if (node.name === undefined) {
      const word = WORDS[`${node.type}:${node.format ?? ""}`];
      if (word === undefined) throw new Error(`no word for ${node.type} ${node.format ?? ""}`);
      return word;
    }
    const name = this.#lastName(node.name);
    const word = name.charAt(0).toLowerCase() + name.slice(1);
    this.#scalars[word] = { type: node.type, ...(node.format === undefined ? {} : { format: node.format }), name: node.name };
    return word;
  }

  #itemsType(packagePath: string, node: TypeNode): string {
    if (!node.items) throw new Error("a list or map without items");
    // Markers of the inner list would be lost on the way.
    if (node.items.listType !== undefined || node.items.mapType !== undefined) throw new Error("markers on items");
    return this.#type(packagePath, node.items);
  }

  #lastName(name: string): string {
    return name.slice(name.lastIndexOf(".") + 1);
  }
}
