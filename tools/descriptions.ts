// Builds the texts that `kubectl explain` shows, from the doc comments of the npm packages @kubernetes/client-node and, for fields that refer to
// another type, kubernetes-models:
// a gzipped JSON object of definition name to texts by field, with the definition's own under "". Part of a release, not of the repository.
//
//   node tools/descriptions.ts [--client-node DIR] [--models DIR] [--out FILE]

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { builtinStructure } from "#kinds/structure.ts";
import type { Schema } from "#meta/schema.ts";
import { PARAMETER_TEXTS, PATCH_MANAGER_TEXT } from "#apiserver/openapi/parameters.ts";
import { readModelClass, readParameters } from "./structure/client-node.ts";
import { readFieldTexts } from "./structure/kubernetes-models.ts";

const root = join(import.meta.dirname, "..");
const { values } = parseArgs({
  options: {
    "client-node": { type: "string", default: join(root, "node_modules/@kubernetes/client-node") },
    models: { type: "string", default: join(root, "node_modules/kubernetes-models") },
    out: { type: "string", default: join(root, "dist/descriptions.json.gz") },
  },
});

const clientNode = values["client-node"];
const structure = builtinStructure();
const texts: Record<string, Record<string, string>> = {};
const seen = new Set<string>();
for (const { resource, definitionName, verbs, subresources } of structure.resources) {
  collect(structure.schema(definitionName));
  if (verbs.includes("list")) collect(structure.schema(`${definitionName}List`));
  for (const sub of subresources) {
    const name = structure.nameOf(sub.group ?? resource.group, sub.version ?? resource.version, sub.kind);
    if (name !== undefined) collect(structure.schema(name));
    const options = structure.nameOf(resource.group, resource.version, sub.options ?? sub.kind);
    if (options?.endsWith("Options")) collectOptions(options, resource.kind, sub.name, resource.namespaced, sub.options !== undefined);
  }
}
// One operation of each sort has all parameters there are.
texts[PARAMETER_TEXTS] = {
  ...Object.fromEntries(readParameters(clientNode, "CoreV1ApiDeleteCollectionNamespacedPod")),
  ...Object.fromEntries(readParameters(clientNode, "CoreV1ApiListNamespacedPod")),
  ...Object.fromEntries(readParameters(clientNode, "CoreV1ApiCreateNamespacedPod")),
};
const ofPatch = readParameters(clientNode, "CoreV1ApiPatchNamespacedPod");
for (const [name, from] of [
  ["force", "force"],
  [PATCH_MANAGER_TEXT, "fieldManager"],
] as const) {
  const text = ofPatch.get(from);
  if (text !== undefined) texts[PARAMETER_TEXTS][name] = text;
}
for (const name of ["APIGroupList", "APIResourceList", "APIVersions", "DeleteOptions", "Status", "WatchEvent"])
  collect(structure.schema(`io.k8s.apimachinery.pkg.apis.meta.v1.${name}`));
mkdirSync(dirname(values.out), { recursive: true });
writeFileSync(values.out, gzipSync(JSON.stringify(texts), { level: 9 }));

/** Options are in no model: their texts stand at the operation whose query they are. */
function collectOptions(definition: string, kind: string, sub: string, namespaced: boolean, isRead: boolean): void {
  const what = `${namespaced ? "Namespaced" : ""}${kind}${sub.charAt(0).toUpperCase()}${sub.slice(1)}`;
  const found = readParameters(clientNode, `CoreV1Api${isRead ? "Read" : "ConnectGet"}${what}`);
  texts[definition] = Object.fromEntries(found);
}

/** The texts of a definition and of all that it leads to. */
function collect(schema: Schema): void {
  if (schema.items) collect(schema.items);
  if (schema.name === undefined || !schema.fields || seen.has(schema.name)) return;
  seen.add(schema.name);
  const { label = "", version = "", name = "" } = /\.(?<label>\w+)\.(?<version>v\d+)\.(?<name>\w+)$/.exec(schema.name)?.groups ?? {};
  const descriptions = new Map(readModelClass(clientNode, label, version, name)?.descriptions);
  const missing = [...schema.fields.keys()].filter((field) => !descriptions.has(field));
  const others = missing.length > 0 ? readFieldTexts(values.models, label, version, name) : new Map<string, string>();
  for (const field of missing) {
    const text = others.get(field);
    if (text !== undefined) descriptions.set(field, text);
  }
  if (descriptions.size > 0) texts[schema.name] = Object.fromEntries(descriptions);
  for (const field of schema.fields.values()) collect(field.schema);
}
