// Looks after one pod: collects what is, asks decide.ts what to do, does it, reports. Runs when something changed or is due.

import { rm } from "node:fs/promises";
import { Pod } from "#kinds/api/core-v1.gen.ts";
import { backoffDelay, createBackoff } from "#lib/backoff.ts";
import type { Timer } from "#lib/clock.ts";
import { isNotFound, isConflict } from "#meta/errors.ts";
import { keyOf, type Key } from "#meta/object.ts";
import { podFolder, podLogFolder, type AgentContext } from "../agent-context.ts";
import { runHandler } from "../probes/handlers.ts";
import { createProber } from "../probes/prober.ts";
import { RuntimeError, type ContainerState, type Sandbox } from "../runtime.ts";
import { createPodVolumes, createVirtualVolumes } from "../volumes/pod-volumes.ts";
import { createBackoffEvents } from "./backoff-events.ts";
import { startContainer, fieldPathOf, terminationLogPath } from "./container-starter.ts";
import { decide, earliest, type Action, type Decision } from "./decide.ts";
import { podHostname } from "./hostname.ts";
import { podStatus } from "./pod-status.ts";
import { createPodStopper } from "./pod-stopper.ts";
import { portMappings } from "./port-mappings.ts";
import { attemptsOf, containerOf, lostContainers, type ContainerMemory, type PodObject, type PodView } from "./pod-view.ts";
import { createStatusWriter } from "./status-writer.ts";
import { terminationMessage } from "./termination-message.ts";
import { createVolumeKeeper } from "./volume-keeper.ts";

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
const DELETE_BACKOFF = { initialMs: 200, maxMs: 10_000, jitter: 0.2 } as const;
const PULL_BACKOFF = { initialMs: 10_000, maxMs: 300_000 } as const;
/** A start that takes longer is reported while it goes on. */
const SLOW_START_MS = 100;

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
  const stopper = createPodStopper({ context, writer, onChange: () => kick() });
  const tellBackoffs = createBackoffEvents(context);
  const volumes = createVolumeKeeper(
    runtime.virtual
      ? createVirtualVolumes(initial, client)
      : createPodVolumes({ pod: initial, folder: podFolder(context.dataDir, uid), references: context.references, client, clock }),
    context,
  );
  let sandbox = options.sandbox;
  let missing = false;
  let endingSince: number | undefined;
  let finished = false;
  let stopped = false;
  let active: Promise<void> | undefined;
  let again = false;
  let wake: Timer | undefined;
  const stopping = new AbortController();
  /** Ends hooks of starting containers when the pod has to go. */
  const starting = new AbortController();

  const about = () => ({ resource: Pod, object: writer.pod });
  const remember = (name: string): ContainerMemory => {
    let entry = memory.get(name);
    if (entry === undefined) memory.set(name, (entry = {}));
    return entry;
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
        { ...about(), fieldPath: fieldPathOf(containerOf(writer.pod, name)?.kind ?? "app", name) },
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
          const container = containerOf(writer.pod, state.name)?.container;
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
    containers: [...containers, ...lostContainers(writer.pod, containers, clock.now())],
    memory,
    probes: (id) => prober.standing(id),
    stopping: stopper.stopping,
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
        ports: portMappings(writer.pod),
      };
      sandbox = await runtime.createSandbox(spec);
      remember("").problem = undefined;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      remember("").problem = { reason: "FailedCreatePodSandBox", message, at: clock.now(), retryAt: clock.now() + RETRY_MS, failures: 1 };
      context.events.event(about(), "Warning", "FailedCreatePodSandBox", `Failed to create pod sandbox: ${message}`);
    }
  };

  /** False: not tried, since volumes are missing. */
  const start = async (action: Extract<Action, { do: "start" }>): Promise<boolean> => {
    const { container, kind, attempt } = action;
    if (sandbox === undefined) return false;
    const paths = await volumes.sync(writer.pod, sandbox.ips);
    if (paths === undefined) return false;
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
          volumes: paths,
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

  const finish = async (decision: Decision) => {
    await writer.flush();
    if (decision.end?.why !== "deleted") {
      // It will not run again: its address is free for others, its containers are kept for their output.
      if (sandbox !== undefined) await runtime.stopSandbox(sandbox.id);
      return;
    }
    finished = true;
    prober[Symbol.dispose]();
    if (sandbox !== undefined) await runtime.removeSandbox(sandbox.id);
    context.references.release(uid);
    if (!runtime.virtual) {
      await volumes.remove();
      await rm(podLogFolder(context.dataDir, writer.pod), { recursive: true, force: true });
    }
    await deleteObject();
    options.onGone(worker);
  };

  /** Nobody else will do it: tried until it is done. */
  const deleteObject = async () => {
    const backoff = createBackoff({ ...DELETE_BACKOFF, random: context.random });
    while (!missing && !stopped) {
      try {
        await client.delete(Pod, key, { gracePeriodSeconds: 0, preconditions: { uid } });
        return;
      } catch (error) {
        if (isNotFound(error) || (isConflict(error) && !(await writer.exists().catch(() => true)))) return;
        log.warn("cannot delete the pod that has ended", { error: error instanceof Error ? error.message : error });
        await clock.sleep(backoff.next(), stopping.signal).catch(() => {}); // only rejects when stopped: the loop's condition sees it
      }
    }
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
        const container = containerOf(writer.pod, state.name)?.container;
        if (container === undefined || memory.get(state.name)?.hookRunning === state.id) return [];
        return [{ container, containerId: state.id, startedAt: state.startedAt ?? state.createdAt }];
      }),
      decision.end !== undefined,
    );
    tellBackoffs(view);
    // What is about to start will change the status again in a moment: only slow starts are worth a write in between.
    const starts = decision.end === undefined && decision.actions.some((action) => action.do !== "stop");
    const report = () => {
      if (!missing) writer.set(podStatus(view, decision.end, runtime.name, { hostIps: context.hostIps }));
    };
    if (!starts) report();
    using _slow = starts ? clock.after(SLOW_START_MS, report) : undefined;
    if (decision.end !== undefined) stopper.shorten(decision.end.graceMs);
    if (decision.gone) {
      schedule(undefined);
      return finish(decision);
    }
    if (decision.end !== undefined && !missing && !stopper.drained(decision.end)) return;
    for (const action of decision.actions) {
      if (action.do === "createSandbox") {
        await createSandbox();
        again = true;
      } else if (action.do === "start") {
        // The pod may have been deleted while others started.
        if (writer.pod.metadata?.deletionTimestamp !== undefined || missing || (await start(action))) again = true;
      } else stopper.stop(action, containerOf(writer.pod, action.container.name)?.kind ?? "app", sandbox);
    }
    // Held up, by missing volumes for one.
    if (starts && !again) report();
    if (decision.end === undefined && decision.actions.length === 0) await volumes.sync(writer.pod, sandbox?.ips ?? []);
    schedule(earliest(earliest(decision.wakeAt, volumes.wakeAt), pullNoticeAt()));
  };

  /** When a failed pull turns from "failed" to "backing off" in the status. */
  const pullNoticeAt = (): number | undefined => {
    let at: number | undefined;
    for (const { problem } of memory.values())
      if (problem?.reason === "ErrImagePull" && problem.at + 1000 > clock.now()) at = earliest(at, problem.at + 1000);
    return at;
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
        volumes.outdated();
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
      volumes.outdated();
      for (const slot of memory.values()) {
        const { problem } = slot;
        if (problem?.reason === "CreateContainerConfigError") slot.problem = { ...problem, retryAt: 0 };
      }
      kick();
    },
    async stop() {
      stopped = true;
      stopping.abort();
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
