// What containers use, from /proc: the processes below their first one, and those of its group that lost their parent.

import type { Clock } from "#lib/clock.ts";
import type { ContainerUsage } from "../runtime.ts";
import { allProcesses, PAGE_BYTES, type ProcessStat, TICKS_PER_SECOND } from "./proc.ts";

export interface ProcessUsage {
  /** `pid` is the container's first process. */
  of(id: string, pid: number, startedAt: number): Promise<ContainerUsage>;
  forget(id: string): void;
}

interface Sample {
  readonly at: number;
  readonly ticks: number;
  readonly cpuNanoCores: number;
}

/** A rate over less than this says little, with times in hundredths of a second. */
const MIN_SAMPLE_MS = 1000;
const NANOS_PER_TICK = 1e9 / TICKS_PER_SECOND;

export function createProcessUsage(clock: Pick<Clock, "now">): ProcessUsage {
  const samples = new Map<string, Sample>();
  let reading: Promise<readonly ProcessStat[]> | undefined;
  /** All containers that are asked for together are answered from one look at /proc. */
  const processes = () => (reading ??= allProcesses().finally(() => (reading = undefined)));
  return {
    async of(id, pid, startedAt) {
      const members = membersOf(await processes(), pid);
      const at = clock.now();
      let ticks = 0;
      let pages = 0;
      for (const { cpuTicks, rssPages } of members) {
        ticks += cpuTicks;
        pages += rssPages;
      }
      const before = samples.get(id) ?? { at: startedAt, ticks: 0, cpuNanoCores: 0 };
      // Time of processes that nobody waited for is lost with them; what was told is not taken back.
      ticks = Math.max(ticks, before.ticks);
      const elapsedMs = at - before.at;
      const isNew = elapsedMs >= MIN_SAMPLE_MS;
      const cpuNanoCores = isNew ? Math.round(((ticks - before.ticks) * NANOS_PER_TICK * 1000) / elapsedMs) : before.cpuNanoCores;
      if (isNew) samples.set(id, { at, ticks, cpuNanoCores });
      return { cpuNanoSeconds: ticks * NANOS_PER_TICK, cpuNanoCores, memoryBytes: pages * PAGE_BYTES };
    },
    forget: (id) => void samples.delete(id),
  };
}

/** The process, what descends from it, and what is in its group. Pure. */
export function membersOf(all: readonly ProcessStat[], pid: number): ProcessStat[] {
  const taken = new Set<number>();
  const members: ProcessStat[] = [];
  const take = (stat: ProcessStat) => {
    if (taken.has(stat.pid)) return;
    taken.add(stat.pid);
    members.push(stat);
  };
  for (const stat of all) if (stat.pid === pid || stat.group === pid) take(stat);
  const children = Map.groupBy(all, ({ parent }) => parent);
  // The list grows while it is walked.
  for (const { pid: parent } of members) for (const child of children.get(parent) ?? []) take(child);
  return members;
}
