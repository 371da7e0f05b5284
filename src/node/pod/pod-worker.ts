// Looks after one pod: collects what is, asks decide.ts what to do, does it, reports. Runs when something changed or is due.

import { rm } from "node:fs/promises";
import { Pod } from "#kinds/api/core-v1.gen.ts";
import { isPodReady } from "#kinds/core/pod/state.ts";
import type { Timer } from "#lib/clock.ts";
import { isNotFound, isConflict } from "#meta/errors.ts";
import { keyOf, type Key } from "#meta/object.ts";
import { podFolder, podLogFolder, type AgentContext } from "../agent-context.ts";
import { runHandler } from "../probes/handlers.ts";
import { createProber } from "../probes/prober.ts";
import { RuntimeError, type ContainerState, type Sandbox } from "../runtime.ts";
import { createPodVolumes } from "../volumes/pod-volumes.ts";
import { startContainer, fieldPathOf, terminationLogPath } from "./container-starter.ts";
import { podLabel } from "./container-status.ts";
import { stopContainer } from "./container-stopper.ts";
import { decide, earliest, type Action, type Decision } from "./decide.ts";
import { podHostname } from "./hostname.ts";
import { podStatus } from "./pod-status.ts";
import {
  attemptsOf,
  kindOfInit,
  type ContainerKind,
  type ContainerMemory,
  type ContainerObject,
  type PodObject,
  type PodView,
} from "./pod-view.ts";
import { backoffDelay } from "#lib/backoff.ts";
import { createStatusWriter } from "./status-writer.ts";
import { terminationMessage } from "./termination-message.ts";

export interface PodWorker {
  readonly uid: string;
  readonly key: Key;
  readonly pod: PodObject;
  readonly sandbox: Sandbox | undefined;
  /** A newer version of the pod. */
  update(pod: PodObject): void;
  /** The pod is no longer in the API: ends what runs. */
  removed(): void;
  /** Something about its containers may have changed. */
  kick(): void;
  /** An object that the pod names has changed. */
  referencesChanged(): void;
  /** Stops looking after the pod; its containers go on. */
  stop(): Promise<void>;
}

const RETRY_MS = 10_000;
const PULL_BACKOFF = { initialMs: 10_000, maxMs: 300_000 } as const;
const MOUNT_BACKOFF = { initialMs: 500, maxMs: 122_000 } as const;
/** A start that takes longer is reported while it goes on. */
const SLOW_START_MS = 100;
/** Endpoint removal is waited for at most this long, whoever is slow. */
const MAX_DRAIN_MS = 5000;

