// Two builds against each other: `node tools/bench/compare.ts CHECKOUT CHECKOUT [rounds]`. Both run at once and get load in turns of a second,
// so that a machine that is slower now and faster then is so for both. Figures are requests per second of the main thread's processor time.

import { mainThreadMsOf, startBenchCluster, type BenchCluster } from "./cluster.ts";
import { ask, median, runLoad } from "./load.ts";
import type { LoadJob } from "./load-worker.ts";
import { configMap, makeNamespace, pod } from "./measures/requests.ts";

const [before = ".", after = ".", rounds = "12"] = process.argv.slice(2);
const PODS = "/api/v1/namespaces/bench/pods";
const MAPS = "/api/v1/namespaces/bench/configmaps";

await using first = await startBenchCluster({ root: before });
await using second = await startBenchCluster({ root: after });
for (const { endpoint } of [first, second]) {
  await makeNamespace(endpoint);
  await ask(endpoint, { method: "POST", path: PODS, body: pod("one", { schedulerName: "none" }) });
}

let run = 0;
const jobs: Readonly<Record<string, () => Pick<LoadJob, "method" | "path" | "expect"> & Partial<LoadJob>>> = {
  "GET HTTP/2": () => ({ method: "GET", path: `${PODS}/one`, expect: 200 }),
  "GET HTTP/1.1": () => ({ method: "GET", path: `${PODS}/one`, expect: 200, protocol: "h1", connections: 64 }),
  create: () => ({ method: "POST", path: MAPS, body: configMap(`m-${run++}-%n`), expect: 201 }),
};
for (const [name, job] of Object.entries(jobs)) {
  const rate = async ({ endpoint, pid }: BenchCluster) => {
    const from = mainThreadMsOf(pid);
    const { count } = await runLoad({ endpoint, protocol: "h2", connections: 8, clients: 64, seconds: 1, ...job() });
    return (1000 * count) / (mainThreadMsOf(pid) - from);
  };
  const rates: [number[], number[]] = [[], []];
  for (let round = -2; round < Number(rounds); round++) {
    // Whoever comes second finds a warmer client: they take turns.
    const order = round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const);
    for (const at of order) {
      const value = await rate(at === 0 ? first : second);
      if (round >= 0) rates[at].push(value); // the first rounds warm up
    }
  }
  const ratios = rates[0].map((value, index) => (rates[1][index] ?? NaN) / value);
  const [a, b] = rates.map((values) => Math.round(median(values)));
  console.log(
    `${name.padEnd(14)} before ${a}/s a core, after ${b}/s a core; after / before ${median(ratios).toFixed(3)} (median of ${ratios.length})`,
  );
}
