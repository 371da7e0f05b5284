// The data directory's record of the process that serves it. A killed process leaves a stale one: the process's start
// time tells, so that a reused pid is not taken for ours.

import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface RunRecord {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat, where there is a /proc; else "". */
  readonly processStart: string;
  readonly url: string;
  readonly version: string;
  readonly nodes: number;
  readonly runtime: string;
  readonly store: string;
  readonly kubeconfig: string;
  readonly context: string;
  /** RFC 3339. */
  readonly startedAt: string;
}

const pathOf = (dataDir: string) => join(dataDir, "run.json");

/** Empty if there is no such process, it is only waiting to be reaped, or there is no /proc. */
export function processStart(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command in field 2 may hold spaces: count from its closing parenthesis. Field 3 is the state.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? "" : (fields[19] ?? "");
  } catch {
    return "";
  }
}

function isAlive(record: Pick<RunRecord, "pid" | "processStart">): boolean {
  try {
    process.kill(record.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  return processStart(record.pid) === record.processStart;
}

/** The record of the live process on this data directory; undefined if none runs. */
export function readRunRecord(dataDir: string): RunRecord | undefined {
  let record: RunRecord;
  try {
    record = JSON.parse(readFileSync(pathOf(dataDir), "utf8")) as RunRecord;
  } catch {
    return undefined;
  }
  return typeof record.pid === "number" && isAlive(record) ? record : undefined;
}

export function isSameProcessAlive(record: RunRecord): boolean {
  return isAlive(record);
}

export function writeRunRecord(dataDir: string, record: RunRecord): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const temporary = `${pathOf(dataDir)}.${record.pid}`;
  writeFileSync(temporary, `${JSON.stringify(record, undefined, 2)}\n`, { mode: 0o600 });
  renameSync(temporary, pathOf(dataDir));
}

export function removeRunRecord(dataDir: string): void {
  rmSync(pathOf(dataDir), { force: true });
}