export function createPodWorker(
  initial: PodObject,
  context: AgentContext,
  options: { readonly sandbox: Sandbox | undefined; readonly onGone: (worker: PodWorker) => void },
): PodWorker {
  const { clock, runtime, client, log: baseLog } = context;
  const uid = initial.metadata?.uid ?? "";
  const key = keyOf(initial);
  const log = baseLog.with({ pod: key });
  const writer = createStatusWriter(initial, context);
  const memory = new Map<string, ContainerMemory>();
  const messages = new Map<string, string>();
  const stopping = new Map<string, { graceMs: number; hurry: AbortController }>();
  const volumes = runtime.virtual
    ? undefined
    : createPodVolumes({ pod: initial, folder: podFolder(context.dataDir, uid), references: context.references, client, clock });
  let volumePaths: ReadonlyMap<string, string> | undefined;
  let volumesStale = true;
  let sandbox = options.sandbox;
  let missing = false;
  let endingSince: number | undefined;
  let drain: "no" | "running" | "done" = "no";
  let finished = false;
  let stopped = false;
  let active: Promise<void> | undefined;
  let again = false;
  let wake: Timer | undefined;
  /** Ends hooks of starting containers when the pod has to go. */
  const starting = new AbortController();

  const about = () => ({ resource: Pod, object: writer.pod });
  const remember = (name: string): ContainerMemory => {
    let entry = memory.get(name);
    if (entry === undefined) memory.set(name, (entry = {}));
    return entry;
  };
  const kindOf = (name: string): ContainerKind => {
    const { spec } = writer.pod;
    const init = spec?.initContainers?.find((container) => container.name === name);
    if (init) return kindOfInit(init);
    return spec?.ephemeralContainers?.some((container) => container.name === name) ? "ephemeral" : "app";
  };
  const containerNamed = (name: string): ContainerObject | undefined => {
    const { spec } = writer.pod;
    return [...(spec?.containers ?? []), ...(spec?.initContainers ?? []), ...(spec?.ephemeralContainers ?? [])].find(
      (container) => container.name === name,
    );
  };

  const prober = createProber({
    clock,
    async probe(subject, kind, probe) {
      if (runtime.probe) {
        const { ok, message, until } = await runtime.probe(subject.containerId, kind, probe);
        return { ok, output: message, ...(until === undefined ? {} : { until }) };
      }
      const target = {
        runtime,
        clock,
        sandboxId: sandbox?.id ?? "",
        podIp: sandbox?.ips[0] ?? "",
        container: subject.container,
        containerId: subject.containerId,
      };
      return runHandler(probe, target, (probe.timeoutSeconds ?? 1) * 1000);
    },
    onChange: () => kick(),
    onFailure(subject, kind, output) {
      const word = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
      const { name } = subject.container;
      context.events.event(
        { ...about(), fieldPath: fieldPathOf(kindOf(name), name) },
        "Warning",
        "Unhealthy",
        `${word} probe failed: ${output}`,
      );
    },
  });

  /** The runtime's containers with their last words filled in. */
  const observe = async (): Promise<ContainerState[]> => {
    const states = await runtime.listContainers(uid);
    if (runtime.virtual) return states as ContainerState[]; // read-only by type, fresh by contract
    return Promise.all(
      states.map(async (state) => {
        if (state.phase !== "exited" || state.message !== undefined) return state;
        let message = messages.get(state.id);
        if (message === undefined) {
          const container = containerNamed(state.name);
          message = container
            ? await terminationMessage(container, state, {
                messagePath: terminationLogPath(context, writer.pod, state.name, state.attempt),
                logPath: `${podLogFolder(context.dataDir, writer.pod)}/${state.name}/${state.attempt}.log`,
              })
            : "";
          messages.set(state.id, message);
        }
        return message === "" ? state : { ...state, message };
      }),
    );
  };

  const viewOf = (containers: readonly ContainerState[]): PodView => ({
    pod: missing ? withDeletion(writer.pod, clock.now()) : writer.pod,
    now: clock.now(),
    sandbox,
    containers,
    memory,
    probes: (id) => prober.standing(id),
    stopping: new Set(stopping.keys()),
    endingSince,
  });

  const createSandbox = async () => {
    const { namespace = "", name = "", labels = {}, annotations = {} } = writer.pod.metadata ?? {};
    try {
      const spec = {
        namespace,
        name,
        uid,
        labels,
        annotations,
        hostname: podHostname(writer.pod),
        hostNetwork: writer.pod.spec?.hostNetwork === true,
      };
      sandbox = await runtime.createSandbox(spec);
      remember("").problem = undefined;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      remember("").problem = { reason: "FailedCreatePodSandBox", message, at: clock.now(), retryAt: clock.now() + RETRY_MS, failures: 1 };
      context.events.event(about(), "Warning", "FailedCreatePodSandBox", `Failed to create pod sandbox: ${message}`);
    }
  };

  /** Volumes before the first start, and whenever something they are made from changed. False: not possible now. */
  const syncVolumes = async (): Promise<boolean> => {
    if (volumes === undefined) return true;
    const due = volumes.renewAt !== undefined && volumes.renewAt <= clock.now();
    if (!volumesStale && !due) return true;
    const slot = remember("/volumes");
    if (slot.problem !== undefined && slot.problem.retryAt > clock.now()) return volumePaths !== undefined;
    volumesStale = false;
    try {
      volumePaths = await volumes.sync(writer.pod, {
        podIps: sandbox?.ips ?? [],
        hostIps: context.hostIps,
        allocatable: context.allocatable,
      });
      slot.problem = undefined;
    } catch (error) {
      volumesStale = true;
      const message = error instanceof Error ? error.message : String(error);
      const failures = (slot.problem?.failures ?? 0) + 1;
      slot.problem = {
        reason: "FailedMount",
        message,
        at: clock.now(),
        retryAt: clock.now() + backoffDelay(failures, MOUNT_BACKOFF),
        failures,
      };
      context.events.event(about(), "Warning", "FailedMount", message);
    }
    return volumePaths !== undefined;
  };

  /** False: not tried, since volumes are missing. */
  const start = async (action: Extract<Action, { do: "start" }>): Promise<boolean> => {
    const { container, kind, attempt } = action;
    if (sandbox === undefined || !(await syncVolumes())) return false;
    const slot = remember(container.name);
    if (action.backoff !== undefined) slot.backoff = action.backoff;
    try {
      await startContainer(
        {
          pod: writer.pod,
          sandbox,
          container,
          kind,
          attempt,
          volumes: volumePaths ?? new Map<string, string>(),
          memory: slot,
          signal: starting.signal,
          onStarted: () => {
            slot.problem = undefined;
          },
        },
        context,
      );
    } catch (error) {
      const reason = error instanceof RuntimeError ? error.reason : "CreateContainerError";
      const message = error instanceof Error ? error.message : String(error);
      const now = clock.now();
      const failures = slot.problem?.reason === reason ? slot.problem.failures + 1 : 1;
      const { latest } = attemptsOf(viewOf(await runtime.listContainers(uid)), container.name);
      // One that left an ended container behind waits as crashed ones do.
      const crashed = latest !== undefined && latest.attempt >= attempt;
      const retryAt = crashed ? now : now + (reason === "ErrImagePull" ? backoffDelay(failures, PULL_BACKOFF) : RETRY_MS);
      slot.problem = { reason, message, at: now, retryAt, failures };
      log.info("container does not start", { container: container.name, reason, error: message });
      return true;
    }
    await prune(container.name);
    return true;
  };

  /** Keeps the newest two attempts of a container: the second is for `logs --previous`. */
  const prune = async (name: string) => {
    const states = (await runtime.listContainers(uid)).filter((state) => state.name === name).toSorted((a, b) => b.attempt - a.attempt);
    for (const { id, attempt } of states.slice(2)) {
      await runtime.removeContainer(id);
      messages.delete(id);
      if (!runtime.virtual) await rm(`${podLogFolder(context.dataDir, writer.pod)}/${name}/${attempt}.log`, { force: true });
    }
  };

  /** In the background: other containers are looked after meanwhile. */
  const stop = (action: Extract<Action, { do: "stop" }>) => {
    const { id, container, graceMs } = action;
    const hurry = new AbortController();
    stopping.set(id, { graceMs, hurry });
    const request = { ...action, pod: writer.pod, sandbox, kind: kindOf(container.name), hurry: hurry.signal };
    stopContainer(request, context)
      .catch((error: unknown) => log.warn("cannot stop container", { container: container.name, error }))
      .finally(() => {
        stopping.delete(id);
        kick();
      });
  };

  /** A later, shorter grace period (kubectl delete --now) holds for stops that are under way, too. */
  const shorten = (decision: Decision) => {
    if (decision.end === undefined) return;
    for (const [id, entry] of stopping) {
      if (decision.end.graceMs >= entry.graceMs) continue;
      entry.graceMs = decision.end.graceMs;
      entry.hurry.abort();
      void runtime.stopContainer(id, decision.end.graceMs);
    }
  };

  /** A pod that serves leaves the balancers before its programs are told to end. True: they may be told now. */
  const drained = (decision: Decision): boolean => {
    if (drain === "done") return true;
    if (drain === "running") return false;
    const graceful =
      decision.end !== undefined && decision.end.graceMs > 0 && (decision.end.why === "deleted" || decision.end.why === "deadline");
    const wait = context.waitForEndpointRemoval;
    if (!graceful || missing || wait === undefined || !isPodReady(writer.pod)) {
      drain = "done";
      return true;
    }
    drain = "running";
    const late = new AbortController();
    const bound = clock.sleep(MAX_DRAIN_MS, late.signal).catch(() => {});
    void writer
      .flush()
      .then(() => Promise.race([wait(writer.pod), bound]))
      .catch((error: unknown) => log.warn("cannot wait for endpoint removal", { error }))
      .finally(() => {
        late.abort();
        drain = "done";
        kick();
      });
    return false;
  };

  const finish = async (decision: Decision) => {
    await writer.flush();
    if (decision.end?.why !== "deleted") return;
    finished = true;
    prober[Symbol.dispose]();
    if (sandbox !== undefined) await runtime.removeSandbox(sandbox.id);
    context.references.release(uid);
    if (volumes !== undefined) {
      await volumes.remove();
      await rm(podLogFolder(context.dataDir, writer.pod), { recursive: true, force: true });
    }
    if (!missing) {
      await client.delete(Pod, key, { gracePeriodSeconds: 0, preconditions: { uid } }).catch((error: unknown) => {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      });
    }
    options.onGone(worker);
  };

  const once = async () => {
    const containers = await observe();
    const running = containers.filter((state) => state.phase === "running");
    const view = viewOf(containers);
    const decision = decide(view);
    if (decision.end !== undefined && endingSince === undefined) {
      endingSince = clock.now();
      starting.abort();
      if (decision.end.why === "deadline")
        context.events.event(about(), "Normal", "DeadlineExceeded", "Pod was active on the node longer than the specified deadline");
    }
    prober.sync(
      running.flatMap((state) => {
        const container = containerNamed(state.name);
        if (container === undefined || memory.get(state.name)?.hookRunning === state.id) return [];
        return [{ container, containerId: state.id, startedAt: state.startedAt ?? state.createdAt }];
      }),
      decision.end !== undefined,
    );
    tellCrashes(view);
    // What is about to start will change the status again in a moment: only slow starts are worth a write in between.
    const starts = decision.end === undefined && decision.actions.some((action) => action.do !== "stop");
    const report = () => {
      if (!missing) writer.set(podStatus(view, decision.end, runtime.name, { hostIps: context.hostIps }));
    };
    if (!starts) report();
    using _slow = starts ? clock.after(SLOW_START_MS, report) : undefined;
    shorten(decision);
    if (decision.gone) {
      schedule(undefined);
      return finish(decision);
    }
    if (decision.end !== undefined && !drained(decision)) return;
    for (const action of decision.actions) {
      if (action.do === "createSandbox") {
        await createSandbox();
        again = true;
      } else if (action.do === "start") {
        // The pod may have been deleted while others started.
        if (writer.pod.metadata?.deletionTimestamp !== undefined || missing || (await start(action))) again = true;
      } else stop(action);
    }
    // Held up, by missing volumes for one.
    if (starts && !again) report();
    if (decision.end === undefined && decision.actions.length === 0) await syncVolumes();
    const volumeRetry = memory.get("/volumes")?.problem?.retryAt;
    schedule(earliest(earliest(decision.wakeAt, volumeRetry), earliest(volumes?.renewAt, pullNoticeAt())));
  };

  /** When a failed pull turns from "failed" to "backing off" in the status. */
  const pullNoticeAt = (): number | undefined => {
    let at: number | undefined;
    for (const { problem } of memory.values())
      if (problem?.reason === "ErrImagePull" && problem.at + 1000 > clock.now()) at = earliest(at, problem.at + 1000);
    return at;
  };

  const told = new Map<string, string>();
  /** One event for each back-off. */
  const tellCrashes = (view: PodView) => {
    for (const [name, { backoff }] of memory) {
      const { latest } = attemptsOf(view, name);
      if (latest?.phase !== "exited" || backoff === undefined || told.get(name) === latest.id) continue;
      if ((latest.finishedAt ?? 0) + backoff.delayMs <= view.now) continue;
      told.set(name, latest.id);
      context.events.event(
        { ...about(), fieldPath: fieldPathOf(kindOf(name), name) },
        "Warning",
        "BackOff",
        `Back-off restarting failed container ${name} in pod ${podLabel(writer.pod)}`,
      );
    }
  };

  const schedule = (at: number | undefined) => {
    wake?.cancel();
    wake = at === undefined || stopped ? undefined : clock.after(Math.max(at - clock.now(), 1), kick);
  };

  const run = async () => {
    do {
      again = false;
      try {
        await once();
      } catch (error) {
        log.error("pod worker failed", { error });
        again = false;
        schedule(clock.now() + 1000);
        return;
      }
    } while (again && !finished && !stopped);
  };
  const kick = () => {
    if (stopped || finished) return;
    again = true;
    active ??= run().finally(() => {
      active = undefined;
      // What came between the loop's last look and here.
      if (again) kick();
    });
  };

  const worker: PodWorker = {
    uid,
    key,
    get pod() {
      return writer.pod;
    },
    get sandbox() {
      return sandbox;
    },
    update(pod) {
      const before = writer.pod;
      writer.observe(pod);
      if (before.metadata?.labels !== pod.metadata?.labels || before.metadata?.annotations !== pod.metadata?.annotations)
        volumesStale = true;
      if (pod.metadata?.deletionTimestamp !== undefined) starting.abort();
      kick();
    },
    removed() {
      missing = true;
      starting.abort();
      kick();
    },
    kick,
    referencesChanged() {
      volumesStale = true;
      for (const slot of memory.values()) {
        const { problem } = slot;
        if (problem !== undefined && (problem.reason === "CreateContainerConfigError" || problem.reason === "FailedMount"))
          slot.problem = { ...problem, retryAt: 0 };
      }
      kick();
    },
    async stop() {
      stopped = true;
      wake?.cancel();
      starting.abort();
      prober[Symbol.dispose]();
      await active;
      writer[Symbol.dispose]();
      context.references.release(uid);
    },
  };
  return worker;
}

/** A pod that vanished from the API is ended as if it had been deleted in the ordinary way. */
function withDeletion(pod: PodObject, now: number): PodObject {
  if (pod.metadata?.deletionTimestamp !== undefined) return pod;
  return { ...pod, metadata: { ...pod.metadata, deletionTimestamp: new Date(now).toISOString() } };
}
