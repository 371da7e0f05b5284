// `kobune up`: starts a cluster in the foreground, or behind the scenes with --detach.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { homedir } from "node:os";
import { CliError, EXIT } from "./exit-codes.ts";
import type { Progress } from "./progress.ts";
import { processStart, readRunRecord, removeRunRecord, type RunRecord, writeRunRecord } from "./run-file.ts";

export interface UpOptions {
  readonly data: string;
  readonly port: number;
  readonly nodes: number;
  readonly runtime: "auto" | "process" | "simulated";
  readonly store: "sqlite" | "memory";
  /** Absent: merge into ~/.kube/config (or the first file of KUBECONFIG). */
  readonly kubeconfig?: string;
  readonly detach: boolean;
  readonly verbose: boolean;
  readonly logFormat: "text" | "json";
}

/** A started cluster, as far as the command needs it. */
export interface UpCluster {
  readonly url: string;
  readonly runtime: string;
  readonly nodes: number;
  /** Writes or merges a context named `kobune`; tells what it did. */
  writeKubeconfig(file: string): Promise<KubeconfigResult>;
  stop(): Promise<void>;
}

export interface KubeconfigResult {
  readonly context: string;
  /** Whether kubectl uses the context without being told. */
  readonly current: boolean;
  /** Why nothing was written to the file, if so. */
  readonly refused?: string;
}

export interface UpDeps {
  readonly version: string;
  readonly kubernetesVersion: string;
  readonly out: (line: string) => void;
  readonly progress: Progress;
  /** Milliseconds since this process began. */
  readonly elapsedMs: () => number;
  /** Rejects with CliError for what the user can mend. */
  readonly start: (options: UpOptions & { readonly dataDir: string; readonly log: (line: string) => void }) => Promise<UpCluster>;
  /** Resolves at the first SIGINT, SIGTERM or SIGHUP. */
  readonly stopSignal: Promise<NodeJS.Signals>;
  /** The command line that runs this program again, without its arguments. */
  readonly self: readonly [string, ...string[]];
}

/** Runs until told to stop; with --detach until the cluster is ready. */
export async function up(options: UpOptions, deps: UpDeps): Promise<number> {
  const dataDir = resolve(options.data);
  const running = readRunRecord(dataDir);
  if (running) {
    throw new CliError(
      `a cluster already runs on ${show(dataDir)} (pid ${running.pid}, ${running.url}); stop it with \`kobune down${dataFlag(options.data)}\``,
      EXIT.inUse,
    );
  }
  return options.detach ? detach(options, dataDir, deps) : foreground(options, dataDir, deps);
}

async function foreground(options: UpOptions, dataDir: string, deps: UpDeps): Promise<number> {
  const { out, progress } = deps;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  progress.step(`Starting a cluster in ${show(dataDir)}`);
  let cluster: UpCluster;
  try {
    cluster = await deps.start({ ...options, dataDir, log: (line) => process.stderr.write(`${line}\n`) });
  } catch (error) {
    progress.fail();
    throw error;
  }
  const file = options.kubeconfig ?? defaultKubeconfig();
  const kubeconfig = await cluster
    .writeKubeconfig(file)
    .catch((error: Error): KubeconfigResult => ({ context: "kobune", current: false, refused: error.message }));
  // Always there, whatever happened to the user's own file.
  await cluster.writeKubeconfig(join(dataDir, "kubeconfig"));
  const shownFile = kubeconfig.refused ? join(dataDir, "kubeconfig") : file;
  const record: RunRecord = {
    pid: process.pid,
    processStart: processStart(process.pid),
    url: cluster.url,
    version: deps.version,
    nodes: cluster.nodes,
    runtime: cluster.runtime,
    store: options.store,
    kubeconfig: resolve(shownFile),
    context: kubeconfig.context,
    startedAt: new Date().toISOString(),
  };
  writeRunRecord(dataDir, record);
  progress.done();
  const seconds = (deps.elapsedMs() / 1000).toFixed(2);
  out(`Kobune ${deps.version} (Kubernetes ${deps.kubernetesVersion}) is up after ${seconds} s`);
  for (const line of summary(record, kubeconfig, options, dataDir)) out(line);
  if (kubeconfig.refused) out(`\nNote: ${show(file)} was left alone: ${kubeconfig.refused}`);
  out(`\nStop it with Ctrl-C; its objects stay in ${show(dataDir)} for the next start.`);
  process.send?.({ ready: true });

  const signal = await deps.stopSignal;
  progress.step("Stopping");
  await cluster.stop();
  removeRunRecord(dataDir);
  progress.done();
  out("Stopped.");
  return signal === "SIGINT" || signal === "SIGTERM" ? EXIT.ok : EXIT.failure;
}

