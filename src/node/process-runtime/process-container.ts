// One container of the process runtime: a child process in a group of its own, its log, its state file.

import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import type { Clock, Timer } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { RuntimeError, type ContainerSpec, type ContainerState, type ExecIo } from "../runtime.ts";
import { commandProblem } from "./commands.ts";
import { READY_FD, SETUP_FAILED, nodeOptions, startCommand, type Tools } from "./isolation.ts";
import { openLog } from "./log-writer.ts";
import { processStat, processesWithEnv, sendSignal } from "./proc.ts";
import { layOutRoot } from "./root-layout.ts";
import { linkMounts } from "./link-mounts.ts";

/** Exit code of a container whose program could not be started, as containerd gives it. */
const START_FAILED = 128;
/** How long the pipes of an ended container may stay open before what holds them is searched for. */
const PIPE_GRACE_MS = 200;
/** Marks all processes of a container, wherever they moved to. */
export const CONTAINER_ENV = "KOBUNE_CONTAINER";

/** What is kept on disk of a container, so that it is found again after a restart. */
export interface ContainerRecord {
  state: ContainerState;
  pid?: number;
  /** /proc's start time of pid: together they name a process for good. */
  pidStart?: number;
}

export interface ProcessContainer {
  readonly record: ContainerRecord;
  readonly spec: ContainerSpec | undefined;
  readonly folder: string;
  /** Environment and folder that exec uses; undefined for containers found at start. */
  readonly launched: { readonly env: Readonly<Record<string, string>>; readonly cwd: string } | undefined;
  stop(graceMs: number, signal: string): Promise<void>;
  attach(io: ExecIo): Promise<void>;
}

export interface ContainerContext {
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tools: Tools;
  readonly preloadPath: string;
  /** PATH of containers that set none. */
  readonly hostPath: string;
  readonly changed: (podUid: string) => void;
}

export interface SandboxIdentity {
  readonly ip: string;
  readonly hostname: string;
  readonly hostNetwork: boolean;
}

export function containerFolder(dataDir: string, id: string): string {
  return join(dataDir, "containers", id);
}

