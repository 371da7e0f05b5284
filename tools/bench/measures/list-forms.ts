// Lists of pods in the forms that typed clients, controllers and kubectl ask for. JSON is measured beside them in requests.ts.

import { startBenchCluster, underLoad } from "../cluster.ts";
import { describeLoad, figure, type Figure, type Measure } from "../figures.ts";
import { median, runLoad } from "../load.ts";
import { connectHttp2 } from "../raw-http2.ts";
import { makeNamespace, pod } from "./requests.ts";

const PROTOBUF = "application/vnd.kubernetes.protobuf";
const RUNS = 7;

/** The first list of a form is the figure of its own: later ones find messages that are kept. */
export const listForms: Measure = async ({ quick, nodeArgs }) => {
  const count = quick ? 1000 : 10_000;
  await using cluster = await startBenchCluster({ nodeArgs });
  const { endpoint } = cluster;
  await makeNamespace(endpoint);
  await runLoad({
    endpoint,
    protocol: "h2",
    connections: 8,
    clients: 64,
    method: "POST",
    path: "/api/v1/namespaces/bench/pods",
    body: pod("p-%n", { schedulerName: "none" }),
    expect: 201,
    total: count,
  });
  const connection = await connectHttp2(endpoint);
  const figures: Figure[] = [];
  for (const [name, accept] of [
    ["protobuf", PROTOBUF],
    ["metadata in protobuf", `${PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1`],
    ["Table", "application/json;as=Table;v=v1;g=meta.k8s.io"],
  ] as const) {
    const times: number[] = [];
    let bytes = 0;
    const { load } = await underLoad(cluster.pid, async () => {
      for (let run = 0; run < RUNS; run++) {
        const start = performance.now();
        const status = await new Promise<number>((resolve) => {
          connection.send({ method: "GET", path: "/api/v1/pods", accept }, (code, length) => {
            bytes = length;
            resolve(code);
          });
        });
        if (status !== 200) throw new Error(`LIST as ${name}: ${status}`);
        times.push(performance.now() - start);
      }
    });
    const title = `LIST of ${count.toLocaleString("en")} pods, ${name}`;
    figures.push(figure(`${title}: first`, times[0] ?? 0, "ms"));
    figures.push(figure(title, median(times), "ms", `best ${Math.min(...times).toFixed(0)} ms of ${RUNS}; ${describeLoad(load)}`));
    figures.push(figure(`${title}: size`, bytes / 1e6, "MB"));
  }
  connection.close();
  return figures;
};
