// A runtime without programs: containers start, get ready, fail and end as annotations say, on the cluster's clock.
// Cheap enough for thousands of nodes in one process: no files, and one timer per node for all that is due.

import type { Clock, Timer } from "#lib/clock.ts";
import { createHeap } from "#lib/heap.ts";
import { createAddressPool } from "../addresses.ts";
import { RuntimeError, type ContainerState, type Runtime, type Sandbox } from "../runtime.ts";
import { behaviourOf, type Behaviour, usageOf } from "./behaviour.ts";

export interface SimulatedRuntimeOptions {
  readonly clock: Clock;
  /** Range of pods' addresses, e.g. `10.1.2.0/24`. Nothing listens on them. */
  readonly podCidr: string;
  /** Address of pods on the host network; default 10.0.0.1. */
  readonly hostAddress?: string;
}

interface Simulated {
  state: ContainerState;
  readonly behaviour: Behaviour;
  /** Of the container's spec: of use where the pod's present ones are not told. */
  readonly annotations: Readonly<Record<string, string>>;
  /** CPU time up to when it was last asked for. */
  readonly cpu: { at: number; nanoSeconds: number };
  /** Called when it has ended. */
  readonly onEnd: (() => void)[];
}

interface Due {
  readonly id: string;
  readonly at: number;
  readonly exitCode: number;
  readonly signal?: number;
  readonly reason?: string | undefined;
}

interface SandboxEntry extends Sandbox {
  readonly podUid: string;
  readonly hostNetwork: boolean;
  /** Its address may be another's by now. */
  stopped?: boolean;
}

const SIGKILL = 9;

