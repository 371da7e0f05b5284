// Reads the nodes at a steady pace while somebody wants to know, and not at all while nobody does.

import type { Clock, Timer } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import type { NodeReading } from "#kinds/metrics/node-reading.ts";
import { createReadings, type NodeUsage, type PodUsage } from "./readings.ts";

export interface CollectorOptions {
  /** Names of the nodes there are. */
  readonly nodes: () => readonly string[];
  /** Rejects if the node cannot be asked. */
  readonly read: (node: string, signal: AbortSignal) => Promise<NodeReading>;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Collector {
  /** Says that somebody wants to know. Resolves when there is something to tell: at once, but for the first time after a pause. */
  wanted(): Promise<void>;
  pod(namespace: string, name: string): PodUsage | undefined;
  node(name: string): NodeUsage | undefined;
  stop(): Promise<void>;
}

const INTERVAL_MS = 15_000;
/** Between the first two points after a pause, so that who asks then need not wait for a whole interval. */
const FIRST_INTERVAL_MS = 1_000;
/** How long nodes are read after somebody asked. */
const INTEREST_MS = 5 * 60_000;

export function createCollector({ nodes, read, clock, log }: CollectorOptions): Collector {
  const readings = createReadings();
  const stopping = new AbortController();
  const { signal } = stopping;
  let wantedAt = 0;
  let warm: Promise<void> | undefined;
  let timer: Timer | undefined;
  let underWay: Promise<void> = Promise.resolve();

  const scrape = async (): Promise<void> => {
    const round = new Map<string, NodeReading>();
    const one = async (name: string): Promise<void> => {
      try {
        round.set(name, await read(name, signal));
      } catch (error) {
        if (!signal.aborted) log.debug("node cannot be read", { node: name, error });
      }
    };
    await Promise.all(nodes().map(one));
    if (!signal.aborted) readings.take(round);
  };
  const schedule = () => {
    if (signal.aborted) return;
    timer = clock.after(INTERVAL_MS, () => {
      if (clock.now() - wantedAt >= INTEREST_MS) {
        warm = undefined;
        readings.clear();
        return;
      }
      underWay = scrape().finally(schedule);
    });
  };
  const begin = async (): Promise<void> => {
    await scrape();
    try {
      await clock.sleep(FIRST_INTERVAL_MS, signal);
    } catch {
      return; // stopped
    }
    await scrape();
    schedule();
  };
  return {
    async wanted() {
      wantedAt = clock.now();
      if (signal.aborted) return;
      if (!warm) underWay = warm = begin();
      await warm;
    },
    pod: readings.pod,
    node: readings.node,
    async stop() {
      stopping.abort();
      timer?.cancel();
      await underWay;
      readings.clear();
    },
  };
}
