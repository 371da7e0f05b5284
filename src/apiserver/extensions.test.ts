import assert from "node:assert/strict";
import { test } from "node:test";
import type { KindDefinition } from "#meta/kind.ts";
import type { ServerExtension } from "./extension.ts";
import { boats, startTestServer } from "./test-server.ts";

const BOATS = "/apis/sea.example/v1/namespaces/bay/boats";

test("an extension serves a subresource and a path, sees writes in admission, and takes and gives back what there is one of", async () => {
  const berths = new Set<number>();
  const extension: ServerExtension = {
    name: "harbour",
    start: ({ registry }) =>
      Promise.resolve({
        handlers: [
          {
            resource: boats.resource,
            subresource: "honk",
            handle: async ({ info, body }) => {
              const boat = await registry.get(boats.resource, `${info.namespace}/${info.name}`);
              return { object: { kind: "Honk", apiVersion: "v1", ...(await body()), metadata: { name: boat?.metadata?.name ?? "" } } };
            },
          },
        ],
        paths: { "/harbour": () => Promise.resolve({ status: 200, headers: { "content-type": "text/plain" }, body: Buffer.from("calm") }) },
        admission: [
          {
            name: "Painter",
            handles: (operation, resource) => operation === "CREATE" && resource.plural === "boats",
            mutate: ({ object, warn }) => {
              Object.assign(object ?? {}, { spec: { color: "blue" } });
              warn("painted");
            },
          },
        ],
        allocators: [
          {
            resource: boats.resource,
            allocate: () => {
              const berth = berths.size;
              berths.add(berth);
              const rollback = () => void berths.delete(berth);
              return Promise.resolve({ commit: () => undefined, rollback });
            },
            release: () => berths.clear(),
          },
        ],
      }),
  };
  const honking: KindDefinition = {
    ...(boats as unknown as KindDefinition), // a definition's hooks only ever see objects of its kind
    subresources: [...boats.subresources, { name: "honk", kind: "Honk", verbs: ["create"] }],
  };
  await using api = await startTestServer({ kinds: [honking], extensions: [extension] });
  const created = await api.call("POST", BOATS, { metadata: { name: "a" } });
  assert.deepEqual(created.json["spec"], { color: "blue" });
  assert.equal(created.headers["warning"], '299 - "painted"');
  assert.equal(berths.size, 1);
  assert.equal((await api.call("POST", BOATS, { metadata: { name: "a" } })).status, 409);
  assert.equal((await api.call("POST", `${BOATS}?dryRun=All`, { metadata: { name: "b" } })).status, 201);
  assert.equal(berths.size, 1);
  const honk = await api.call("POST", `${BOATS}/a/honk`, { loud: true });
  assert.deepEqual([honk.status, honk.json], [201, { kind: "Honk", apiVersion: "sea.example/v1", loud: true, metadata: { name: "a" } }]);
  assert.equal((await api.call("GET", `${BOATS}/a/honk`)).status, 405);
  assert.equal((await api.call("GET", "/harbour")).text, "calm");
  await api.call("DELETE", `${BOATS}/a`);
  assert.equal(berths.size, 0);
});

test("the registry's cache follows the store, and its update may set everything", async () => {
  await using api = await startTestServer();
  const { registry } = api.server;
  const cache = registry.cache(boats.resource);
  await cache.ready;
  const seen: string[] = [];
  using _subscription = cache.subscribe(({ before, after }) => {
    seen.push(`${before?.status?.phase ?? "-"}>${after?.status?.phase ?? "-"}`);
  });
  await registry.create(boats.resource, { metadata: { name: "a", namespace: "bay" } });
  await registry.update(boats.resource, "bay/a", (boat) => {
    boat.status = { phase: "Sailing" };
  });
  assert.equal(cache.get("bay/a")?.status?.phase, "Sailing");
  assert.equal(cache.list("bay").length, 1);
  assert.equal(cache.list("lake").length, 0);
  await registry.delete(boats.resource, "bay/a");
  await registry.delete(boats.resource, "bay/a");
  assert.equal(cache.get("bay/a"), undefined);
  assert.deepEqual(seen, ["->Docked", "Docked>Sailing", "Sailing>-"]);
});

test("stopping the server ends its watches", async () => {
  await using api = await startTestServer();
  const watch = api.watch(`${BOATS}?watch=1&resourceVersion=1`);
  const ended = watch.next();
  await new Promise((resolve) => setImmediate(resolve));
  await api.server.stop();
  assert.equal(await ended, undefined);
});