export function createSimulatedRuntime(options: SimulatedRuntimeOptions): Runtime {
  const { clock } = options;
  const pool = createAddressPool(options.podCidr);
  const sandboxes = new Map<string, SandboxEntry>();
  const containers = new Map<string, Simulated>();
  const byPod = new Map<string, Set<string>>();
  const listeners = new Set<(podUid: string) => void>();
  const due = createHeap<string, Due>({ keyOf: (item) => item.id, before: (a, b) => a.at < b.at });
  let timer: Timer | undefined;
  let timerAt = Infinity;
  let disposed = false;

  const changed = (podUid: string) => {
    for (const listener of listeners) listener(podUid);
  };
  const arm = () => {
    const at = due.peek()?.at ?? Infinity;
    if (at === timerAt) return;
    timer?.cancel();
    timerAt = at;
    timer = at === Infinity || disposed ? undefined : clock.after(at - clock.now(), fire);
  };
  const fire = () => {
    timer?.cancel();
    timerAt = Infinity;
    const now = clock.now();
    for (let next = due.peek(); next !== undefined && next.at <= now; next = due.peek()) {
      due.pop();
      end(next);
    }
    arm();
  };
  /** Ends the container at `at`, unless it is to end sooner already. */
  const endAt = (item: Due) => {
    const planned = due.get(item.id);
    if (planned !== undefined && planned.at <= item.at) return;
    due.push(item);
    arm();
  };
  const end = ({ id, exitCode, signal, reason }: Due) => {
    const container = containers.get(id);
    if (container === undefined || container.state.phase === "exited") return;
    container.state = {
      ...container.state,
      phase: "exited",
      finishedAt: clock.now(),
      exitCode,
      ...(signal === undefined ? {} : { signal }),
      reason: reason ?? (exitCode === 0 ? "Completed" : "Error"),
    };
    changed(container.state.podUid);
    for (const onEnd of container.onEnd.splice(0)) onEnd();
  };
  const containerOf = (id: string): Simulated => {
    const container = containers.get(id);
    if (container === undefined) throw new RuntimeError("ContainerNotFound", `no container ${id}`);
    return container;
  };
  const ended = (container: Simulated): Promise<void> =>
    container.state.phase === "exited" ? Promise.resolve() : new Promise((resolve) => container.onEnd.push(resolve));

  const runtime: Runtime = {
    name: "simulated",
    version: "1",
    reachable: false,
    virtual: true,
    async createSandbox({ uid, hostNetwork }) {
      const known = sandboxes.get(uid);
      if (known !== undefined) return known;
      const sandbox: SandboxEntry = {
        id: uid,
        podUid: uid,
        hostNetwork,
        ips: [hostNetwork ? (options.hostAddress ?? "10.0.0.1") : pool.take()],
      };
      sandboxes.set(uid, sandbox);
      return sandbox;
    },
    async stopSandbox(id) {
      const sandbox = sandboxes.get(id);
      if (sandbox === undefined || sandbox.stopped) return;
      sandbox.stopped = true;
      if (!sandbox.hostNetwork) for (const ip of sandbox.ips) pool.release(ip);
    },
    async removeSandbox(id) {
      const sandbox = sandboxes.get(id);
      if (sandbox === undefined) return;
      await runtime.stopSandbox(id);
      for (const container of byPod.get(sandbox.podUid) ?? []) {
        due.remove(container);
        containers.delete(container);
      }
      byPod.delete(sandbox.podUid);
      sandboxes.delete(id);
      arm();
    },
    listSandboxes: async () => Array.from(sandboxes.values()),
    pullImage: async (image) => image,
    async startContainer(sandboxId, spec) {
      const sandbox = sandboxes.get(sandboxId);
      if (sandbox === undefined) throw new RuntimeError("SandboxNotFound", `no sandbox ${sandboxId}`);
      const behaviour = behaviourOf(spec.annotations, spec.name, spec.attempt);
      const createdAt = clock.now();
      if (behaviour.startMs > 0) await clock.sleep(behaviour.startMs);
      if (behaviour.startError !== undefined) {
        const [, reason = "CreateContainerError", message = behaviour.startError] = /^(\w+): (.*)$/s.exec(behaviour.startError) ?? [];
        throw new RuntimeError(reason, message);
      }
      if (!sandboxes.has(sandboxId)) throw new RuntimeError("SandboxNotFound", `sandbox ${sandboxId} was removed`);
      // The same on each run, unlike random ones.
      const id = `${spec.podUid}-${spec.name}-${spec.attempt}`;
      const startedAt = clock.now();
      const state: ContainerState = {
        id,
        name: spec.name,
        podUid: spec.podUid,
        attempt: spec.attempt,
        phase: "running",
        createdAt,
        startedAt,
      };
      containers.set(id, {
        state,
        behaviour,
        annotations: spec.annotations,
        cpu: { at: startedAt, nanoSeconds: 0 },
        onEnd: [],
      });
      let siblings = byPod.get(spec.podUid);
      if (siblings === undefined) byPod.set(spec.podUid, (siblings = new Set()));
      siblings.add(id);
      if (behaviour.exitAfterMs !== Infinity) {
        endAt({ id, at: startedAt + behaviour.exitAfterMs, exitCode: behaviour.exitCode, reason: behaviour.exitReason });
      }
      changed(spec.podUid);
      return id;
    },
    async stopContainer(id, graceMs) {
      const container = containers.get(id);
      if (container === undefined || container.state.phase === "exited") return;
      const { stopMs, stopCode } = container.behaviour;
      const now = clock.now();
      if (stopMs < graceMs) endAt({ id, at: now + stopMs, exitCode: stopCode });
      else endAt({ id, at: now + Math.max(graceMs, 0), exitCode: 128 + SIGKILL, signal: SIGKILL });
      // Nothing to wait for: no timer needed.
      if ((due.get(id)?.at ?? Infinity) <= now) fire();
      await ended(container);
    },
    async removeContainer(id) {
      const container = containers.get(id);
      if (container === undefined) return;
      await runtime.stopContainer(id, 0);
      due.remove(id);
      containers.delete(id);
      byPod.get(container.state.podUid)?.delete(id);
      arm();
    },
    async listContainers(podUid) {
      if (podUid === undefined) return Array.from(containers.values(), ({ state }) => state);
      return Array.from(byPod.get(podUid) ?? [], (id) => containerOf(id).state);
    },
    onChange(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    async exec(id, _command, io) {
      containerOf(id);
      io.stderr?.write("simulated containers run no programs\n");
      return 1;
    },
    async attach(id, io) {
      const container = containerOf(id);
      const left = new Promise<void>((resolve) => {
        if (io.signal.aborted) resolve();
        io.signal.addEventListener("abort", () => resolve(), { once: true });
      });
      await Promise.race([ended(container), left]);
    },
    async connect() {
      throw new RuntimeError("ConnectError", "nothing listens in simulated pods");
    },
    async probe(id, kind) {
      const { state, behaviour } = containerOf(id);
      const startedAt = state.startedAt ?? 0;
      const now = clock.now();
      /** The running time at which the answer changes next, and the answer until then. */
      const answer = (ok: boolean, changesAfterMs: number, message: string) => ({
        ok,
        message: ok ? "" : message,
        until: startedAt + changesAfterMs,
      });
      const ran = now - startedAt;
      if (kind === "liveness") {
        return ran < behaviour.sickAfterMs ? answer(true, behaviour.sickAfterMs, "") : answer(false, Infinity, "simulated sickness");
      }
      if (ran < behaviour.readyAfterMs) return answer(false, behaviour.readyAfterMs, "simulated start is not over");
      if (kind === "readiness" && ran >= behaviour.unreadyAfterMs) return answer(false, Infinity, "simulated unreadiness");
      return answer(true, kind === "readiness" ? behaviour.unreadyAfterMs : Infinity, "");
    },
    async stats(id, annotations) {
      const { state, cpu, annotations: first } = containerOf(id);
      if (state.phase !== "running") return undefined;
      const usage = usageOf(annotations ?? first, state.name);
      const now = clock.now();
      // What it used since it was last asked for is taken to be what it uses now.
      cpu.nanoSeconds += (usage.cpuNanoCores / 1000) * (now - cpu.at);
      cpu.at = now;
      return { ...usage, cpuNanoSeconds: cpu.nanoSeconds };
    },
    async [Symbol.asyncDispose]() {
      disposed = true;
      timer?.cancel();
      listeners.clear();
      containers.clear();
      byPod.clear();
      sandboxes.clear();
    },
  };
  return runtime;
}
