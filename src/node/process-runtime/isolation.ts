// How a container's command is started: which namespaces this host lets us have, and the command line that enters them.

import { spawn } from "node:child_process";
import { join } from "node:path";

/**
 * `root`: mount and UTS namespaces. `user`: the same inside a user namespace, for hosts where anyone may make one.
 * `none`: mounts appear only under the folder KOBUNE_ROOT names.
 */
export type Isolation = "root" | "user" | "none";

export interface Tools {
  readonly isolation: Isolation;
  /** setpriv is there: containers die with the process that runs them, whatever kills it. */
  readonly setpriv: boolean;
  /** util-linux's script is there: terminals can be had. */
  readonly script: boolean;
}

/** Tries what this host offers. A few milliseconds; done once per runtime. */
export async function probeTools(): Promise<Tools> {
  const isRoot = process.getuid?.() === 0;
  const [asRoot, asUser, setpriv, script] = await Promise.all([
    isRoot ? succeeds("unshare", ["--mount", "--uts", "--propagation", "private", "mount", "--version"]) : false,
    isRoot ? false : succeeds("unshare", ["--user", "--map-root-user", "--mount", "--uts", "mount", "--version"]),
    succeeds("setpriv", ["--pdeathsig", "KILL", "true"]),
    succeeds("script", ["-qec", "true", "/dev/null"]),
  ]);
  return { isolation: asRoot ? "root" : asUser ? "user" : "none", setpriv, script };
}

function succeeds(command: string, args: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: "ignore" });
    child.once("error", () => resolve(false));
    child.once("exit", (code) => resolve(code === 0));
  });
}

/** Exit code by which the start script says that it could not set the container up; the reason is in the error file. */
export const SETUP_FAILED = 125;

/** A pipe that is closed when the namespaces are complete and the program is about to take over. */
export const READY_FD = 3;

// Runs inside the new namespaces: names the host, makes the mounts, becomes the program.
const START_SCRIPT = `name=$1 fstab=$2 problems=$3; shift 3
{ echo "$name" >/proc/sys/kernel/hostname || hostname "$name"; } 2>/dev/null
if [ -n "$fstab" ]; then mount -a -T "$fstab" 2>"$problems" || exit ${SETUP_FAILED}; fi
exec "$@"`;

export interface StartOptions {
  readonly tools: Tools;
  readonly hostname: string;
  /** "" for none. */
  readonly fstabPath: string;
  readonly problemsPath: string;
  readonly root: string | undefined;
  readonly cwd: string;
  readonly command: readonly string[];
  readonly tty: boolean;
}

/** The full command line. The process that is spawned becomes the program itself: no process stays in between. */
export function startCommand(options: StartOptions): string[] {
  const { tools } = options;
  let command: string[] = options.tty ? withTerminal(tools, options.command) : [...options.command];
  if (tools.isolation !== "none") {
    const root = options.root === undefined ? [] : [`--root=${options.root}`];
    command = ["unshare", ...root, `--wd=${options.cwd}`, "--", "sh", "-c", `exec "$@" ${READY_FD}>&-`, "sh", ...command];
  }
  if (tools.setpriv) command = ["setpriv", "--pdeathsig", "KILL", "--", ...command];
  if (tools.isolation !== "none") {
    const user = tools.isolation === "user" ? ["--user", "--map-root-user"] : [];
    const script = ["sh", "-c", START_SCRIPT, "sh", options.hostname, options.fstabPath, options.problemsPath];
    command = ["unshare", ...user, "--mount", "--uts", "--propagation", "private", "--", ...script, ...command];
  }
  return command;
}

/** The command line that joins a running container's namespaces. */
export function joinCommand(tools: Tools, pid: number, command: readonly string[], tty: boolean): string[] {
  const inner = tty ? withTerminal(tools, command) : [...command];
  if (tools.isolation === "none") return inner;
  const user = tools.isolation === "user" ? ["--user", "--preserve-credentials"] : [];
  return ["nsenter", `--target=${pid}`, ...user, "--mount", "--uts", "--root", "--wd", "--", ...inner];
}

/** Runs the command on a terminal of its own. There is no pty in Node; util-linux's script has one. */
function withTerminal(tools: Tools, command: readonly string[]): string[] {
  return tools.script ? ["script", "--quiet", "--return", "--command", command.map(shellQuote).join(" "), "/dev/null"] : [...command];
}

export function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Node's options with the preload file in front of the program's own. */
export function nodeOptions(preloadPath: string, own: string | undefined): string {
  return [`--require ${JSON.stringify(preloadPath)}`, own].filter(Boolean).join(" ");
}

export function preloadPathIn(dataDir: string): string {
  return join(dataDir, "preload.cjs");
}
