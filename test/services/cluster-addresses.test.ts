// Cluster addresses on a whole API server: the objects that tell of them, clashes, restarts.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createMemoryStore } from "#store/memory-store.ts";
import { openSqliteStore } from "#store/sqlite-store.ts";
import { startBuiltinServer, type BuiltinServer } from "../harness/builtin-server.ts";

const SERVICES = "/api/v1/namespaces/default/services";
const ADDRESSES = "/apis/networking.k8s.io/v1/ipaddresses";
const RANGES = "/apis/networking.k8s.io/v1/servicecidrs";

interface ServiceAnswer {
  readonly spec: { readonly clusterIP: string; readonly ports: readonly { readonly nodePort: number }[] };
}
const specOf = (object: unknown) => (object as ServiceAnswer).spec;
const make = (api: BuiltinServer, name: string, spec: object = {}) =>
  api.call("POST", SERVICES, { metadata: { name }, spec: { ports: [{ port: 80 }], selector: { a: "b" }, ...spec } });

test("an address has an object of its own as long as the Service has it", async () => {
  await using api = await startBuiltinServer();
  const { object } = await make(api, "s");
  const ip = specOf(object).clusterIP;
  const { object: address } = await api.call("GET", `${ADDRESSES}/${ip}`);
  assert.deepEqual(address.metadata?.labels, {
    "ipaddress.kubernetes.io/ip-family": "IPv4",
    "ipaddress.kubernetes.io/managed-by": "ipallocator.k8s.io",
  });
  assert.deepEqual(address["spec"], { parentRef: { resource: "services", namespace: "default", name: "s", group: "" } });
  await api.call("DELETE", `${SERVICES}/s`);
  await api.until(`${ADDRESSES}/${ip}`, ({ status }) => status === 404);
  const again = await make(api, "t", { clusterIP: ip });
  assert.equal(again.status, 201);
});

test("an address whose object somebody else made is taken", async () => {
  await using api = await startBuiltinServer();
  const made = await api.call("POST", ADDRESSES, {
    metadata: { name: "10.96.0.77" },
    spec: { parentRef: { resource: "things", group: "example.com", name: "x" } },
  });
  assert.equal(made.status, 201);
  const { status, object } = await make(api, "s", { clusterIP: "10.96.0.77" });
  assert.equal(status, 422);
  assert.match(object.message ?? "", /failed to allocate IP 10\.96\.0\.77: provided IP is already allocated/);
});

test("a refused or dry write leaves no address behind", async () => {
  await using api = await startBuiltinServer();
  assert.equal((await make(api, "s", { clusterIP: "10.96.0.78", sessionAffinity: "Bad" })).status, 422);
  const dry = await api.call("POST", `${SERVICES}?dryRun=All`, {
    metadata: { name: "s" },
    spec: { ports: [{ port: 80 }], clusterIP: "10.96.0.79" },
  });
  assert.equal(dry.status, 201);
  const taken = await make(api, "t", { clusterIP: "10.96.0.78" });
  assert.equal(taken.status, 201);
  const { object } = await api.call("GET", ADDRESSES);
  assert.deepEqual(
    object.items?.map(({ metadata }) => metadata?.name),
    ["10.96.0.78"],
  );
});

test("two servers on one store give 200 Services 200 addresses and node ports of their own", async () => {
  const store = createMemoryStore();
  await using one = await startBuiltinServer({ store });
  await using two = await startBuiltinServer({ store });
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, index) => make(index % 2 === 0 ? one : two, `s${index}`, index % 2 === 0 ? { type: "NodePort" } : {})),
  );
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [201]);
  assert.equal(new Set(answers.map(({ object }) => specOf(object).clusterIP)).size, 200);
  assert.equal(new Set(answers.flatMap(({ object }) => specOf(object).ports[0]?.nodePort ?? [])).size, 100);
  const { object } = await two.call("GET", ADDRESSES);
  assert.equal(object.items?.length, 200);
});

test("what was given is still taken when the store is opened again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kobune-addresses-"));
  try {
    const path = join(folder, "store.db");
    let before: ServiceAnswer["spec"];
    {
      const store = await openSqliteStore({ path });
      await using api = await startBuiltinServer({ store });
      before = specOf((await make(api, "s", { type: "NodePort" })).object);
      await store.close();
    }
    const store = await openSqliteStore({ path });
    await using api = await startBuiltinServer({ store });
    const ip = await make(api, "t", { clusterIP: before.clusterIP });
    assert.match(ip.object.message ?? "", /provided IP is already allocated/);
    const port = await make(api, "t", { type: "NodePort", ports: [{ port: 80, nodePort: before.ports[0]?.nodePort }] });
    assert.match(port.object.message ?? "", /provided port is already allocated/);
    await store.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("a range that is added while the server runs is given from", async () => {
  await using api = await startBuiltinServer();
  await api.until(`${RANGES}/kubernetes`, ({ status }) => status === 200);
  const outside = await make(api, "s", { clusterIP: "10.200.0.5" });
  assert.match(outside.object.message ?? "", /failed to allocate IP 10\.200\.0\.5: the provided network does not match the current range/);
  const made = await api.call("POST", RANGES, { metadata: { name: "more" }, spec: { cidrs: ["10.200.0.0/24"] } });
  assert.equal(made.status, 201);
  assert.equal((await make(api, "s", { clusterIP: "10.200.0.5" })).status, 201);
});
