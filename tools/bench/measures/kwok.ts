// What kwok's CI holds itself to: so many simulated nodes ready, pods running, pods deleted, within so much time. Store on disk.

import { figure, type Measure } from "../figures.ts";
import { runChild } from "./child.ts";
import { describeRun, type SimulatedRun } from "./simulated.ts";

export const kwok: Measure = async ({ quick, nodeArgs }) => {
  const [nodes, pods] = quick ? [500, 1000] : [5000, 10_000];
  const run = await runChild<SimulatedRun>("simulated-run.ts", [String(nodes), String(pods)], nodeArgs);
  return [
    figure(`${nodes} nodes ready`, run.nodesReadyMs / 1000, "s", `aim 60 for 5,000; ${describeRun(run)}`),
    figure(`${pods} pods running`, run.podsRunningMs / 1000, "s", `aim 60 for 10,000; ${run.running} did`),
    figure(`${pods} pods deleted`, (run.deletedMs ?? NaN) / 1000, "s", "aim 90 for 10,000"),
  ];
};
