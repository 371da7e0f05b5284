// Reads the npm package made from upstream's OpenAPI document: names, types, required-ness and descriptions of all definitions.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface ModelClass {
  readonly className: string;
  /** By JSON name. */
  readonly attributes: ReadonlyMap<string, { readonly type: string; readonly format: string; readonly required: boolean }>;
  /** In words, by JSON name; "" is the class itself. Attributes that refer to another class have none. */
  readonly descriptions: ReadonlyMap<string, string>;
}

interface Attribute {
  readonly name: string;
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}

/** The class of one definition, or undefined. */
export function readModelClass(clientNode: string, group: string, version: string, name: string): ModelClass | undefined {
  for (const className of classNames(group, version, name)) {
    const base = join(clientNode, "dist", "gen", "models", className);
    if (!existsSync(`${base}.js`)) continue;
    const list = /attributeTypeMap = (\[[\s\S]*?\n\]);/.exec(readFileSync(`${base}.js`, "utf8"))?.[1] ?? "[]";
    // The file is made by a generator from a JSON form; a list of another shape would show in the comparison.
    const entries = JSON.parse(list) as Attribute[];
    const declared = readFileSync(`${base}.d.ts`, "utf8");
    const optional = new Set([...declared.matchAll(/^ {4}'([^']+)'\?:/gm)].map((match) => match[1] ?? ""));
    return {
      className,
      attributes: new Map(entries.map(({ name, baseName, type, format }) => [baseName, { type, format, required: !optional.has(name) }])),
      descriptions: readDescriptions(declared, new Map(entries.map((entry) => [entry.name, entry.baseName]))),
    };
  }
  return undefined;
}

/** In words, what the parameters of one operation are for, by name: `CoreV1ApiListNamespacedPod`. Empty if there is no such operation. */
export function readParameters(clientNode: string, operation: string): ReadonlyMap<string, string> {
  const declared = readFileSync(join(clientNode, "dist", "gen", "types", "ObjectParamAPI.d.ts"), "utf8");
  const head = `export interface ${operation}Request {\n`;
  const start = declared.indexOf(head);
  const found = new Map<string, string>();
  if (start < 0) return found;
  const body = declared.slice(start + head.length, declared.indexOf("\n}", start));
  for (const [, text = "", name = ""] of body.matchAll(/\/\*\*\n\s*\* ?(.*)\n(?:\s*\*(?!\/).*\n)*\s*\*\/\n\s*'?_?(\w+)'?\??:/g))
    if (text.trim() !== "") found.set(name, unescape(text.trim()));
  return found;
}

/** Most classes are named for the version and type; names that several groups have carry the group's too. */
function classNames(group: string, version: string, name: string): string[] {
  const v = upperFirst(version);
  const label = group === "" ? "core" : (group.split(".")[0] ?? "");
  return [`${upperFirst(label)}${v}${name}`, `${v}${name}`];
}

/** Doc comments of the declaration file; of the comments before the class the last one is its own. */
function readDescriptions(declared: string, jsonNames: ReadonlyMap<string, string>): Map<string, string> {
  const found = new Map<string, string>();
  for (const match of declared.matchAll(/\/\*\*\n((?:\s*\*(?!\/).*\n)+)\s*\*\/\n\s*(?:export declare class \w+|'([^']+)'\??:)/g)) {
    const text = (match[1] ?? "").replaceAll(/^\s*\* ?/gm, "").trim();
    const field = match[2];
    const name = field === undefined ? "" : (jsonNames.get(field) ?? field);
    if (text !== "") found.set(name, unescape(text));
  }
  return found;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&amp;": "&",
  "&quot;": '"',
  "&#39;": "'",
  "&#x3D;": "=",
  "&#x60;": "`",
};

function unescape(text: string): string {
  return text.replaceAll(/&(?:lt|gt|amp|quot|#39|#x3D|#x60);/g, (entity) => ENTITIES[entity] ?? entity).replaceAll(/\\(["'\\])/g, "$1");
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
