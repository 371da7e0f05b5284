// A thousand watchers of one namespace, each told of every change.

import { startBenchCluster, underLoad } from "../cluster.ts";
import { describeLoad, figure, type Measure } from "../figures.ts";
import { lines, percentile, perSecond, runLoad } from "../load.ts";
import { connectHttp2 } from "../raw-http2.ts";
import { makeNamespace } from "./requests.ts";

const WATCHERS = 1000;
const CONNECTIONS = 20;
const WRITERS = 4;
const CONFIG_MAPS = "/api/v1/namespaces/bench/configmaps";
/** Changes a second: each is a hundred thousand events. */
const RATE = 50;
const CONFIG_MAP = JSON.stringify({ metadata: { name: "w-%c" }, data: { at: "%t" } });

export const watchers: Measure = async ({ quick, nodeArgs }) => {
  const changes = quick ? 100 : 1000;
  await using cluster = await startBenchCluster({ nodeArgs });
  const { endpoint } = cluster;
  await makeNamespace(endpoint);
  const job = { endpoint, protocol: "h2", connections: 1, clients: WRITERS } as const;
  await runLoad({ ...job, method: "POST", path: CONFIG_MAPS, body: CONFIG_MAP.replace("%c", "%n"), expect: 201, total: WRITERS });

  let events = 0;
  let counted = false;
  const lags = new Float64Array(WATCHERS * changes * 2);
  const marker = Buffer.from('"at":"');
  const look = (line: Buffer) => {
    if (counted) {
      const at = line.indexOf(marker) + marker.length;
      lags[events] = performance.timeOrigin + performance.now() - Number(line.toString("latin1", at, line.indexOf(34, at)));
    }
    events++;
  };
  let done = false;
  const onEnd = (status: number) => {
    if (!done) throw new Error(`a watch ended: ${status}`);
  };
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => connectHttp2(endpoint)));
  for (let index = 0; index < WATCHERS; index++) {
    connections[index % CONNECTIONS]?.send({ method: "GET", path: `${CONFIG_MAPS}?watch=1&resourceVersion=0` }, onEnd, lines(look));
  }
  await until(() => events >= WATCHERS * WRITERS);
  events = 0;
  counted = true;
  const start = performance.now();
  const { load } = await underLoad(cluster.pid, async () => {
    const { count } = await runLoad({
      ...job,
      method: "PUT",
      path: `${CONFIG_MAPS}/w-%c`,
      body: CONFIG_MAP,
      expect: 200,
      seconds: changes / RATE,
      rate: RATE,
    });
    await until(() => events >= count * WATCHERS);
  });
  done = true;
  for (const connection of connections) connection.close();
  const seen = lags.subarray(0, events);
  const of = `watch, 1,000 watchers, ${Math.round(events / WATCHERS).toLocaleString("en")} events each`;
  return [
    figure(`${of}: events`, perSecond(events, performance.now() - start), "/s", describeLoad(load)),
    figure(`${of}: p99 lag`, percentile(seen, 0.99), "ms", `p50 ${percentile(seen, 0.5).toFixed(1)} ms`),
  ];
};

async function until(condition: () => boolean, limitMs = 60_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("it did not come to an end in time");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
