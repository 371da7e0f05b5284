// Builds the texts that `kubectl explain` shows, from the doc comments of the npm package @kubernetes/client-node:
// a gzipped JSON object of definition name to texts by field, with the definition's own under "". Part of a release, not of the repository.
//
//   node tools/descriptions.ts [--client-node DIR] [--out FILE]

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { builtinStructure } from "#kinds/structure.ts";
import type { Schema } from "#meta/schema.ts";
import { readModelClass } from "./structure/client-node.ts";

const root = join(import.meta.dirname, "..");
const { values } = parseArgs({
  options: {
    "client-node": { type: "string", default: join(root, "node_modules/@kubernetes/client-node") },
    out: { type: "string", default: join(root, "dist/descriptions.json.gz") },
  },
});

const structure = builtinStructure();
const texts: Record<string, Record<string, string>> = {};
const seen = new Set<string>();
for (const { resource, definitionName, verbs, subresources } of structure.resources) {
  collect(structure.schema(definitionName));
  if (verbs.includes("list")) collect(structure.schema(`${definitionName}List`));
  for (const sub of subresources) {
    const name = structure.nameOf(sub.group ?? resource.group, sub.version ?? resource.version, sub.kind);
    if (name !== undefined) collect(structure.schema(name));
  }
}
for (const name of ["DeleteOptions", "Status"]) collect(structure.schema(`io.k8s.apimachinery.pkg.apis.meta.v1.${name}`));
mkdirSync(dirname(values.out), { recursive: true });
writeFileSync(values.out, gzipSync(JSON.stringify(texts), { level: 9 }));

/** The texts of a definition and of all that it leads to. */
function collect(schema: Schema): void {
  if (schema.items) collect(schema.items);
  if (schema.name === undefined || !schema.fields || seen.has(schema.name)) return;
  seen.add(schema.name);
  const { label = "", version = "", name = "" } = /\.(?<label>\w+)\.(?<version>v\d+)\.(?<name>\w+)$/.exec(schema.name)?.groups ?? {};
  const descriptions = readModelClass(values["client-node"], label, version, name)?.descriptions;
  if (descriptions && descriptions.size > 0) texts[schema.name] = Object.fromEntries(descriptions);
  for (const field of schema.fields.values()) collect(field.schema);
}
