// The built `kobune` command for its tests, with a HOME and a data directory of its own.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "#harness/until.ts";

const ROOT = join(import.meta.dirname, "../..");
export const BIN = join(ROOT, "bin/kobune");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Disposing it stops it, if it still runs. */
export interface RunningKobune extends AsyncDisposable {
  readonly process: ChildProcess;
  stdout(): string;
  stderr(): string;
  readonly ended: Promise<Ended>;
  /** Resolves to the address it prints when it is up. */
  address(): Promise<string>;
  signal(signal: NodeJS.Signals): Promise<Ended>;
}

export interface Workshop extends AsyncDisposable {
  readonly home: string;
  readonly data: string;
  run(...args: string[]): Promise<Ended>;
  start(...args: string[]): RunningKobune;
}

export function createWorkshop(): Workshop {
  const folder = mkdtempSync(join(tmpdir(), "kobune-cli-"));
  const home = join(folder, "home");
  const cwd = join(folder, "work");
  const data = join(cwd, "data");
  mkdirSync(home);
  mkdirSync(cwd);
  const env = { PATH: process.env["PATH"] ?? "", HOME: home };
  const running = new Set<RunningKobune>();
  const start = (...args: string[]): RunningKobune => {
    const child = spawn(BIN, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) child[name].setEncoding("utf8").on("data", (text: string) => (output[name] += text));
    const ended = new Promise<Ended>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", () => running.delete(one));
      // With --detach the pipes close with the command, not with the cluster it leaves behind.
      child.once("close", (code) => resolve({ code, ...output }));
    });
    const one: RunningKobune = {
      process: child,
      stdout: () => output.stdout,
      stderr: () => output.stderr,
      ended,
      address: () =>
        until("kobune says that it is up", () => {
          if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${output.stderr}`);
          return output.stdout.includes("Stop it with") ? /address +(https:\/\/127\.0\.0\.1:\d+)/.exec(output.stdout)?.[1] : undefined;
        }),
      signal(signal) {
        child.kill(signal);
        return ended;
      },
      async [Symbol.asyncDispose]() {
        child.kill("SIGTERM");
        await ended;
      },
    };
    running.add(one);
    return one;
  };
  return {
    home,
    data,
    start,
    run: (...args) => start(...args).ended,
    async [Symbol.asyncDispose]() {
      for (const one of running) await one[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Command lines of processes that have `mark` in theirs. */
export function processesWith(mark: string): string[] {
  const lines = execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8", maxBuffer: 1 << 24 }).split("\n");
  return lines.filter((line) => line.includes(mark));
}
