// Pods that wait for a node: in order (active), until their back-off is over (backingOff), or for a change that may help
// them (parked). A parked pod moves when, and only when, something changes that a plugin which refused it minds; and after
// five minutes in any case. Terms and numbers are upstream's (kube-scheduler backend/queue).

import { createHeap } from "#lib/heap.ts";
import type { Clock, Timer } from "#lib/clock.ts";
import type { Key } from "#meta/object.ts";
import { type ClusterEvent, type EventInterest, podChanges } from "./cluster-events.ts";
import type { AnyPod, PodInfo } from "./framework.ts";

/** What the queue needs to know of a pod's profile. */
export interface QueueRules {
  /** The plugin that does not let the pod be tried yet. */
  readonly gatedBy: (pod: PodInfo) => string | undefined;
  readonly interests: readonly { readonly plugin: string; readonly interest: EventInterest }[];
}

export interface QueueOptions {
  readonly clock: Clock;
  /** Called when a pod becomes due. */
  readonly wake: () => void;
  /** By the name of the scheduler that the pod asks for. */
  readonly rulesOf: (pod: PodInfo) => QueueRules | undefined;
  readonly compare: (a: PodInfo, b: PodInfo) => number;
  /** Default: 1 s and 10 s. */
  readonly initialBackoffMs?: number;
  readonly maxBackoffMs?: number;
}

/** A pod on its way through the queue. */
export interface QueuedPod {
  readonly pod: PodInfo;
}

export interface SchedulingQueue {
  /** A pod that waits for a node; nothing happens if it is known. */
  add(pod: PodInfo): void;
  /** The pod changed while it waited. A pod in flight keeps what it was tried with; what changed counts when it comes back. */
  update(before: AnyPod, pod: PodInfo): void;
  delete(key: Key): void;
  has(key: Key): boolean;
  /** The next pod to try, now in flight; undefined if none is due. */
  pop(): QueuedPod | undefined;
  /** A pod in flight found no node. `rejectedBy`: the plugins that refused it; none: something went wrong, it is tried again. */
  failed(queued: QueuedPod, rejectedBy: ReadonlySet<string>): void;
  /** A pod in flight is placed. */
  done(queued: QueuedPod): void;
  /** Something changed: those that it may help are tried again, after their back-off. */
  move(event: ClusterEvent, only?: (pod: PodInfo) => boolean): void;
  /** The pod is to be tried again at once. */
  activate(key: Key): void;
  readonly size: number;
  close(): void;
}

const INITIAL_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 10_000;
/** A pod is tried again after this long even if nothing seems to have changed. */
const FLUSH_MS = 5 * 60_000;
const FLUSH_EVERY_MS = 30_000;
/** Pods whose back-off ends within one such window are taken by importance. */
const WINDOW_MS = 1_000;

type State = "active" | "parked" | "backingOff" | "inFlight";

interface Entry extends QueuedPod {
  readonly key: Key;
  pod: PodInfo;
  state: State;
  /** When it came, or came back from its last try. */
  since: number;
  unschedulable: number;
  errors: number;
  rejectedBy: ReadonlySet<string>;
  gatedBy: string | undefined;
  notBefore: number;
  /** Changes of the pod itself while it was in flight. */
  changed: ClusterEvent<"Pod">[];
}

const nobody: ReadonlySet<string> = new Set();

