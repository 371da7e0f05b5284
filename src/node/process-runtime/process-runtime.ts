// The process runtime: a container's command is a process on this host, a pod has a loopback address of its own.
// Needs no root and nothing installed. docs/process-runtime.md says what users can expect of it.

import { randomBytes } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { connect as connectTcp, type Socket } from "node:net";
import { join } from "node:path";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { RuntimeError, type ContainerState, type PortMapping, type Runtime, type Sandbox, type SandboxSpec } from "../runtime.ts";
import { createAddressPool } from "../addresses.ts";
import { execIn } from "./exec.ts";
import { openHostPorts, type HostPorts } from "./host-ports.ts";
import { preloadPathIn, probeTools, type Isolation } from "./isolation.ts";
import { preloadText } from "./preload.ts";
import { createProcessUsage } from "./process-usage.ts";
import { containerFolder, notRunning, recoverContainer, startProcessContainer, type ProcessContainer } from "./process-container.ts";

export interface ProcessRuntimeOptions {
  /** Absolute. Everything the runtime keeps is below it. */
  readonly dataDir: string;
  /** Loopback range that pods get their addresses from, e.g. `127.77.1.0/24`. */
  readonly podCidr: string;
  /** Address of pods on the host network; default 127.0.0.1. */
  readonly hostAddress?: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** PATH of containers that set none; default: this process's own. */
  readonly path?: string;
  /** Default: the strongest this host allows. */
  readonly isolation?: Isolation;
}

interface SandboxRecord {
  readonly id: string;
  readonly podUid: string;
  readonly ip: string;
  readonly hostname: string;
  readonly hostNetwork: boolean;
  readonly ports: readonly PortMapping[];
  /** Its address and ports may be another's by now. */
  readonly stopped?: boolean;
}

