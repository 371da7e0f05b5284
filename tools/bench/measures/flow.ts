// What flows through a cluster: events to watchers, pods through the scheduler onto nodes.

import { startBenchCluster, underLoad } from "../cluster.ts";
import { describeLoad, figure, type Figure, type Measure } from "../figures.ts";
import { lines, percentile, perSecond, runLoad } from "../load.ts";
import { connectHttp2, type Endpoint } from "../raw-http2.ts";
import { configMap, makeNamespace, pod } from "./requests.ts";

const WATCHERS = 100;
const WATCH_CONNECTIONS = 10;
const CONFIG_MAPS = "/api/v1/namespaces/bench/configmaps";
const WRITERS = 16;

export const watch: Measure = async ({ quick, nodeArgs }) => {
  const seconds = quick ? 2 : 6;
  await using cluster = await startBenchCluster({ nodeArgs });
  const { endpoint } = cluster;
  await makeNamespace(endpoint);
  const job = { endpoint, protocol: "h2", connections: 2, clients: WRITERS } as const;
  await runLoad({ ...job, method: "POST", path: CONFIG_MAPS, body: configMap("w-%n"), expect: 201, total: WRITERS });

  let events = 0;
  let lags: number[] = [];
  const marker = Buffer.from('"at":"');
  const look = (line: Buffer) => {
    events++;
    const at = line.indexOf(marker) + marker.length;
    const sent = Number(line.toString("latin1", at, line.indexOf(34, at)));
    lags.push(performance.timeOrigin + performance.now() - sent);
  };
  const connections = await Promise.all(Array.from({ length: WATCH_CONNECTIONS }, () => connectHttp2(endpoint)));
  for (let index = 0; index < WATCHERS; index++) {
    const onEnd = (status: number) => {
      if (!done) throw new Error(`a watch ended: ${status}`);
    };
    connections[index % WATCH_CONNECTIONS]?.send({ method: "GET", path: `${CONFIG_MAPS}?watch=1&resourceVersion=0` }, onEnd, lines(look));
  }
  let done = false;
  // Each watch begins with what is there already.
  await until(() => events >= WATCHERS * WRITERS);

  const figures: Figure[] = [];
  for (const rate of [100, undefined]) {
    events = 0;
    lags = [];
    const start = performance.now();
    const { load } = await underLoad(cluster.pid, async () => {
      const update = { method: "PUT", path: `${CONFIG_MAPS}/w-%c`, body: configMap("w-%c"), expect: 200, seconds } as const;
      const { count } = await runLoad({ ...job, ...update, ...(rate === undefined ? {} : { rate }) });
      await until(() => events >= count * WATCHERS);
    });
    const name = rate === undefined ? "as many updates as it takes" : `${rate} updates/s`;
    const note = `lag p50 ${percentile(lags, 0.5).toFixed(1)} ms; ${describeLoad(load)}`;
    figures.push(figure(`watch, 100 watchers, ${name}: events`, perSecond(events, performance.now() - start), "/s", note));
    figures.push(figure(`watch, 100 watchers, ${name}: p99 lag`, percentile(lags, 0.99), "ms"));
  }
  done = true;
  for (const connection of connections) connection.close();
  return figures;
};

export const scheduling: Measure = async ({ quick, nodeArgs }) => {
  const [count, nodes] = quick ? [200, 10] : [1000, 50];
  await using cluster = await startBenchCluster({ nodeArgs, args: ["--runtime", "simulated", "--nodes", String(nodes)] });
  const { endpoint } = cluster;
  await makeNamespace(endpoint);
  const path = "/api/v1/namespaces/bench/pods";
  const bound = new Set<string>();
  const running = new Set<string>();
  let boundAt = 0;
  const connection = await watchPods(endpoint, path, (name, node, phase) => {
    if (node !== undefined && bound.size < count && bound.add(name).size === count) boundAt = performance.now();
    if (phase === "Running") running.add(name);
  });
  const start = performance.now();
  let createdAt = 0;
  const { load } = await underLoad(cluster.pid, async () => {
    await runLoad({
      endpoint,
      protocol: "h2",
      connections: 2,
      clients: 16,
      method: "POST",
      path,
      body: pod("p-%n"),
      expect: 201,
      total: count,
    });
    createdAt = performance.now();
    await until(() => running.size === count, 120_000);
  });
  const runningAt = performance.now();
  connection.close();
  const of = `${count.toLocaleString("en")} pods, ${nodes} simulated nodes`;
  return [
    figure(`${of}: created`, perSecond(count, createdAt - start), "pods/s"),
    figure(`${of}: scheduled`, perSecond(count, boundAt - start), "pods/s", "from the first create to the last binding"),
    figure(
      `${of}: running`,
      perSecond(count, runningAt - start),
      "pods/s",
      `from the first create to the last status; ${describeLoad(load)}`,
    ),
    figure(`${of}: all running`, runningAt - start, "ms"),
  ];
};

async function watchPods(
  endpoint: Endpoint,
  path: string,
  see: (name: string, node: string | undefined, phase: string | undefined) => void,
) {
  const connection = await connectHttp2(endpoint);
  const look = lines((line) => {
    const { object } = JSON.parse(line.toString()) as {
      object: { metadata: { name: string }; spec: { nodeName?: string }; status?: { phase?: string } };
    };
    see(object.metadata.name, object.spec.nodeName, object.status?.phase);
  });
  connection.send({ method: "GET", path: `${path}?watch=1` }, () => {}, look);
  return connection;
}

async function until(condition: () => boolean, limitMs = 30_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("it did not come to an end in time");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
