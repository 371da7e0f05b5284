// One virtual day in this process. Prints a line of JSON. `node tools/bench/virtual-day-run.ts FOLDER HOURS`: FOLDER has the certificates of the cluster.

import { createHistoryDigest, startVirtualCluster } from "./virtual-day-cluster.ts";

const [folder = "", hours = "24"] = process.argv.slice(2);
const HOUR_MS = 3_600_000;
const AUTOSCALERS = 10;

const history = createHistoryDigest();
const began = performance.now();
const size = { seed: 7, nodes: 50, deployments: 200, cronJobs: 20, autoscalers: AUTOSCALERS, folder };
const cluster = await startVirtualCluster(size, history.add);
const startSeconds = (performance.now() - began) / 1000;
const cpu = process.cpuUsage();
const start = performance.now();
await cluster.pass(Number(hours) * HOUR_MS);
const seconds = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage(cpu);
console.log(
  JSON.stringify({
    seconds,
    cpuSeconds: (user + system) / 1e6,
    startSeconds,
    events: history.count(),
    digest: history.digest(),
    pods: await cluster.pods(),
    megabytes: process.memoryUsage.rss() / 1e6,
  }),
);
process.exit(0);
