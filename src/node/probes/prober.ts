// Keeps the probes of a pod's running containers going and remembers where they stand.

import type { Probe } from "#kinds/api/core-v1.gen.ts";
import type { Clock, Timer } from "#lib/clock.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { ContainerObject, ProbeStanding } from "../pod/pod-view.ts";
import type { HandlerResult } from "./handlers.ts";

export type ProbeKind = "startup" | "readiness" | "liveness";

export interface ProbeSubject {
  readonly container: ContainerObject;
  readonly containerId: string;
  readonly startedAt: number;
}

/** One probe's answer. `until`: it will not change before (ms since the epoch); for runtimes that know. */
export type ProbeAnswer = HandlerResult & { readonly until?: number };

export interface Prober extends Disposable {
  /** Probes exactly these containers from now on; while the pod ends, only for readiness. */
  sync(subjects: readonly ProbeSubject[], ending: boolean): void;
  standing(containerId: string): ProbeStanding | undefined;
}

export interface ProberOptions {
  readonly clock: Clock;
  readonly probe: (subject: ProbeSubject, kind: ProbeKind, probe: DeepReadonly<Probe>) => Promise<ProbeAnswer>;
  /** Some container's standing changed. */
  readonly onChange: () => void;
  /** A probe failed (each time). */
  readonly onFailure: (subject: ProbeSubject, kind: ProbeKind, output: string) => void;
}

/** First pause between the extra probes of a container that is not ready yet; it doubles up to the probe's period. */
const EAGER_MS = 50;
/** Commands cost more than connections. */
const EAGER_EXEC_MS = 500;

interface Loop {
  stop(): void;
}

interface Entry {
  readonly subject: ProbeSubject;
  readonly loops: Map<ProbeKind, Loop>;
  standing: { startup: boolean | undefined; readiness: boolean | undefined; liveness: boolean | undefined };
}

export function createProber(options: ProberOptions): Prober {
  const entries = new Map<string, Entry>();

  const startLoop = (entry: Entry, kind: ProbeKind, probe: DeepReadonly<Probe>) => {
    if (entry.loops.has(kind)) return;
    entry.loops.set(
      kind,
      createLoop(options, entry.subject, kind, probe, (result) => {
        if (entry.standing[kind] === result) return;
        entry.standing = { ...entry.standing, [kind]: result };
        if (kind === "startup") {
          entry.loops.get(kind)?.stop();
          if (result) startAfterStartup(entry);
        }
        options.onChange();
      }),
    );
  };
  let endingNow = false;
  const startAfterStartup = (entry: Entry) => {
    const { readinessProbe, livenessProbe } = entry.subject.container;
    if (readinessProbe) startLoop(entry, "readiness", readinessProbe);
    if (livenessProbe && !endingNow) startLoop(entry, "liveness", livenessProbe);
  };
  const stopEntry = (entry: Entry) => {
    for (const loop of entry.loops.values()) loop.stop();
  };

  return {
    sync(subjects, ending) {
      endingNow = ending;
      const wanted = new Set<string>();
      for (const subject of subjects) {
        const { startupProbe, readinessProbe, livenessProbe } = subject.container;
        if (!startupProbe && !readinessProbe && !livenessProbe) continue;
        wanted.add(subject.containerId);
        const known = entries.get(subject.containerId);
        if (known !== undefined) {
          if (ending) for (const kind of ["startup", "liveness"] as const) known.loops.get(kind)?.stop();
          continue;
        }
        const entry: Entry = { subject, loops: new Map(), standing: { startup: undefined, readiness: undefined, liveness: undefined } };
        entries.set(subject.containerId, entry);
        if (startupProbe) {
          if (!ending) startLoop(entry, "startup", startupProbe);
        } else startAfterStartup(entry);
      }
      for (const [id, entry] of entries) {
        if (wanted.has(id)) continue;
        stopEntry(entry);
        entries.delete(id);
      }
    },
    standing: (id) => entries.get(id)?.standing,
    [Symbol.dispose]() {
      for (const entry of entries.values()) stopEntry(entry);
      entries.clear();
    },
  };
}

/**
 * Probes every period, from the initial delay on. Until the first success there are extra probes in between that count
 * only when they succeed, so that a pod is ready as soon as it can be; upstream allows that for readiness.
 */
function createLoop(
  options: ProberOptions,
  subject: ProbeSubject,
  kind: ProbeKind,
  probe: DeepReadonly<Probe>,
  onResult: (result: boolean) => void,
): Loop {
  const { clock } = options;
  const periodMs = (probe.periodSeconds ?? 10) * 1000;
  const successes = probe.successThreshold ?? 1;
  const failures = probe.failureThreshold ?? 3;
  const firstAt = Math.max(subject.startedAt + (probe.initialDelaySeconds ?? 0) * 1000, clock.now());
  let timer: Timer | undefined;
  let stopped = false;
  let last: boolean | undefined;
  let run = 0;
  let settled = false;
  let eagerMs = probe.exec ? EAGER_EXEC_MS : EAGER_MS;
  /** When the next probe that counts is due. */
  let dueAt = firstAt;

  const schedule = (at: number) => {
    if (!stopped) timer = clock.after(at - clock.now(), () => void tick());
  };
  const tick = async () => {
    const counts = clock.now() >= dueAt;
    if (counts) dueAt += periodMs;
    const answer = await options
      .probe(subject, kind, probe)
      .catch((error: unknown) => ({ ok: false, output: String(error), until: undefined }));
    if (stopped) return;
    if (counts && !answer.ok) options.onFailure(subject, kind, answer.output);
    if (counts || answer.ok) {
      run = last === answer.ok ? run + 1 : 1;
      last = answer.ok;
      if (run >= (answer.ok ? successes : failures)) {
        if (answer.ok) settled = true;
        onResult(answer.ok);
        // The callback may have stopped this loop.
        if (stopped) return;
      }
    }
    const now = clock.now();
    // Probes that took longer than their period do not pile up.
    if (dueAt < now) dueAt = now;
    if (answer.until !== undefined && answer.until > now && (settled || !answer.ok) && run >= (answer.ok ? successes : 1)) {
      if (answer.until === Infinity && answer.ok) return;
      if (answer.ok) {
        dueAt = Math.max(dueAt, answer.until);
        return schedule(dueAt);
      }
      return schedule(Math.min(dueAt, answer.until));
    }
    if (settled || kind === "liveness") return schedule(dueAt);
    const next = Math.min(now + eagerMs, dueAt);
    eagerMs = Math.min(eagerMs * 2, periodMs);
    schedule(next);
  };
  schedule(firstAt);
  return {
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}
