// Reads the type declarations of one Go package of API types: structs with their fields, tags and `+markers`, and
// named types over something else. It understands the plain style those files are written in, not Go at large.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** `+name=value` markers of a comment block; several of one name keep their order. */
export type Markers = ReadonlyMap<string, readonly string[]>;

export interface GoField {
  /** Go name; of an embedded field the type's own name. */
  readonly name: string;
  /** The type as written: `*int32`, `[]v1.Container`, `map[string]string`. */
  readonly type: string;
  readonly embedded: boolean;
  readonly json: string;
  /** `inline`, `omitempty`, `omitzero`, `string`. */
  readonly jsonOptions: readonly string[];
  /** 0 when the tag has none. */
  readonly protoNumber: number;
  readonly patchStrategy: string | undefined;
  readonly patchMergeKey: string | undefined;
  readonly markers: Markers;
}

export interface GoType {
  readonly name: string;
  /** The underlying type as written; undefined for a struct. */
  readonly underlying: string | undefined;
  readonly fields: readonly GoField[];
  readonly markers: Markers;
}

export interface GoPackage {
  /** Import path: `k8s.io/api/core/v1`. */
  readonly path: string;
  /** The prefix of definition names: `io.k8s.api.core.v1`. */
  readonly modelPackage: string;
  readonly types: ReadonlyMap<string, GoType>;
  /** Messages of generated.proto that wrap a list: named slice types travel so. */
  readonly wrappedLists: ReadonlySet<string>;
  /** String constants by name. */
  readonly constants: ReadonlyMap<string, string>;
  /** Values of the constants that are declared with a type, by that type's name; sorted, each once. */
  readonly typedConstants: ReadonlyMap<string, readonly string[]>;
  /** Import alias to import path, per type name, since files may differ. */
  readonly imports: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

/** `Name Type = "value"`, `Name = Type("value")`, in a block or behind `const`. */
const CONSTANT = /^(?:\t|const )(\w+)(?: +(\w+))? += +(?:(\w+)\()?"([^"]*)"\)?/gm;

/** Reads the package in `folder`. */
export function readGoPackage(path: string, folder: string): GoPackage {
  const types = new Map<string, GoType>();
  const imports = new Map<string, ReadonlyMap<string, string>>();
  const constants = new Map<string, string>();
  const typed = new Map<string, Set<string>>();
  let modelPackage = "";
  let proto = "";
  for (const file of readdirSync(folder)) {
    if (file === "generated.proto") proto = readFileSync(join(folder, file), "utf8");
    if (!file.endsWith(".go") || file.endsWith("_test.go") || file.startsWith("zz_") || file.startsWith("generated.")) continue;
    const text = readFileSync(join(folder, file), "utf8");
    modelPackage ||= /\+k8s:openapi-model-package=(\S+)/.exec(text)?.[1] ?? "";
    const fileImports = parseImports(text);
    for (const [, name = "", type, wrapper, value = ""] of text.matchAll(CONSTANT)) {
      constants.set(name, value);
      const declared = type ?? wrapper;
      if (declared !== undefined) typed.set(declared, (typed.get(declared) ?? new Set()).add(value));
    }
    for (const type of parseTypes(text)) {
      types.set(type.name, type);
      imports.set(type.name, fileImports);
    }
  }
  if (modelPackage === "") throw new Error(`${folder}: no +k8s:openapi-model-package marker`);
  const wrappedLists = new Set(
    [...proto.matchAll(/^message (\w+) \{\n(?:\s*\/\/.*\n|\s*\n)*\s*repeated \w+ items = 1;\s*\n\}/gm)].map((match) => match[1] ?? ""),
  );
  const typedConstants = new Map(Array.from(typed, ([type, values]) => [type, [...values].toSorted()]));
  return { path, modelPackage, types, wrappedLists, constants, typedConstants, imports };
}

function parseImports(text: string): Map<string, string> {
  const found = new Map<string, string>();
  const block = /^import \(([\s\S]*?)^\)/m.exec(text)?.[1] ?? /^import (.*)$/m.exec(text)?.[1] ?? "";
  for (const match of block.matchAll(/^\s*(?:(\w+)\s+)?"([^"]+)"/gm)) {
    const path = match[2] ?? "";
    found.set(match[1] ?? path.slice(path.lastIndexOf("/") + 1), path);
  }
  return found;
}

/** The declarations of one file, in order. */
export function parseTypes(text: string): GoType[] {
  const types: GoType[] = [];
  let comments: string[] = [];
  let open: { name: string; fields: GoField[]; markers: Markers } | undefined;
  for (const line of text.split("\n")) {
    const trimmed = line.trim();
    if (trimmed.startsWith("//")) {
      comments.push(trimmed.slice(2).trim());
      continue;
    }
    if (trimmed === "") {
      // Above a type a second block counts too; above a field only the one that touches it.
      if (open) comments = [];
      continue;
    }
    if (open) {
      if (line.startsWith("}")) {
        types.push({ ...open, underlying: undefined });
        open = undefined;
      } else {
        const field = parseField(trimmed, parseMarkers(comments));
        if (field) open.fields.push(field);
      }
    } else {
      const struct = /^type (\w+) struct ?\{(\})?/.exec(line);
      const named = /^type (\w+) (=\s*)?([^\s{]+)(\s*\/\/.*)?$/.exec(line);
      if (struct) {
        open = { name: struct[1] ?? "", fields: [], markers: parseMarkers(comments) };
        if (struct[2]) {
          types.push({ ...open, underlying: undefined });
          open = undefined;
        }
      } else if (named) {
        types.push({ name: named[1] ?? "", underlying: named[3] ?? "", fields: [], markers: parseMarkers(comments) });
      }
    }
    comments = [];
  }
  return types;
}

function parseField(line: string, markers: Markers): GoField | undefined {
  const match = /^(?:(\w+)\s+)?(\S+)\s+`([^`]*)`/.exec(line);
  if (!match) return undefined;
  const [, declared, type = "", tags = ""] = match;
  const json = tag(tags, "json");
  if (json === undefined || json === "-") return undefined;
  const [name = "", ...options] = json.split(",");
  return {
    name: declared ?? type.replace(/^\*/, "").replace(/^.*\./, ""),
    type,
    embedded: declared === undefined,
    json: name,
    jsonOptions: options,
    protoNumber: Number(tag(tags, "protobuf")?.split(",")[1] ?? 0),
    patchStrategy: tag(tags, "patchStrategy"),
    patchMergeKey: tag(tags, "patchMergeKey"),
    markers,
  };
}

function tag(tags: string, name: string): string | undefined {
  return new RegExp(`(?:^|\\s)${name}:"([^"]*)"`).exec(tags)?.[1];
}

function parseMarkers(comments: readonly string[]): Markers {
  const markers = new Map<string, string[]>();
  for (const line of comments) {
    const match = /^\+([\w:.-]+)(?:=(.*))?$/.exec(line);
    if (!match) continue;
    const list = markers.get(match[1] ?? "") ?? [];
    list.push((match[2] ?? "").trim());
    markers.set(match[1] ?? "", list);
  }
  return markers;
}