/** Starts a container. Rejects with RuntimeError; one whose program cannot be started is left behind as exited. */
export async function startProcessContainer(
  id: string,
  spec: ContainerSpec,
  sandbox: SandboxIdentity,
  context: ContainerContext,
  register: (container: ProcessContainer) => void,
): Promise<void> {
  const { clock, tools } = context;
  // Without an image there is no entrypoint that args could belong to, so they are the command.
  const command = spec.command?.length ? [...spec.command, ...(spec.args ?? [])] : [...(spec.args ?? [])];
  const [program] = command;
  if (program === undefined) {
    throw new RuntimeError(
      "CreateContainerError",
      `no command specified: the process runtime runs programs of this host and does not pull ${spec.image}; set command or args of container "${spec.name}"`,
    );
  }
  const folder = containerFolder(context.dataDir, id);
  const home = join(folder, "home");
  await mkdir(home, { recursive: true });
  const cwd = spec.workingDir || home;
  const env: Record<string, string> = { PATH: context.hostPath, HOME: home, HOSTNAME: sandbox.hostname };
  for (const { name, value } of spec.env) env[name] = value;
  env["POD_IP"] ??= sandbox.ip;
  env[CONTAINER_ENV] = id;
  if (!sandbox.hostNetwork) {
    env["KOBUNE_POD_IP"] = sandbox.ip;
    env["NODE_OPTIONS"] = nodeOptions(context.preloadPath, env["NODE_OPTIONS"]);
  }
  const fstabPath = join(folder, "fstab");
  const problemsPath = join(folder, "problems");
  let root: string | undefined;
  let fstab = "";
  if (tools.isolation === "none") {
    if (spec.mounts.length > 0) env["KOBUNE_ROOT"] = await linkMounts(join(folder, "root"), spec.mounts);
  } else {
    ({ root, fstab } = await layOutRoot({
      mounts: spec.mounts,
      paths: spec.workingDir ? [spec.workingDir] : [],
      folder: join(folder, "root"),
      readOnly: tools.isolation === "root",
    }));
    if (fstab !== "") await writeFile(fstabPath, fstab);
  }
  const createdAt = clock.now();
  const base = { id, name: spec.name, podUid: spec.podUid, attempt: spec.attempt, createdAt };
  const failStart = async (problem: string): Promise<never> => {
    const message = `failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: ${problem}`;
    const at = clock.now();
    const state: ContainerState = {
      ...base,
      phase: "exited",
      startedAt: at,
      finishedAt: at,
      exitCode: START_FAILED,
      reason: "StartError",
      message,
    };
    const record: ContainerRecord = { state };
    register({ record, spec, folder, launched: undefined, stop: async () => {}, attach: () => Promise.reject(notRunning(id)) });
    await saveRecord(folder, record);
    throw new RuntimeError("RunContainerError", message);
  };
  const problem = await commandProblem(program, { path: env["PATH"] ?? context.hostPath, cwd, mounts: spec.mounts });
  if (problem !== undefined) return failStart(problem);

  const log = await openLog({ path: spec.logPath, now: () => clock.now() });
  const argv = startCommand({
    tools,
    hostname: sandbox.hostname,
    fstabPath: fstab === "" ? "" : fstabPath,
    problemsPath,
    root,
    cwd,
    command,
    tty: spec.tty,
  });
  const child = spawn(argv[0] ?? program, argv.slice(1), {
    // With namespaces the folder is entered last, when the mounts are there.
    cwd: tools.isolation === "none" ? cwd : folder,
    env,
    stdio: [spec.stdin ? "pipe" : "ignore", "pipe", "pipe", ...(tools.isolation === "none" ? [] : ["pipe" as const])],
    detached: true,
  });
  const startProblem = await new Promise<Error | undefined>((resolve) => {
    child.once("spawn", () => resolve(undefined));
    child.once("error", resolve);
  });
  if (startProblem !== undefined || child.pid === undefined) {
    await log.close();
    return failStart(
      (startProblem as NodeJS.ErrnoException | undefined)?.code === "ENOENT" && spec.workingDir
        ? `chdir to cwd (${JSON.stringify(cwd)}) set in config.json failed: no such file or directory`
        : String(startProblem?.message ?? "no process"),
    );
  }
  const pid = child.pid;
  const record: ContainerRecord = { state: { ...base, phase: "running", startedAt: clock.now() }, pid };

  for (const stream of ["stdout", "stderr"] as const) {
    const source = child[stream];
    source?.on("data", (chunk: Uint8Array) => {
      const behind = log.write(stream, chunk);
      if (behind === undefined) return;
      source.pause();
      behind.then(
        () => source.resume(),
        () => source.resume(),
      );
    });
  }
  // A program that does not read its input is no error of ours.
  child.stdin?.on("error", () => {});

  // One after the other: both go through the same temporary file.
  let saved: Promise<void> = Promise.resolve();
  const save = () => (saved = saved.then(() => saveRecord(folder, record)));
  const exited = watchExit(child, id, pid, clock).then(async ({ code, signal }) => {
    await log.close().catch((error: unknown) => context.log.warn("cannot write container log", { path: spec.logPath, error }));
    const number = signal === null ? 0 : constants.signals[signal];
    const exitCode = code ?? 128 + number;
    let reason = exitCode === 0 ? "Completed" : "Error";
    let message: string | undefined;
    if (exitCode === SETUP_FAILED && fstab !== "") {
      const problems = (await readFile(problemsPath, "utf8").catch(() => "")).trim();
      if (problems !== "") [reason, message] = ["StartError", problems];
    }
    record.state = {
      ...record.state,
      phase: "exited",
      finishedAt: clock.now(),
      exitCode,
      ...(signal === null ? {} : { signal: number }),
      reason,
      ...(message === undefined ? {} : { message }),
    };
    delete record.pid;
    await save().catch((error: unknown) => context.log.warn("cannot save container state", { container: id, error }));
    context.changed(spec.podUid);
  });

  register({
    record,
    spec,
    folder,
    launched: { env, cwd },
    stop: createStopper(pid, clock, exited, () => record.state.phase === "exited", id),
    attach: createAttach(child, spec, exited),
  });
  // Not earlier: who runs a command in the container, or stops it, must meet the program and its mounts.
  await readyPipeClosed(child);
  const stat = await processStat(pid);
  if (stat !== undefined) record.pidStart = stat.startTime;
  if (record.pid !== undefined) await save();
  context.changed(spec.podUid);
}

function readyPipeClosed(child: ChildProcess): Promise<void> {
  const pipe = child.stdio[READY_FD];
  if (!pipe || !("resume" in pipe)) return Promise.resolve();
  return new Promise((resolve) => {
    pipe.once("close", () => resolve());
    pipe.resume();
  });
}

