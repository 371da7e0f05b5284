// A PodAccess whose containers are this host's own programs: for tests of the node's API without an agent.

import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { connect } from "node:net";
import type { Pod } from "#kinds/api/core-v1.gen.ts";
import { readLogs } from "#node/logs.ts";
import type { ExecIo } from "#node/runtime.ts";
import type { PodAccess } from "#node/server/pod-access.ts";

export interface LocalPods extends PodAccess {
  readonly known: Pod[];
  /** Connections to pods that were opened. */
  readonly forwarded: number[];
  /** What attach finds running. */
  attached: ChildProcess | undefined;
}

/** Logs are `<folder>/<pod>.<container>[.previous].log` in CRI's form. */
export function localPods(folder: string): LocalPods {
  const known: Pod[] = [];
  const forwarded: number[] = [];
  const find = (namespace: string, name: string) =>
    known.find(({ metadata }) => metadata?.name === name && metadata.namespace === namespace);
  const pods: LocalPods = {
    nodeName: "n1",
    known,
    forwarded,
    attached: undefined,
    virtual: false,
    pods: () => known,
    pod: find,
    exec: (_namespace, _pod, _container, command, io) => runLocally(command, io),
    attach: (_namespace, _pod, _container, io) => attachTo(pods.attached, io),
    logs: async (_namespace, pod, container, { previous, ...options }) =>
      readLogs(join(folder, `${pod}.${container}${previous ? ".previous" : ""}.log`), options),
    portForward: (_namespace, _pod, port) =>
      new Promise((resolve, reject) => {
        forwarded.push(port);
        const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
        socket.once("error", reject);
        socket.once("connect", () => resolve(socket));
      }),
    stats: async () =>
      known.map((pod) => ({ pod, containers: [{ name: "main", startedAt: 1000, cpuNanoSeconds: 2e9, cpuNanoCores: 5, memoryBytes: 7 }] })),
  };
  return pods;
}

function runLocally([file = "", ...args]: readonly string[], io: ExecIo): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: [io.stdin ? "pipe" : "ignore", "pipe", "pipe"], signal: io.signal });
    child.once("error", reject);
    child.stdin?.on("error", () => {});
    if (io.stdin && child.stdin) io.stdin.pipe(child.stdin);
    if (io.stdout) child.stdout?.pipe(io.stdout, { end: false });
    const errors = io.tty ? io.stdout : io.stderr;
    if (errors) child.stderr?.pipe(errors, { end: false });
    if (io.tty && io.resize) {
      void (async () => {
        for await (const { width, height } of io.resize ?? []) io.stdout?.write(`${width}x${height}\n`);
      })();
    }
    child.once("close", (code) => resolve(code ?? 137));
  });
}

function attachTo(child: ChildProcess | undefined, io: ExecIo): Promise<void> {
  if (!child) return Promise.reject(new Error("nothing runs"));
  const { stdin, stdout } = child;
  if (io.stdin && stdin) io.stdin.pipe(stdin);
  if (io.stdout && stdout) stdout.pipe(io.stdout, { end: false });
  return new Promise((resolve) => {
    child.once("close", () => resolve());
    io.signal.addEventListener("abort", () => resolve());
  });
}
