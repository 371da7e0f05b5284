// Run by side-by-side.test.ts in a process of its own: ten clusters at once, each with a pod, all stopped again. Prints what
// it saw as JSON and ends by itself, if nothing holds the process.

import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { Pod, ConfigMap } from "#kinds/api/core-v1.gen.ts";
import { startCluster } from "#main/cluster.ts";

const mark = process.argv[2] ?? "";
const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith("kobune-"));

const clusters = await Promise.all(Array.from({ length: 10 }, () => startCluster()));
const seen = await Promise.all(
  clusters.map(async ({ client, url }, index) => {
    await client.create(ConfigMap, { metadata: { name: `only-in-${index}`, namespace: "default" } });
    const command = ["sh", "-c", `while :; do sleep 0.1; : ${mark}; done`];
    const spec = { containers: [{ name: "a", image: "busybox:1", command }] };
    await client.create(Pod, { metadata: { name: "runner", namespace: "default" }, spec });
    for await (const event of client.watch(Pod, { namespace: "default", signal: AbortSignal.timeout(30_000) }))
      if (event.type !== "BOOKMARK" && event.object.status?.phase === "Running") break;
    const { items } = await client.list(ConfigMap, { namespace: "default" });
    return { url, maps: items.map(({ metadata }) => metadata?.name) };
  }),
);
const during = folders().length;
const memory = process.memoryUsage().rss;
await Promise.all(clusters.map((cluster) => cluster.stop()));
await clusters[0]?.stop(); // a second time does nothing
process.stdout.write(JSON.stringify({ seen, during, after: folders().length, memory }));