/** What a person needs next. */
function summary(record: RunRecord, kubeconfig: KubeconfigResult, options: UpOptions, dataDir: string): string[] {
  const file = record.kubeconfig === resolve(defaultKubeconfig()) ? "" : ` --kubeconfig ${show(record.kubeconfig)}`;
  const context = kubeconfig.current ? "" : ` --context ${record.context}`;
  return [
    "",
    `  address     ${record.url}`,
    `  kubeconfig  ${show(record.kubeconfig)}`,
    `  context     ${record.context}${kubeconfig.current ? " (current)" : ""}`,
    `  nodes       ${record.nodes} (${record.runtime} runtime)`,
    `  data        ${options.store === "memory" ? "in memory only" : `${show(dataDir)} (SQLite)`}`,
    "",
    `  try         kubectl${file}${context} get nodes`,
  ];
}

/** Starts this command again in a session of its own and waits until it says that it is ready. */
async function detach(options: UpOptions, dataDir: string, deps: UpDeps): Promise<number> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const logFile = join(dataDir, "kobune.log");
  const log = openSync(logFile, "a", 0o600);
  const [command, ...prefix] = deps.self;
  const args = [...prefix, "up", "--data", dataDir, "--port", String(options.port), "--nodes", String(options.nodes)];
  args.push("--runtime", options.runtime, "--store", options.store);
  if (options.kubeconfig !== undefined) args.push("--kubeconfig", options.kubeconfig);
  if (options.verbose) args.push("--verbose");
  if (options.logFormat !== "text") args.push("--log-format", options.logFormat);
  const from = existsSync(logFile) ? readFileSync(logFile).length : 0;
  deps.progress.step(`Starting a cluster in ${show(dataDir)}`);
  const child = spawn(command, args, { detached: true, stdio: ["ignore", log, log, "ipc"] });
  const code = await new Promise<number | undefined>((done) => {
    child.once("message", () => done(undefined));
    child.once("exit", (exitCode) => done(exitCode ?? EXIT.failure));
    child.once("error", () => done(EXIT.failure));
  });
  const said = readFileSync(logFile, "utf8").slice(from);
  if (code !== undefined) {
    deps.progress.fail();
    throw new CliError(
      said
        .trim()
        .split("\n")
        .findLast((line) => line.startsWith("kobune: "))
        ?.slice(8) ?? `the cluster did not start; see ${show(logFile)}`,
      code,
    );
  }
  child.disconnect();
  child.unref();
  deps.progress.done();
  const text = said.slice(said.indexOf("Kobune ")).split("\nStop it with")[0] ?? "";
  deps.out(text.trimEnd());
  deps.out(`\nIt runs in the background (pid ${child.pid}, log ${show(logFile)}). Stop it with \`kobune down${dataFlag(options.data)}\`.`);
  return EXIT.ok;
}

/** As kubectl: the first file of KUBECONFIG, else ~/.kube/config. */
export function defaultKubeconfig(): string {
  const first = process.env["KUBECONFIG"]?.split(":").find((path) => path !== "");
  return first ?? join(homedir(), ".kube", "config");
}

/** A path as a person would type it. */
export function show(path: string): string {
  const here = relative(process.cwd(), path);
  if (here === "") return ".";
  if (!here.startsWith("..")) return `./${here}`;
  const home = homedir();
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}

function dataFlag(data: string): string {
  return resolve(data) === resolve(".kobune") ? "" : ` --data ${data}`;
}
