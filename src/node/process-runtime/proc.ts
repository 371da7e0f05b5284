// What /proc tells of processes. Where there is no /proc (macOS) the answers are "unknown" and callers do without.

import { readdir, readFile } from "node:fs/promises";

export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** User and system time, with that of ended children, in clock ticks (100 a second on every Linux that Node runs on). */
  readonly cpuTicks: number;
  /** Ticks since boot; with the pid it identifies a process for good. */
  readonly startTime: number;
  readonly rssPages: number;
}

export const TICKS_PER_SECOND = 100;
export const PAGE_BYTES = 4096;

/** Undefined if there is no such process, or no /proc. */
export async function processStat(pid: number): Promise<ProcessStat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  // The name in parentheses may hold anything, so fields are counted from its end.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const number = (index: number) => Number(fields[index] ?? 0);
  const cpuTicks = number(11) + number(12) + number(13) + number(14);
  return { pid, parent: number(1), group: number(2), cpuTicks, startTime: number(19), rssPages: number(21) };
}

async function processIds(): Promise<number[]> {
  return (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** Processes whose environment holds `NAME=value`, exactly. They keep it whatever group or session they move to. */
export async function processesWithEnv(name: string, value: string): Promise<number[]> {
  const wanted = `\0${name}=${value}\0`;
  const found: number[] = [];
  for (const pid of await processIds()) {
    const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
    if (`\0${environment}\0`.includes(wanted)) found.push(pid);
  }
  return found;
}

/** Every process that can be seen. */
export async function allProcesses(): Promise<ProcessStat[]> {
  const stats = await Promise.all((await processIds()).map(processStat));
  return stats.filter((stat) => stat !== undefined);
}

/** Sends a signal; false if there is no such process (or group, for a negative id). */
export function sendSignal(pid: number, signal: NodeJS.Signals | number): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}
