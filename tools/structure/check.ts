// Compares the OpenAPI documents we make with upstream's own, definition by definition and operation by operation, and
// prints what differs. Run it after generate.ts for a new release; known differences are listed in docs/structure.md.
//
//   node tools/structure/check.ts --modules DIR [--release 1.36.1]

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { finished, openApiV3 } from "#apiserver/openapi/documents.ts";
import { builtinKinds } from "#kinds/builtin-kinds.ts";
import { builtinStructure } from "#kinds/structure.ts";
import { moduleFolder } from "./sources.ts";

type Json = { readonly [key: string]: unknown };

interface Document {
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
  readonly paths: Readonly<Record<string, Json>>;
}

const { values: options } = parseArgs({ options: { modules: { type: "string" }, release: { type: "string", default: "1.36.1" } } });
if (options.modules === undefined) throw new Error("--modules DIR is needed: the Go module cache, as `go env GOMODCACHE` prints it");
const folder = join(moduleFolder(options.modules, "kubernetes", options.release), "api", "openapi-spec", "v3");

const METHODS = ["get", "post", "put", "patch", "delete", "head", "options"];

const types = builtinStructure();
const compared = { definitions: 0, fields: 0, operations: 0 };
const differences = new Set<string>();

for (const [key, kinds] of Map.groupBy(builtinKinds(types), ({ resource }) => `${resource.group}__${resource.version}`)) {
  const [group = "", version = ""] = key.split("__");
  const ours = read(JSON.stringify(finished(openApiV3({ group, version, kinds }, { types, version: "" }))));
  const theirs = read(readFileSync(join(folder, `${key.startsWith("__") ? `api${key}` : `apis__${key}`}_openapi.json`), "utf8"));
  for (const [name, schema] of Object.entries(theirs.components.schemas)) compareDefinition(name, ours.components.schemas[name], schema);
  for (const [path, item] of Object.entries(theirs.paths)) comparePath(path, ours.paths[path], item);
  for (const path of Object.keys(ours.paths)) if (!theirs.paths[path]) differences.add(`${path}: not upstream's`);
}
for (const difference of [...differences].toSorted()) console.log(difference);
console.log(
  `compared ${compared.definitions} definitions, ${compared.fields} fields, ${compared.operations} operations: ${differences.size} differences`,
);

function compareDefinition(name: string, ours: Json | undefined, theirs: Json): void {
  compared.definitions++;
  if (!ours) {
    differences.add(`${name}: missing`);
    return;
  }
  const { properties: ourFields = {}, ...ourRest } = ours;
  const { properties: theirFields = {}, ...theirRest } = theirs;
  compare(name, ourRest, theirRest);
  // Both are documents of OpenAPI, where properties are objects of schemas.
  const mine = ourFields as Readonly<Record<string, unknown>>;
  for (const [field, schema] of Object.entries(theirFields as object)) {
    compared.fields++;
    compare(`${name}.${field}`, mine[field], schema);
  }
  for (const field of Object.keys(mine)) if (!(field in (theirFields as object))) differences.add(`${name}.${field}: not upstream's`);
}

function comparePath(path: string, ours: Json | undefined, theirs: Json): void {
  for (const method of METHODS) {
    const operation = theirs[method] as Json | undefined;
    if (!operation) continue;
    compared.operations++;
    const mine = (ours?.[method] ?? {}) as Json;
    for (const aspect of new Set([...Object.keys(mine), ...Object.keys(operation)]))
      compare(`${method} ${path} ${aspect}`, mine[aspect], operation[aspect]);
  }
}

function compare(what: string, ours: unknown, theirs: unknown): void {
  const [a, b] = [JSON.stringify(plain(ours)), JSON.stringify(plain(theirs))];
  if (a !== b) differences.add(`${what}\n  ours   ${a}\n  theirs ${b}`);
}

/** Without texts, without enums (upstream publishes its files without them), without CBOR (off by default), references unwrapped, keys in order. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(
    ([key, entry]) =>
      !((key === "description" && typeof entry === "string") || (key === "enum" && Array.isArray(entry)) || key.includes("cbor")),
  );
  const result = Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, entry]) => [key, plain(entry)]));
  const wrapped = result["allOf"];
  return entries.length === 1 && Array.isArray(wrapped) ? wrapped[0] : result;
}

function read(text: string): Document {
  return JSON.parse(text) as Document;
}
