// Upstream's scalability limits on one machine: 5,000 nodes and 150,000 pods, nodes simulated, store on disk. Minutes to an hour.

import { figure, type Measure } from "../figures.ts";
import { runChild } from "./child.ts";
import { describeRun, type SimulatedRun } from "./simulated.ts";

const LIMIT_SECONDS = 3600;

export const scale: Measure = async ({ quick, nodeArgs }) => {
  const [nodes, pods] = quick ? [500, 5000] : [5000, 150_000];
  const args = [String(nodes), String(pods), "--keep", "--limit", String(LIMIT_SECONDS)];
  const run = await runChild<SimulatedRun>("simulated-run.ts", args, ["--max-old-space-size=12288", ...nodeArgs]);
  return [
    figure(`${nodes} nodes ready`, run.nodesReadyMs / 1000, "s"),
    figure(`pods running of ${pods}`, run.running, "", `after ${(run.podsRunningMs / 1000).toFixed(0)} s; ${describeRun(run)}`),
    figure("resident memory", run.podsMb, "MB"),
    figure("API reads, p99", run.readP99, "ms", "aim 1,000; from when they should have been sent"),
    figure("API writes, p99", run.writeP99, "ms", "aim 1,000"),
    figure("pod start, p99", run.podStartP99, "ms", `aim 5,000; p50 ${run.podStartP50.toFixed(0)}`),
  ];
};