export function createSchedulingQueue(options: QueueOptions): SchedulingQueue {
  const { clock, wake, rulesOf, compare } = options;
  const { initialBackoffMs = INITIAL_BACKOFF_MS, maxBackoffMs = MAX_BACKOFF_MS } = options;
  const entries = new Map<Key, Entry>();
  const goesFirst = (a: Entry, b: Entry) => {
    const order = compare(a.pod, b.pod);
    return order < 0 || (order === 0 && a.since < b.since);
  };
  const active = createHeap<Key, Entry>({ keyOf: ({ key }) => key, before: goesFirst });
  const windowOf = ({ notBefore }: Entry) => Math.floor(notBefore / WINDOW_MS);
  const backingOff = createHeap<Key, Entry>({
    keyOf: ({ key }) => key,
    before: (a, b) => windowOf(a) < windowOf(b) || (windowOf(a) === windowOf(b) && goesFirst(a, b)),
  });
  /** Those that came back because something went wrong: they wait in any case. */
  const afterErrors = createHeap<Key, Entry>({ keyOf: ({ key }) => key, before: (a, b) => a.notBefore < b.notBefore });
  /** Parked pods, by each plugin that refused them. */
  const parked = new Map<string, Set<Entry>>();
  let parkedCount = 0;
  let backoffTimer: Timer | undefined;
  let backoffAt = Infinity;
  let flushTimer: Timer | undefined;

  const arm = () => {
    const at = Math.min(backingOff.peek()?.notBefore ?? Infinity, afterErrors.peek()?.notBefore ?? Infinity);
    if (at === backoffAt) return;
    backoffTimer?.cancel();
    backoffAt = at;
    backoffTimer = at === Infinity ? undefined : clock.after(at - clock.now(), fire);
  };
  const fire = () => {
    backoffAt = Infinity;
    const now = clock.now();
    for (const heap of [backingOff, afterErrors]) {
      for (let entry = heap.peek(); entry && entry.notBefore <= now; entry = heap.peek()) activate(entry);
    }
    arm();
  };
  const armFlush = () => {
    if (parkedCount > 0) flushTimer ??= clock.after(FLUSH_EVERY_MS, flush);
  };
  const flush = () => {
    flushTimer = undefined;
    const old = clock.now() - FLUSH_MS;
    for (const entry of entries.values()) {
      if (entry.state === "parked" && entry.gatedBy === undefined && entry.since <= old) requeue(entry);
    }
    armFlush();
  };

  const leave = (entry: Entry) => {
    if (entry.state === "active") active.remove(entry.key);
    else if (entry.state === "backingOff") {
      if (backingOff.remove(entry.key) ?? afterErrors.remove(entry.key)) arm();
    } else if (entry.state === "parked") {
      parkedCount--;
      for (const plugin of entry.rejectedBy) {
        const some = parked.get(plugin);
        if (some?.delete(entry) && some.size === 0) parked.delete(plugin);
      }
    }
  };
  const park = (entry: Entry) => {
    entry.state = "parked";
    parkedCount++;
    for (const plugin of entry.rejectedBy) {
      const some = parked.get(plugin);
      if (some) some.add(entry);
      else parked.set(plugin, new Set([entry]));
    }
    armFlush();
  };
  /** Gated pods are parked, with the plugin that gates them among those that refused them. */
  const gate = (entry: Entry): boolean => {
    entry.gatedBy = rulesOf(entry.pod)?.gatedBy(entry.pod);
    if (entry.gatedBy === undefined) return false;
    entry.rejectedBy = new Set([...entry.rejectedBy, entry.gatedBy]);
    park(entry);
    return true;
  };
  const activate = (entry: Entry) => {
    const checked = entry.state === "backingOff";
    leave(entry);
    entry.state = "inFlight";
    if (!checked && gate(entry)) return;
    entry.state = "active";
    active.push(entry);
    wake();
  };
  /** To the end of the back-off, or at once if that is over. */
  const requeue = (entry: Entry) => {
    if (entry.notBefore <= clock.now()) return activate(entry);
    leave(entry);
    entry.state = "inFlight";
    if (gate(entry)) return;
    entry.state = "backingOff";
    if (entry.errors > 0) afterErrors.push(entry);
    else {
      backingOff.push(entry);
      wake();
    }
    arm();
  };
  const helps = (entry: Entry, event: ClusterEvent): boolean => {
    if (entry.rejectedBy.size === 0) return true;
    for (const { plugin, interest } of rulesOf(entry.pod)?.interests ?? []) {
      if (entry.rejectedBy.has(plugin) && mayHelp(interest, event, entry.pod)) return true;
    }
    return false;
  };
  /** A gate opens only by what the gating plugin minds. */
  const staysGated = (entry: Entry, event: ClusterEvent) =>
    entry.gatedBy !== undefined &&
    !rulesOf(entry.pod)?.interests.some(({ plugin, interest }) => plugin === entry.gatedBy && isAbout(interest, event));
  const drop = (entry: Entry) => {
    entries.delete(entry.key);
    leave(entry);
  };

  const add = (pod: PodInfo) => {
    if (entries.has(pod.key)) return;
    const entry: Entry = {
      key: pod.key,
      pod,
      state: "inFlight",
      since: clock.now(),
      unschedulable: 0,
      errors: 0,
      rejectedBy: nobody,
      gatedBy: undefined,
      notBefore: 0,
      changed: [],
    };
    entries.set(pod.key, entry);
    activate(entry);
  };

  return {
    add,
    update(before, pod) {
      const entry = entries.get(pod.key);
      if (!entry) return add(pod);
      const events = podChanges(before, pod.pod).map((action): ClusterEvent<"Pod"> => ({
        resource: "Pod",
        action,
        before,
        after: pod.pod,
      }));
      if (entry.state === "inFlight") {
        entry.changed.push(...events);
        entry.pod = pod;
        return;
      }
      if (entry.state === "active" || entry.state === "backingOff") {
        // Its place may be another now.
        const heap = entry.state === "active" ? active : backingOff.get(entry.key) ? backingOff : afterErrors;
        heap.remove(entry.key);
        entry.pod = pod;
        heap.push(entry);
        return;
      }
      entry.pod = pod;
      if (events.some((event) => !staysGated(entry, event) && helps(entry, event))) requeue(entry);
    },
    delete(key) {
      const entry = entries.get(key);
      if (entry) drop(entry);
    },
    has: (key) => entries.has(key),
    pop() {
      // Nothing better to do: those that only back off are tried early.
      const entry = active.pop() ?? backingOff.pop();
      if (!entry) return undefined;
      if (entry.state === "backingOff") arm();
      entry.state = "inFlight";
      entry.changed = [];
      return entry;
    },
    failed({ pod: { key } }, rejectedBy) {
      const entry = entries.get(key);
      if (entry?.state !== "inFlight") return;
      if (rejectedBy.size === 0) entry.errors++;
      else {
        entry.unschedulable++;
        entry.errors = 0;
      }
      const failures = entry.errors > 0 ? entry.errors : entry.unschedulable;
      entry.since = clock.now();
      entry.notBefore = entry.since + Math.min(initialBackoffMs * 2 ** Math.min(failures - 1, 30), maxBackoffMs);
      entry.rejectedBy = rejectedBy;
      if (rejectedBy.size === 0 || entry.changed.some((event) => helps(entry, event))) requeue(entry);
      else park(entry);
    },
    done({ pod: { key } }) {
      const entry = entries.get(key);
      if (entry?.state === "inFlight") drop(entry);
    },
    move(event, only) {
      if (parkedCount === 0) return;
      const helped = new Set<Entry>();
      for (const [plugin, some] of parked) {
        for (const entry of some) {
          if (helped.has(entry) || (only && !only(entry.pod)) || staysGated(entry, event)) continue;
          const interests = rulesOf(entry.pod)?.interests ?? [];
          if (interests.some((known) => known.plugin === plugin && mayHelp(known.interest, event, entry.pod))) helped.add(entry);
        }
      }
      for (const entry of helped) requeue(entry);
    },
    activate(key) {
      const entry = entries.get(key);
      if (!entry || entry.state === "active") return;
      if (entry.state === "inFlight") entry.notBefore = 0;
      else activate(entry);
    },
    get size() {
      return entries.size;
    },
    close() {
      backoffTimer?.cancel();
      flushTimer?.cancel();
      backoffAt = Infinity;
      for (const entry of entries.values()) drop(entry);
      backoffTimer?.cancel();
    },
  };
}

function isAbout(interest: EventInterest, { resource, action }: ClusterEvent): boolean {
  if (interest.resource !== resource) return false;
  return interest.actions.includes(action);
}

function mayHelp(interest: EventInterest, event: ClusterEvent, pod: PodInfo): boolean {
  if (!isAbout(interest, event)) return false;
  // The event is about the interest's kind of object, which the types of two unions cannot say together.
  const helps = interest.helps as ((pod: PodInfo, before: unknown, after: unknown) => boolean) | undefined;
  return helps === undefined || helps(pod, event.before, event.after);
}
