// Builds dist/: the bundled command and library, the store's worker, type declarations, and what must not be committed
// (descriptions for `kubectl explain`). Run by tools/setup.sh when a source is newer than the last build, and by `npm pack`.

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
// Built aside and moved into place, so that a command that runs meanwhile finds the old build or the new one whole.
const target = join(root, "dist");
const dist = join(root, `dist.${process.pid}`);
const withTypes = process.argv.includes("--types");

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

const bundle = await rolldown({
  cwd: root,
  platform: "node",
  // Not part of a release: optional accelerators that ws looks for.
  external: ["bufferutil", "utf-8-validate"],
  input: {
    cli: "src/main/cli.ts",
    index: "src/main/index.ts",
    "sqlite-worker": "src/store/sqlite-worker.ts",
    "openapi-worker": "src/main/openapi-worker.ts",
  },
});
const { output } = await bundle.write({
  dir: dist,
  format: "esm",
  entryFileNames: "[name].js",
  chunkFileNames: "chunks/[name]-[hash].js",
  minify: { mangle: false, compress: false },
});
await bundle.close();
writeFileSync(join(dist, "THIRD-PARTY-LICENSES.txt"), licenses(output.flatMap((chunk) => (chunk.type === "chunk" ? chunk.moduleIds : []))));

if (existsSync(join(root, "tools/descriptions.ts"))) {
  execFileSync(process.execPath, [join(root, "tools/descriptions.ts"), "--out", join(dist, "descriptions.json.gz")], { stdio: "inherit" });
}

if (withTypes) {
  execFileSync(join(root, "node_modules/.bin/tsc"), ["-p", "tsconfig.types.json", "--outDir", join(dist, "types")], {
    cwd: root,
    stdio: "inherit",
  });
  for (const file of declarations(join(dist, "types"))) writeFileSync(file, relativeImports(readFileSync(file, "utf8"), file));
}
writeFileSync(join(dist, ".built"), "");
rmSync(`${dist}.old`, { recursive: true, force: true });
if (!withTypes) keepChunks(join(target, "chunks"), join(dist, "chunks"));
if (existsSync(target)) renameSync(target, `${dist}.old`);
renameSync(dist, target);
rmSync(`${dist}.old`, { recursive: true, force: true });

/** A cluster that runs from the last build still loads parts of it when it first needs them: they stay for a day. */
function keepChunks(from: string, to: string): void {
  const dayAgo = Date.now() - 24 * 3600 * 1000;
  for (const file of existsSync(from) ? readdirSync(from) : []) {
    if (!existsSync(join(to, file)) && statSync(join(from, file)).mtimeMs > dayAgo)
      cpSync(join(from, file), join(to, file), { preserveTimestamps: true });
  }
}

/** The licence texts of the packages that modules of the bundle come from. */
function licenses(modules: readonly string[]): string {
  const packages = new Set(modules.flatMap((id) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1] ?? []));
  return [...packages]
    .toSorted()
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, string>;
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
      return `${name} ${version} (${license})\n\n${file === undefined ? "" : readFileSync(join(folder, file), "utf8")}`;
    })
    .join(`\n${"-".repeat(80)}\n`);
}

/** Declarations name modules as sources do (`#meta/object.ts`); readers of the package need relative paths. */
function relativeImports(text: string, file: string): string {
  return text.replaceAll(/(["'])#(\w+\/[\w./-]+)\.ts\1/g, (_match, quote: string, path: string) => {
    const target = relative(dirname(file), join(dist, "types", path)).replaceAll("\\", "/");
    return `${quote}${target.startsWith(".") ? target : `./${target}`}.js${quote}`;
  });
}

function* declarations(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* declarations(path);
    else if (entry.name.endsWith(".d.ts")) yield path;
  }
}