/** Starts a runtime on `dataDir`: sandboxes of an earlier one are taken over, their left-over processes ended. */
export async function createProcessRuntime(options: ProcessRuntimeOptions): Promise<Runtime> {
  const { dataDir, clock, log } = options;
  const sandboxDir = join(dataDir, "sandboxes");
  const containersDir = join(dataDir, "containers");
  await Promise.all([mkdir(sandboxDir, { recursive: true }), mkdir(containersDir, { recursive: true })]);
  const preloadPath = preloadPathIn(dataDir);
  const [tools] = await Promise.all([probeTools(), writeFile(preloadPath, preloadText())]);
  const pool = createAddressPool(options.podCidr);
  const sandboxes = new Map<string, SandboxRecord>();
  const containers = new Map<string, ProcessContainer>();
  const listeners = new Set<(podUid: string) => void>();
  const hostPorts = new Map<string, HostPorts>();
  const openPorts = async (record: SandboxRecord) => {
    if (record.ports.length === 0) return;
    const addresses = { host: options.hostAddress ?? "127.0.0.1", pod: record.ip };
    hostPorts.set(record.id, await openHostPorts(record.ports, addresses, clock));
  };
  const usage = createProcessUsage(clock);
  const changed = (podUid: string) => {
    for (const listener of listeners) listener(podUid);
  };
  const context = {
    dataDir,
    clock,
    log,
    tools: { ...tools, isolation: options.isolation ?? tools.isolation },
    preloadPath,
    hostPath: options.path ?? process.env["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    changed,
  };

  for (const name of await readdir(sandboxDir)) {
    const record = JSON.parse(await readFile(join(sandboxDir, name), "utf8")) as SandboxRecord;
    sandboxes.set(record.id, record);
    if (record.stopped) continue;
    if (!record.hostNetwork) pool.reserve(record.ip);
    await openPorts(record).catch((error: unknown) => log.warn("cannot open host ports", { pod: record.podUid, error }));
  }
  await Promise.all(
    (await readdir(containersDir)).map(async (id) => {
      const container = await recoverContainer(containerFolder(dataDir, id), clock.now());
      if (container === undefined) await rm(containerFolder(dataDir, id), { recursive: true, force: true });
      else containers.set(id, container);
    }),
  );

  const sandboxOf = (id: string): SandboxRecord => {
    const sandbox = sandboxes.get(id);
    if (sandbox === undefined) throw new RuntimeError("SandboxNotFound", `no sandbox ${id}`);
    return sandbox;
  };
  const containerOf = (id: string): ProcessContainer => {
    const container = containers.get(id);
    if (container === undefined) throw new RuntimeError("ContainerNotFound", `no container ${id}`);
    return container;
  };
  const toSandbox = (record: SandboxRecord): Sandbox => ({ id: record.id, ips: [record.ip] });

  const runtime: Runtime = {
    name: "process",
    version: "1",
    reachable: true,
    async createSandbox(spec: SandboxSpec) {
      for (const existing of sandboxes.values()) if (existing.podUid === spec.uid) return toSandbox(existing);
      const record: SandboxRecord = {
        id: randomBytes(32).toString("hex"),
        podUid: spec.uid,
        ip: spec.hostNetwork ? (options.hostAddress ?? "127.0.0.1") : pool.take(),
        hostname: spec.hostname,
        hostNetwork: spec.hostNetwork,
        ports: spec.ports ?? [],
      };
      try {
        await openPorts(record);
      } catch (error) {
        if (!record.hostNetwork) pool.release(record.ip);
        throw error;
      }
      sandboxes.set(record.id, record);
      await writeFile(join(sandboxDir, `${record.id}.json`), JSON.stringify(record));
      return toSandbox(record);
    },
    async stopSandbox(id) {
      const record = sandboxes.get(id);
      if (record === undefined || record.stopped) return;
      const stopped = { ...record, stopped: true };
      sandboxes.set(id, stopped);
      await hostPorts.get(id)?.[Symbol.asyncDispose]();
      hostPorts.delete(id);
      await writeFile(join(sandboxDir, `${id}.json`), JSON.stringify(stopped));
      if (!record.hostNetwork) pool.release(record.ip);
    },
    async removeSandbox(id) {
      const record = sandboxes.get(id);
      if (record === undefined) return;
      for (const [containerId, container] of containers) {
        if (container.record.state.podUid === record.podUid) await runtime.removeContainer(containerId);
      }
      await runtime.stopSandbox(id);
      await rm(join(sandboxDir, `${id}.json`), { force: true });
      sandboxes.delete(id);
    },
    listSandboxes: async () => Array.from(sandboxes.values(), (record) => ({ ...toSandbox(record), podUid: record.podUid })),
    // Nothing to pull: programs are the host's own.
    pullImage: async (image) => image,
    async startContainer(sandboxId, spec) {
      const sandbox = sandboxOf(sandboxId);
      const id = randomBytes(32).toString("hex");
      await startProcessContainer(id, spec, sandbox, context, (container) => containers.set(id, container));
      return id;
    },
    stopContainer: async (id, graceMs, signal = "SIGTERM") => containers.get(id)?.stop(graceMs, signal),
    async removeContainer(id) {
      const container = containers.get(id);
      if (container === undefined) return;
      await container.stop(0, "SIGKILL");
      containers.delete(id);
      usage.forget(id);
      await rm(container.folder, { recursive: true, force: true });
    },
    async listContainers(podUid) {
      const states: ContainerState[] = [];
      for (const { record } of containers.values()) if (podUid === undefined || record.state.podUid === podUid) states.push(record.state);
      return states;
    },
    onChange(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    exec: async (id, command, io) => execIn(containerOf(id), context, command, io),
    attach: async (id, io) => containerOf(id).attach(io),
    async connect(sandboxId, port) {
      const { ip } = sandboxOf(sandboxId);
      // Programs may listen on localhost only, which pods of this runtime share with the host.
      return await dial(ip, port).catch(() => dial("127.0.0.1", port));
    },
    async stats(id) {
      const { record } = containerOf(id);
      if (record.pid === undefined) throw notRunning(id);
      return usage.of(id, record.pid, record.state.startedAt ?? record.state.createdAt);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(Array.from(containers.values(), (container) => container.stop(0, "SIGKILL")));
      await Promise.all(Array.from(hostPorts.values(), (ports) => ports[Symbol.asyncDispose]()));
      listeners.clear();
    },
  };
  return runtime;
}

function dial(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port });
    socket.once("connect", () => {
      socket.off("error", reject);
      resolve(socket);
    });
    socket.once("error", reject);
  });
}
