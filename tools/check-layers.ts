// Checks that every import goes in the direction ARCHITECTURE.md allows, and that every source file belongs to a layer.
// Prints each breach with what would be allowed; exits 1 if there is one.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";

interface Layer {
  readonly name: string;
  readonly match: RegExp;
  readonly may: readonly string[];
  /** Whether `node:` modules may be imported. */
  readonly node: boolean;
}

const BASE = ["lib", "meta", "kinds"];
const COMPONENT = [...BASE, "client", "reconcile"];

/** First match wins, so that special files stand before their folder. */
const LAYERS: readonly Layer[] = [
  { name: "lib-node", match: /^src\/lib\/node-/, may: ["lib"], node: true },
  { name: "lib", match: /^src\/lib\//, may: [], node: false },
  { name: "meta", match: /^src\/meta\//, may: ["lib"], node: false },
  {
    name: "kinds-server",
    match: /^src\/kinds\/((.*\/server|servers)(\.test)?|admission\/[^/]+)\.ts$/,
    may: ["lib", "meta", "kinds", "apiserver"],
    node: true,
  },
  {
    name: "kinds-controller",
    match: /^src\/kinds\/(.*\/controller|controllers)\.ts$/,
    may: ["lib", "meta", "kinds", "client", "reconcile"],
    node: false,
  },
  { name: "kinds", match: /^src\/kinds\//, may: ["lib", "meta"], node: false },
  { name: "store", match: /^src\/store\//, may: ["lib"], node: true },
  { name: "apiserver", match: /^src\/apiserver\//, may: ["lib", "meta", "store"], node: true },
  { name: "client-node", match: /^src\/client\/node\//, may: ["lib", "meta", "client"], node: true },
  { name: "client", match: /^src\/client\//, may: ["lib", "meta"], node: false },
  { name: "reconcile", match: /^src\/reconcile\//, may: ["lib", "meta", "client"], node: false },
  { name: "controllers", match: /^src\/controllers\//, may: COMPONENT, node: false },
  { name: "scheduler", match: /^src\/scheduler\//, may: COMPONENT, node: false },
  { name: "node", match: /^src\/node\//, may: COMPONENT, node: true },
  { name: "network", match: /^src\/network\//, may: COMPONENT, node: true },
  { name: "metrics", match: /^src\/metrics\//, may: COMPONENT, node: false },
  { name: "cli", match: /^src\/cli\//, may: [...BASE, "client", "client-node"], node: true },
  { name: "main", match: /^src\/main\//, may: ["*"], node: true },
  { name: "test", match: /^(test|tools|examples)\//, may: ["*"], node: true },
];

/** Test files may also start a whole cluster. */
const TEST_EXTRA = ["test", "main"];

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

export function layerOf(file: string): Layer | undefined {
  return LAYERS.find((layer) => layer.match.test(file));
}

/** The breaches of one file, as messages. Pure. */
export function checkFile(file: string, text: string): string[] {
  const layer = layerOf(file);
  if (!layer) return [`${file}: belongs to no layer; add it to tools/check-layers.ts or move it`];
  const isTest = file.endsWith(".test.ts");
  const problems: string[] = [];
  for (const match of text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b(?:[^;"'=]*?\bfrom)?\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/g,
  )) {
    const specifier = match[1] ?? match[2] ?? "";
    if (specifier.startsWith("node:")) {
      if (!layer.node && !isTest)
        problems.push(`${file}: ${layer.name} must not import ${specifier}; only layers that touch the machine may`);
      continue;
    }
    let target: string | undefined;
    if (specifier.startsWith("#"))
      target = specifier.startsWith("#harness/") ? `test/harness/${specifier.slice(9)}` : `src/${specifier.slice(1)}`;
    else if (specifier.startsWith(".")) target = normalize(join(dirname(file), specifier));
    // The version stands there and nowhere else.
    if (target === undefined || (target === "package.json" && layer.name === "main")) continue;
    const to = layerOf(target);
    if (!to) {
      problems.push(`${file}: imports ${specifier}, which belongs to no layer`);
      continue;
    }
    const allowed =
      to.name === layer.name ||
      (to.name === "lib-node" && layer.node) ||
      layer.may.includes("*") ||
      layer.may.includes(to.name) ||
      (isTest && TEST_EXTRA.includes(to.name));
    // Lists and wiring beside kinds may name their parts.
    const ownKind = layer.name.startsWith("kinds-") && to.name === layer.name;
    if (!allowed && !ownKind)
      problems.push(`${file}: ${layer.name} must not import ${specifier} (${to.name}); allowed: ${[layer.name, ...layer.may].join(", ")}`);
  }
  return problems;
}

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (entry.name.endsWith(".ts")) yield path;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problems: string[] = [];
  for (const folder of ["src", "test", "tools", "examples"]) {
    for (const path of sources(join(root, folder))) problems.push(...checkFile(relative(root, path), readFileSync(path, "utf8")));
  }
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exit(1);
  console.log("layers: every import goes the allowed way");
}
