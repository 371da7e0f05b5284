// A virtual day of a busy cluster: how long it takes, and whether a second one with the same seed has the same history.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { figure, type Measure } from "../figures.ts";
import { runChild } from "./child.ts";

interface Day {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly startSeconds: number;
  readonly events: number;
  readonly digest: string;
  readonly pods: number;
  readonly megabytes: number;
}

/** Real time a virtual day may take. */
const MARK_SECONDS = 20;

export const virtualDay: Measure = async ({ quick, nodeArgs }) => {
  const folder = mkdtempSync(join(tmpdir(), "kobune-bench-"));
  const hours = quick ? 1 : 24;
  try {
    const run = () => runChild<Day>("virtual-day-run.ts", [folder, String(hours)], nodeArgs);
    const first = await run();
    const second = await run();
    const same = first.digest === second.digest;
    if (!same) process.exitCode = 1;
    const best = first.seconds < second.seconds ? first : second;
    const note = `aim ${MARK_SECONDS} for 24 h; processor ${best.cpuSeconds.toFixed(1)} s; ${best.pods} pods, ${best.megabytes.toFixed(0)} MB at the end`;
    return [
      figure(`${hours} virtual hours, 50 nodes, 200 Deployments, 20 CronJobs`, best.seconds, "s", note),
      figure("start of that cluster", best.startSeconds, "s"),
      figure("events of its history", first.events, "", same ? "the second run's are the same, byte for byte" : "THE SECOND RUN'S DIFFER"),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
