// Runs a measurement in a process of its own, which prints a line of JSON last.

import { spawn } from "node:child_process";
import { join } from "node:path";

/** Thousands of short-lived objects are alive at a time: with the default of 16 MB the collector of young objects takes a fifth of the time. */
const YOUNG = "--max-semi-space-size=64";

export async function runChild<T>(script: string, args: readonly string[], nodeArgs: readonly string[]): Promise<T> {
  const command = ["--disable-warning=ExperimentalWarning", YOUNG, ...nodeArgs, join(import.meta.dirname, "..", script), ...args];
  const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  const line = said.trimEnd().split("\n").at(-1) ?? "";
  if (code !== 0 || line === "") throw new Error(`${script} ended with ${code}`);
  return JSON.parse(line) as T; // the script's own form
}
