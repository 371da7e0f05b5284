// A whole cluster for a test, and the real kubectl that talks to it over TLS, in a HOME of its own.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Client } from "#client/client.ts";
import { type Cluster, type ClusterOptions, startCluster } from "#main/cluster.ts";
import { kubectlPath } from "./kubectl.ts";
import { until } from "./until.ts";

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** Another kubeconfig than the administrator's. */
  readonly kubeconfig?: string;
  /** A kubectl that takes longer is killed, and the run rejects. Default 30 s. */
  readonly timeoutMs?: number;
}

/** A kubectl that goes on running: `get -w`, `logs -f`, `port-forward`. */
export interface RunningKubectl extends AsyncDisposable {
  readonly process: ChildProcess;
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
  /** Resolves to all it has printed once that matches. */
  printed(pattern: RegExp, timeoutMs?: number): Promise<string>;
  /** How it ended by itself. */
  readonly ended: Promise<RunResult>;
  /** Ctrl-C; resolves when it is gone. */
  interrupt(): Promise<RunResult>;
}

/** kubectl with a kubeconfig and a HOME in a folder that goes away with it. */
export interface Kubectl extends Disposable {
  /** HOME of every kubectl; tests may put files there. */
  readonly home: string;
  /** Writes an object, or text as it is, to a file under `home`; gives the path. */
  file(name: string, content: unknown): string;
  /** Resolves to what kubectl prints on stdout; rejects with its stderr if it fails. */
  (...args: string[]): Promise<string>;
  /** Resolves however kubectl ends. */
  run(args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** stderr of a kubectl that has to fail. */
  fails(...args: string[]): Promise<string>;
  /** `-o json` of what the arguments name. */
  json<T = Record<string, unknown>>(...args: string[]): Promise<T>;
  start(...args: string[]): RunningKubectl;
}

export interface TestCluster extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly client: Client;
  readonly kubectl: Kubectl;
}

export async function startTestCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  const cluster = await startCluster(options);
  const kubectl = createKubectl(cluster.kubeconfig);
  return {
    cluster,
    client: cluster.client,
    kubectl,
    async [Symbol.asyncDispose]() {
      kubectl[Symbol.dispose]();
      await cluster.stop();
    },
  };
}

export function createKubectl(kubeconfigText: string): Kubectl {
  const home = mkdtempSync(join(tmpdir(), "kobune-kubectl-"));
  const file = (name: string, content: unknown) => {
    const path = join(home, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content), { mode: 0o600 });
    return path;
  };
  const admin = file("kubeconfig", kubeconfigText);
  const running = new Set<ChildProcess>();
  const launch = (args: readonly string[], options: RunOptions) => {
    const env = { PATH: process.env["PATH"] ?? "", HOME: home, KUBECONFIG: options.kubeconfig ?? admin, ...options.env };
    const child = spawn(kubectlPath(), args, { env, cwd: home, stdio: ["pipe", "pipe", "pipe"] });
    running.add(child);
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8");
      child[name].on("data", (text: string) => (output[name] += text));
    }
    // kubectl that ends without reading what it was given is not the test's concern.
    child.stdin.on("error", () => {});
    const ended = new Promise<RunResult>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => {
        running.delete(child);
        resolve({ code: code ?? (signal === "SIGINT" ? 130 : 137), ...output });
      });
    });
    return { child, output, ended };
  };

  const run: Kubectl["run"] = async (args, options = {}) => {
    const { child, ended } = launch(args, options);
    child.stdin.end(options.stdin);
    const { timeoutMs = 30_000 } = options;
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    const result = await ended;
    clearTimeout(timer);
    if (child.signalCode === "SIGKILL") {
      throw new Error(`kubectl ${args.join(" ")}: not done after ${timeoutMs} ms\n${result.stdout}\n${result.stderr}`);
    }
    return result;
  };
  const succeed = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(args);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: exit ${code}: ${stderr}`);
    return stdout;
  };
  return Object.assign(succeed, {
    home,
    file,
    run,
    async fails(...args: string[]) {
      const { code, stdout, stderr } = await run(args);
      if (code === 0) throw new Error(`kubectl ${args.join(" ")} did not fail: ${stdout}`);
      return stderr;
    },
    async json<T>(...args: string[]) {
      return JSON.parse(await succeed(...args, "-o", "json")) as T;
    },
    start(...args: string[]): RunningKubectl {
      const { child, output, ended } = launch(args, {});
      const interrupt = () => {
        child.kill("SIGINT");
        return ended;
      };
      return {
        process: child,
        stdout: () => output.stdout,
        stderr: () => output.stderr,
        ended,
        interrupt,
        printed: (pattern, timeoutMs) =>
          until(
            `kubectl ${args.join(" ")} prints ${pattern}`,
            () => {
              if (pattern.test(output.stdout)) return output.stdout;
              throw new Error(`it printed:\n${output.stdout}\n${output.stderr}`);
            },
            timeoutMs,
          ),
        async [Symbol.asyncDispose]() {
          await interrupt();
        },
      };
    },
    [Symbol.dispose]() {
      for (const child of running) child.kill("SIGKILL");
      rmSync(home, { recursive: true, force: true });
    },
  });
}
