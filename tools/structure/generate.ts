// Makes src/kinds/api/*.gen.ts (TypeScript types and resource references) and src/kinds/structure/<release>.json (the
// structure table) from upstream's definitions. docs/structure.md tells how to run it for another release.
//
//   node tools/structure/generate.ts --modules DIR [--release 1.36.1] [--out DIR]
//
// --modules  Go module cache that holds k8s.io/{api,apimachinery,apiextensions-apiserver,kube-aggregator}@v0.<minor>.<patch>
//            and k8s.io/kubernetes@v<release> (for the discovery documents)
// --release  which patch release of the modules to read
// --out      folder of the kinds layer (default: src/kinds)

import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildModel } from "./model.ts";
import { readResources } from "./resources.ts";
import { readPackages } from "./sources.ts";
import { writeTable } from "./write-table.ts";
import { writeTypes } from "./write-types.ts";

const root = join(import.meta.dirname, "..", "..");
const { values: options } = parseArgs({
  options: {
    modules: { type: "string" },
    release: { type: "string", default: "1.36.1" },
    out: { type: "string", default: join(root, "src/kinds") },
  },
});
if (options.modules === undefined) throw new Error("--modules DIR is needed: the Go module cache, as `go env GOMODCACHE` prints it");

const { modules, release } = options;
const packages = readPackages(modules, release);
const resources = readResources(modules, release);
const model = buildModel(packages, resources);

const texts = writeTypes(model, resources);
const table = writeTable(model, resources, release, (path) => packages.get(path)?.modelPackage ?? "");

const types = join(options.out, "api");
mkdirSync(types, { recursive: true });
for (const file of readdirSync(types)) if (file.endsWith(".gen.ts")) rmSync(join(types, file));
for (const [label, text] of texts) writeFileSync(join(types, `${label}.gen.ts`), text);

const tables = join(options.out, "structure");
mkdirSync(tables, { recursive: true });
writeFileSync(join(tables, `v${release.split(".").slice(0, 2).join(".")}.json`), table);
console.log(`${model.definitions.size} definitions, ${resources.length} resources`);