/** Resolves when the main process has ended, everything else of the container is gone and its output is read. */
function watchExit(
  child: ChildProcess,
  id: string,
  pid: number,
  clock: Clock,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve) => {
    let late: Timer | undefined;
    child.once("exit", () => {
      // As in a container, nothing outlives the main process.
      sendSignal(-pid, "SIGKILL");
      late = clock.after(PIPE_GRACE_MS, () => void killStragglers(id));
    });
    child.once("close", (code, signal) => {
      late?.cancel();
      resolve({ code, signal });
    });
  });
}

/** Kills whatever carries the container's mark, also what left its process group. */
export async function killStragglers(id: string): Promise<void> {
  for (const pid of await processesWithEnv(CONTAINER_ENV, id)) sendSignal(pid, "SIGKILL");
}

function createStopper(pid: number, clock: Clock, exited: Promise<void>, isGone: () => boolean, id: string) {
  let killAt = Infinity;
  let timer: Timer | undefined;
  let asked = false;
  return async (graceMs: number, signal: string): Promise<void> => {
    if (isGone()) return;
    const kill = () => {
      sendSignal(-pid, "SIGKILL");
      void killStragglers(id);
    };
    if (graceMs > 0 && !asked) sendSignal(-pid, toSignal(signal));
    asked = true;
    const at = clock.now() + Math.max(graceMs, 0);
    if (at < killAt) {
      killAt = at;
      timer?.cancel();
      if (graceMs <= 0) kill();
      else timer = clock.after(graceMs, kill);
    }
    await exited;
    timer?.cancel();
  };
}

function toSignal(name: string): NodeJS.Signals {
  const full = name.startsWith("SIG") ? name : `SIG${name}`;
  return full in constants.signals ? (full as NodeJS.Signals) : "SIGTERM"; // checked by the lookup
}

function createAttach(child: ChildProcess, spec: ContainerSpec, exited: Promise<void>) {
  return async (io: ExecIo): Promise<void> => {
    const onOut = (chunk: Uint8Array) => void io.stdout?.write(chunk);
    const onErr = (chunk: Uint8Array) => void (spec.tty ? io.stdout : io.stderr)?.write(chunk);
    child.stdout?.on("data", onOut);
    child.stderr?.on("data", onErr);
    const { stdin } = child;
    if (stdin && io.stdin) io.stdin.pipe(stdin, { end: spec.stdinOnce });
    const left = new Promise<void>((resolve) => {
      if (io.signal.aborted) resolve();
      io.signal.addEventListener("abort", () => resolve(), { once: true });
    });
    try {
      await Promise.race([exited, left]);
    } finally {
      child.stdout?.off("data", onOut);
      child.stderr?.off("data", onErr);
      if (stdin && io.stdin) {
        io.stdin.unpipe(stdin);
        if (spec.stdinOnce) stdin.end();
      }
    }
  };
}

export function notRunning(id: string): RuntimeError {
  return new RuntimeError("ContainerNotRunning", `container ${id} is not running`);
}

async function saveRecord(folder: string, record: ContainerRecord): Promise<void> {
  const path = join(folder, "state.json");
  await writeFile(`${path}.new`, JSON.stringify(record));
  await rename(`${path}.new`, path);
}

/** A container found on disk. Its process, if one is left from before, is killed: nobody reads its output any more. */
export async function recoverContainer(folder: string, now: number): Promise<ProcessContainer | undefined> {
  const text = await readFile(join(folder, "state.json"), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const record = JSON.parse(text) as ContainerRecord;
  const { state } = record;
  if (state.phase !== "exited") {
    const stat = record.pid === undefined ? undefined : await processStat(record.pid);
    if (record.pid !== undefined && stat !== undefined && stat.startTime === record.pidStart) sendSignal(-record.pid, "SIGKILL");
    await killStragglers(state.id);
    record.state = {
      ...state,
      phase: "exited",
      finishedAt: now,
      exitCode: 128 + constants.signals.SIGKILL,
      signal: constants.signals.SIGKILL,
      reason: "Error",
      message: "the node was stopped while the container ran",
    };
    delete record.pid;
    await saveRecord(folder, record);
  }
  return { record, spec: undefined, folder, launched: undefined, stop: async () => {}, attach: () => Promise.reject(notRunning(state.id)) };
}
