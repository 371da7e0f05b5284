// Runs a command beside a container's process, in its namespaces, with its environment.

import { spawn, type ChildProcess } from "node:child_process";
import { readFile, readlink } from "node:fs/promises";
import { constants } from "node:os";
import type { Clock } from "#lib/clock.ts";
import { RuntimeError, type ExecIo } from "../runtime.ts";
import { commandProblem } from "./commands.ts";
import { joinCommand, type Tools } from "./isolation.ts";
import { sendSignal } from "./proc.ts";
import type { ProcessContainer } from "./process-container.ts";

/** How often to look whether `script` has opened its terminal; that takes a few milliseconds. */
const TERMINAL_POLL_MS = 5;

/** Resolves to the exit code; 128 + signal if a signal ended it. Aborting kills it. */
export async function execIn(
  container: ProcessContainer,
  context: { readonly tools: Tools; readonly clock: Clock },
  command: readonly string[],
  io: ExecIo,
): Promise<number> {
  const { tools, clock } = context;
  const { record, spec, launched } = container;
  if (record.pid === undefined || spec === undefined || launched === undefined) {
    throw new RuntimeError("ContainerNotRunning", `container ${record.state.id} is not running`);
  }
  const [program] = command;
  if (program === undefined) throw new RuntimeError("ExecError", "no command specified");
  const problem = await commandProblem(program, { path: launched.env["PATH"] ?? "", cwd: launched.cwd, mounts: spec.mounts });
  if (problem !== undefined) {
    throw new RuntimeError("ExecError", `OCI runtime exec failed: exec failed: unable to start container process: ${problem}: unknown`);
  }
  const [file = program, ...args] = joinCommand(tools, record.pid, command, io.tty);
  const env = io.tty ? { TERM: "xterm", ...launched.env } : launched.env;
  const child = spawn(file, args, {
    cwd: tools.isolation === "none" ? launched.cwd : container.folder,
    env,
    stdio: [io.stdin ? "pipe" : "ignore", "pipe", "pipe"],
    detached: true,
  });
  const { pid } = child;
  const ended = new AbortController();
  const kill = () => void (pid !== undefined && sendSignal(-pid, "SIGKILL"));
  if (io.signal.aborted) kill();
  io.signal.addEventListener("abort", kill, { once: true });
  child.stdin?.on("error", () => {});
  if (child.stdin && io.stdin) io.stdin.pipe(child.stdin);
  child.stdout?.on("data", (chunk: Uint8Array) => passOn(chunk, child.stdout, io.stdout));
  child.stderr?.on("data", (chunk: Uint8Array) => passOn(chunk, child.stderr, io.tty ? io.stdout : io.stderr));
  if (io.tty && io.resize && pid !== undefined) void followSizes(pid, io.resize, clock, ended.signal).catch(() => {});
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once("error", (error) => reject(new RuntimeError("ExecError", error.message, { cause: error })));
      child.once("close", (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  } finally {
    ended.abort();
    io.signal.removeEventListener("abort", kill);
    if (child.stdin && io.stdin) io.stdin.unpipe(child.stdin);
  }
}

/** Writes a chunk and holds the source back while the sink is full. */
function passOn(chunk: Uint8Array, source: ChildProcess["stdout"], sink: NodeJS.WritableStream | undefined): void {
  if (sink === undefined || sink.write(chunk) || source === null) return;
  source.pause();
  sink.once("drain", () => source.resume());
}

/** Sets the size of the terminal that `script` (pid) opens for its child, each time the client's changes. */
async function followSizes(pid: number, sizes: NonNullable<ExecIo["resize"]>, clock: Clock, signal: AbortSignal): Promise<void> {
  const terminal = await terminalOf(pid, clock, signal);
  for await (const { width, height } of sizes) {
    if (signal.aborted) return;
    const stty = spawn("stty", ["-F", terminal, "rows", String(height), "cols", String(width)], { stdio: "ignore" });
    // One after the other, so that the last size wins.
    await new Promise<void>((resolve) => {
      stty.once("error", () => resolve());
      stty.once("exit", () => resolve());
    });
  }
}

/** Rejects when the signal aborts first. */
async function terminalOf(pid: number, clock: Clock, signal: AbortSignal): Promise<string> {
  for (;;) {
    const children = (await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "")).trim().split(" ");
    const link = children[0] ? await readlink(`/proc/${children[0]}/fd/0`).catch(() => "") : "";
    if (link.startsWith("/dev/pts/")) return link;
    await clock.sleep(TERMINAL_POLL_MS, signal);
  }
}
