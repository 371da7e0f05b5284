// A cluster in a process of its own, as `kobune up` starts it, and what the machine says of that process.

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:https";
import { createServer, type AddressInfo } from "node:net";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { connectionOf, readKubeconfig } from "#client/node/kubeconfig.ts";
import type { Endpoint } from "./raw-http2.ts";

export const ROOT = dirname(dirname(import.meta.dirname));

export interface BenchCluster extends AsyncDisposable {
  readonly pid: number;
  readonly endpoint: Endpoint;
  /** Milliseconds from the start of the process to the first answer of the API. */
  readonly firstAnswerMs: number;
  /** Milliseconds from the start of the process until it says that every node is ready. */
  readonly readyMs: number;
  /** performance.now() at the start of the process. */
  readonly startedAt: number;
  /** File with the certificate and key that the server shows. */
  readonly servingPem: string;
}

export interface ClusterSettings {
  /** A folder with what the cluster keeps; default: a new one, removed at the end. */
  readonly folder?: string;
  readonly args?: readonly string[];
  /** The checkout whose build is started; default: this one. */
  readonly root?: string;
  /** Options for the runtime, such as --cpu-prof. */
  readonly nodeArgs?: readonly string[];
}

/** Builds dist/ if it is older than the sources. */
export function ensureBuilt(): void {
  execFileSync(join(ROOT, "bin/kobune"), ["version"], { stdio: ["ignore", "ignore", "inherit"] });
}

export async function startBenchCluster(settings: ClusterSettings = {}): Promise<BenchCluster> {
  const folder = settings.folder ?? mkdtempSync(join(tmpdir(), "kobune-bench-"));
  const home = join(folder, "home");
  mkdirSync(home, { recursive: true });
  const kubeconfig = join(folder, "kubeconfig");
  // A port that is known beforehand: the first answer comes before the command says where it listens.
  const port = await freePort();
  const args = ["up", "--port", String(port), "--data", join(folder, "data"), "--kubeconfig", kubeconfig, ...(settings.args ?? [])];
  // As bin/kobune runs it, without the check of a checkout whether the build is fresh.
  const command = [
    "--disable-warning=ExperimentalWarning",
    ...(settings.nodeArgs ?? []),
    join(settings.root ?? ROOT, "dist/cli.js"),
    ...args,
  ];
  const startedAt = performance.now();
  const child = spawn(process.execPath, command, { cwd: folder, env: { ...process.env, HOME: home }, stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise<never>((_, reject) =>
    child.once("exit", (code) => reject(new Error(`the cluster ended with ${code}: ${said}`))),
  );
  ended.catch(() => {});
  let said = "";
  const ready = new Promise<number>((resolve) => {
    const hear = (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes(" is up after ")) resolve(performance.now() - startedAt);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
  });
  const stop = () => stopProcess(child, settings.folder === undefined ? folder : undefined);
  try {
    const firstAnswerMs = await Promise.race([firstAnswer(port, startedAt), ended]);
    const readyMs = await Promise.race([ready, ended]);
    const config = await readKubeconfig(kubeconfig);
    const { ca, cert, key } = await connectionOf(config ?? {}, { baseFolder: folder });
    const pem = (value: string | Uint8Array | undefined) => (value === undefined ? "" : Buffer.from(value).toString());
    const endpoint = { host: "127.0.0.1", port, ca: pem(ca), cert: pem(cert), key: pem(key) };
    const servingPem = join(folder, "data/tls/apiserver.pem");
    return { pid: child.pid ?? 0, endpoint, firstAnswerMs, readyMs, startedAt, servingPem, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A bare server that answers so many bytes (bare-server.ts). */
export async function startPeer(cluster: BenchCluster, bytes: number): Promise<{ pid: number; endpoint: Endpoint } & AsyncDisposable> {
  const command = [join(import.meta.dirname, "bare-server.ts"), cluster.servingPem, String(bytes)];
  const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
  const port = Number(await new Promise<Buffer>((resolve) => child.stdout.once("data", resolve)));
  return { pid: child.pid ?? 0, endpoint: { ...cluster.endpoint, port }, [Symbol.asyncDispose]: () => stopProcess(child, undefined) };
}

async function stopProcess(child: ChildProcess, folder: string | undefined): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await gone;
  }
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo; // a server that listens on TCP has one
      server.close(() => resolve(port));
    });
  });
}

/** Asks for /version again and again until there is an answer. */
async function firstAnswer(port: number, startedAt: number): Promise<number> {
  const ask = () =>
    new Promise<boolean>((resolve) => {
      const asked = request({ host: "127.0.0.1", port, path: "/version", rejectUnauthorized: false, agent: false }, (response) => {
        response.resume();
        response.once("end", () => resolve(response.statusCode === 200));
      });
      asked.once("error", () => resolve(false));
      asked.end();
    });
  while (!(await ask())) {
    if (performance.now() - startedAt > 60_000) throw new Error("no answer within 60 s");
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  return performance.now() - startedAt;
}

const TICK_MS = 10; // USER_HZ is 100 wherever Node runs

/** Processor time a process has used, all its threads. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** As cpuMsOf, of the thread that runs JavaScript: the one with the process's own id. */
export function mainThreadMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/task/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Resident megabytes (10^6) of a process. */
export function residentMb(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return (Number(kib) * 1024) / 1e6;
}

function machineBusyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

/** Cores in use during a measurement, on average. */
export interface Load {
  readonly server: number;
  readonly serverMainThread: number;
  readonly client: number;
  /** By everything else on the machine. */
  readonly others: number;
}

/** Runs `work` and says what was used meanwhile. */
export async function underLoad<T>(pid: number, work: () => Promise<T>): Promise<{ readonly result: T; readonly load: Load }> {
  const at = () => ({
    time: performance.now(),
    server: cpuMsOf(pid),
    main: mainThreadMsOf(pid),
    client: cpuMsOf(process.pid),
    machine: machineBusyMs(),
  });
  const before = at();
  const result = await work();
  const after = at();
  const elapsed = after.time - before.time;
  const server = (after.server - before.server) / elapsed;
  const client = (after.client - before.client) / elapsed;
  const machine = (after.machine - before.machine) / elapsed;
  return {
    result,
    load: { server, serverMainThread: (after.main - before.main) / elapsed, client, others: Math.max(0, machine - server - client) },
  };
}
