// Readings of nodes and the rates between them. Pure but for the store itself, which only keeps. Times are ms since the epoch.

import type { NodeReading } from "#kinds/metrics/node-reading.ts";

export interface Usage {
  readonly cpuNanoCores: number;
  readonly memoryBytes: number;
}

/** Over the time from `at - windowMs` to `at`. */
export interface Measured {
  readonly at: number;
  readonly windowMs: number;
}

export interface PodUsage extends Measured {
  readonly containers: readonly (Usage & { readonly name: string })[];
}

export interface NodeUsage extends Measured, Usage {}

export interface Readings {
  /** Takes one round: what is not in it any more is forgotten. */
  take(round: ReadonlyMap<string, NodeReading>): void;
  /** Undefined until each of its containers has two points. */
  pod(namespace: string, name: string): PodUsage | undefined;
  node(name: string): NodeUsage | undefined;
  clear(): void;
}

interface Point {
  readonly at: number;
  readonly startedAt: number;
  readonly cpuNanoSeconds: number;
  readonly memoryBytes: number;
}

/** By container. */
type PodPoints = Map<string, Point>;

interface Pair<T> {
  readonly last: T;
  readonly previous: T;
}

/** A new container's start is its first point if that was so long ago, and not a whole round. */
const MIN_AGE_MS = 10_000;
const ROUND_MS = 15_000;

export function createReadings(): Readings {
  let pods = new Map<string, Pair<PodPoints>>();
  let nodes = new Map<string, { readonly last: Point; readonly previous?: Point; readonly pods?: readonly string[] }>();
  const podOf = (key: string): PodUsage | undefined => {
    const pair = pods.get(key);
    if (!pair) return undefined;
    const containers: (Usage & { readonly name: string })[] = [];
    let at = Infinity;
    let windowMs = 0;
    for (const [name, last] of pair.last) {
      const previous = pair.previous.get(name);
      const usage = previous && between(previous, last);
      if (!previous || !usage) return undefined;
      containers.push({ name, ...usage });
      // Of containers measured at different times the earliest speaks for the pod.
      if (last.at < at) {
        at = last.at;
        windowMs = last.at - previous.at;
      }
    }
    return containers.length === 0 ? undefined : { at, windowMs, containers };
  };
  return {
    take(round) {
      const next = new Map<string, Pair<PodPoints>>();
      const nextNodes: typeof nodes = new Map();
      for (const [name, reading] of round) {
        const keys = takePods(reading, pods, next);
        const before = nodes.get(name);
        const { at, node } = reading;
        const last = { at, startedAt: 0, cpuNanoSeconds: node?.cpuNanoSeconds ?? 0, memoryBytes: node?.memoryBytes ?? 0 };
        const previous = before && before.last.at < at ? before.last : before?.previous;
        nextNodes.set(name, { last, ...(previous ? { previous } : {}), ...(node ? {} : { pods: keys }) });
      }
      pods = next;
      nodes = nextNodes;
    },
    pod: (namespace, name) => podOf(`${namespace}/${name}`),
    node(name) {
      const found = nodes.get(name);
      if (!found?.previous) return undefined;
      const { last, previous } = found;
      const time = { at: last.at, windowMs: last.at - previous.at };
      if (!found.pods) {
        const usage = between(previous, last);
        return usage && { ...time, ...usage };
      }
      let cpuNanoCores = 0;
      let memoryBytes = 0;
      for (const key of found.pods) {
        for (const { memoryBytes: bytes } of pods.get(key)?.last.values() ?? []) memoryBytes += bytes;
        for (const one of podOf(key)?.containers ?? []) cpuNanoCores += one.cpuNanoCores;
      }
      return { ...time, cpuNanoCores, memoryBytes };
    },
    clear() {
      pods = new Map();
      nodes = new Map();
    },
  };
}

/** Adds the reading's pods to `next`; gives their keys. */
function takePods(
  { at, containers }: NodeReading,
  known: ReadonlyMap<string, Pair<PodPoints>>,
  next: Map<string, Pair<PodPoints>>,
): readonly string[] {
  const keys = new Set<string>();
  for (const { namespace, pod, container, startedAt, cpuNanoSeconds, memoryBytes } of containers) {
    const key = `${namespace}/${pod}`;
    let pair = next.get(key);
    if (!pair) next.set(key, (pair = { last: new Map(), previous: new Map() }));
    keys.add(key);
    const last: Point = { at, startedAt, cpuNanoSeconds, memoryBytes };
    pair.last.set(container, last);
    const previous = previousOf(last, known.get(key), container);
    if (previous) pair.previous.set(container, previous);
  }
  return [...keys];
}

function previousOf(last: Point, known: Pair<PodPoints> | undefined, container: string): Point | undefined {
  const { at, startedAt } = last;
  const ageMs = at - startedAt;
  const before = known?.last.get(container);
  if (ageMs >= MIN_AGE_MS && ageMs < ROUND_MS) return { at: startedAt, startedAt, cpuNanoSeconds: 0, memoryBytes: 0 };
  // A restarted container counts from zero: its points before that are another one's.
  if (!before || startedAt >= before.at) return undefined;
  return before.at < at ? before : known?.previous.get(container);
}

/** Undefined if the sum went down, which a sum of time cannot. */
function between(previous: Point, last: Point): Usage | undefined {
  const spent = last.cpuNanoSeconds - previous.cpuNanoSeconds;
  const elapsedMs = last.at - previous.at;
  if (spent < 0 || elapsedMs <= 0) return undefined;
  return { cpuNanoCores: Math.trunc((spent * 1000) / elapsedMs), memoryBytes: last.memoryBytes };
}
