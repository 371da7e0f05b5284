// Runs the tests: all, or those whose path holds one of the given words. `node tools/test.ts store reconcile`

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const words = process.argv.slice(2);

function* tests(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* tests(path);
    else if (entry.name.endsWith(".test.ts")) yield relative(root, path);
  }
}

const files = ["src", "test", "tools", "examples"].flatMap((folder) => [...tests(join(root, folder))]);
const chosen = files.filter((file) => words.length === 0 || words.some((word) => file.includes(word))).toSorted();
if (chosen.length === 0) {
  console.error(`no test file matches ${words.join(" ")}`);
  process.exit(1);
}
const args = ["--test", "--test-concurrency=2", "--disable-warning=ExperimentalWarning", ...chosen];
const run = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
process.exit(run.status ?? 1);
