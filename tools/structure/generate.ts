// Makes src/kinds/api/*.gen.ts (TypeScript types and resource references) and src/kinds/structure/<release>.json (the
// structure table) from upstream's definitions. docs/structure.md tells how to run it for another release.
//
//   node tools/structure/generate.ts --modules DIR [--client-node DIR] [--release 1.36.1] [--out DIR]
//
// --modules      Go module cache that holds k8s.io/{api,apimachinery,apiextensions-apiserver,kube-aggregator}@v0.<minor>.<patch>
// --client-node  folder of the npm package @kubernetes/client-node made for the same release (default: node_modules)
// --release      which patch release of the modules to read
// --out          folder of the kinds layer (default: src/kinds)

import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Model } from "./model.ts";
import { readResources } from "./resources.ts";
import { EXTRA_ROOTS, GROUP_VERSIONS, META_PATH, readPackages } from "./sources.ts";
import { writeTypes } from "./write-types.ts";

const root = join(import.meta.dirname, "..", "..");
const { values: options } = parseArgs({
  options: {
    modules: { type: "string" },
    "client-node": { type: "string", default: join(root, "node_modules/@kubernetes/client-node") },
    release: { type: "string", default: "1.36.1" },
    out: { type: "string", default: join(root, "src/kinds") },
  },
});
if (options.modules === undefined) throw new Error("--modules DIR is needed: the Go module cache, as `go env GOMODCACHE` prints it");

const packages = readPackages(options.modules, options.release);
const resources = readResources(options["client-node"], packages);
const model = new Model(packages);
for (const resource of resources) {
  model.add(resource.packagePath, resource.kind);
  if (resource.verbs.includes("list")) model.add(resource.packagePath, `${resource.kind}List`);
  for (const subresource of resource.subresources) {
    const owner = GROUP_VERSIONS.find((entry) => entry.group === subresource.group && entry.version === subresource.version);
    // Options of streams travel in the query, so they are no part of any document.
    if (!subresource.kind.endsWith("Options")) model.add(owner?.path ?? resource.packagePath, subresource.kind);
  }
}
for (const [path, names] of Object.entries(EXTRA_ROOTS)) for (const name of names) model.add(path, name);

const types = join(options.out, "api");
mkdirSync(types, { recursive: true });
for (const file of readdirSync(types)) if (file.endsWith(".gen.ts")) rmSync(join(types, file));
for (const [file, text] of writeTypes(model, resources, fileOf)) writeFileSync(join(types, file), text);
console.log(`${model.definitions.size} definitions, ${resources.length} resources`);

function fileOf(packagePath: string): string {
  if (packagePath === META_PATH) return "meta-v1.gen.ts";
  const entry = GROUP_VERSIONS.find(({ path }) => path === packagePath);
  if (!entry) throw new Error(`${packagePath} belongs to no group-version`);
  const label = entry.group === "" ? "core" : (entry.group.split(".")[0] ?? "");
  return `${label}-${entry.version}.gen.ts`;
}
