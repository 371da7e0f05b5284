import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import type { Service } from "#kinds/api/core-v1.gen.ts";
import type { EndpointConditions, EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import { createVirtualClock } from "#lib/clock.ts";
import { createBalancer } from "./balancer.ts";
import { createListenerTable } from "./listener-table.ts";
import { type Backend, backendsOf, type Listener, planService } from "./plan.ts";
import { forwardUdp } from "./udp-forwarder.ts";

const service = (spec: object, labels?: Record<string, string>): Service => ({
  metadata: { name: "s", namespace: "a", ...(labels ? { labels } : {}) },
  spec: spec as never,
});
const slice = (endpoints: readonly (readonly [string, EndpointConditions])[], ports = [{ name: "http", port: 8080 }]): EndpointSlice => ({
  addressType: "IPv4",
  endpoints: endpoints.map(([ip, conditions]) => ({ addresses: [ip], conditions })),
  ports,
});
const http = { name: "http", port: 80 };
const ids = (listeners: readonly Listener[]) => listeners.map(({ id }) => id);

for (const [what, endpoints, expected] of [
  [
    "ready ones",
    [
      ["1", { ready: true }],
      ["2", { ready: false }],
    ],
    ["1"],
  ],
  ["unknown is ready", [["1", {}]], ["1"]],
  [
    "terminating ones only if there are no others",
    [
      ["1", { ready: false, serving: true, terminating: true }],
      ["2", { ready: false, serving: false, terminating: true }],
    ],
    ["1"],
  ],
  [
    "not when one is ready",
    [
      ["1", { ready: false, serving: true, terminating: true }],
      ["2", { ready: true }],
    ],
    ["2"],
  ],
] as const) {
  test(`backends: ${what}`, () =>
    assert.deepEqual(
      backendsOf(http, [slice(endpoints)]).map(({ ip }) => ip),
      expected,
    ));
}

test("backends have the port of the same name and protocol, each once", () => {
  const slices = [slice([["1", {}]]), slice([["1", {}]]), slice([["1", {}]], [{ name: "other", port: 9 }])];
  assert.deepEqual(backendsOf(http, slices), [{ ip: "1", port: 8080 }]);
  assert.deepEqual(backendsOf({ ...http, protocol: "UDP" }, slices), []);
});

test("listeners: cluster addresses, node ports, loopback external addresses; none for headless, external or foreign ones", () => {
  const options = { nodeAddresses: ["127.0.0.1"] };
  const plan = (spec: object, labels?: Record<string, string>) => ids(planService(service(spec, labels), [], options));
  const ports = [
    { ...http, nodePort: 30080 },
    { name: "dns", port: 53, protocol: "UDP" },
    { name: "x", port: 1, protocol: "SCTP" },
  ];
  assert.deepEqual(plan({ clusterIPs: ["127.9.0.1"], externalIPs: ["8.8.8.8", "127.5.0.1"], ports }), [
    "TCP/127.9.0.1:80",
    "TCP/127.5.0.1:80",
    "TCP/127.0.0.1:30080",
    "UDP/127.9.0.1:53",
    "UDP/127.5.0.1:53",
  ]);
  assert.deepEqual(plan({ clusterIP: "None", ports }), []);
  assert.deepEqual(plan({ type: "ExternalName", clusterIP: "127.9.0.1", ports }), []);
  assert.deepEqual(plan({ clusterIP: "127.9.0.1", ports }, { "service.kubernetes.io/service-proxy-name": "x" }), []);
  const sticky = planService(service({ clusterIP: "127.9.0.1", ports: [http], sessionAffinity: "ClientIP" }), [], options);
  assert.equal(sticky[0]?.affinityMs, 10_800_000);
});

test("the table: the Service created first has the address, and the next one gets it when it goes", () => {
  const table = createListenerTable();
  const listener = (owner: string, id = "x") => ({ id, service: owner }) as never as Listener;
  assert.deepEqual([...table.replace("a/young", "2026-02", [listener("a/young"), listener("a/young", "y")])], ["x", "y"]);
  assert.deepEqual([...table.replace("a/old", "2026-01", [listener("a/old")])], ["x"]);
  assert.equal(table.get("x")?.service, "a/old");
  assert.deepEqual([...table.replace("a/old", "", [])], ["x"]);
  assert.equal(table.get("x")?.service, "a/young");
  assert.deepEqual([...table.replace("a/young", "2026-02", [listener("a/young")])], ["x", "y"]);
  assert.equal(table.get("y"), undefined);
});

test("balancer: round robin; affinity until it is too long ago or the backend is gone", () => {
  const clock = createVirtualClock();
  const backends: Backend[] = [1, 2, 3].map((port) => ({ ip: "h", port }));
  const listener = (affinityMs: number, some = backends) => ({ backends: some, affinityMs }) as unknown as Listener;
  const balancer = createBalancer(clock, listener(0), () => 0);
  const first = (client = "c") => balancer.choose(client)[0]?.port;
  assert.deepEqual([first(), first(), first(), first()], [1, 2, 3, 1]);
  assert.equal(balancer.choose("c").length, 3);
  balancer.update(listener(1000));
  balancer.chosen("c", { ip: "h", port: 3 });
  assert.deepEqual([first(), first(), first()], [3, 3, 3]);
  balancer.update(listener(1000, backends.slice(0, 2)));
  assert.notEqual(first(), 3);
  assert.deepEqual([balancer.hasLeft("h:3"), balancer.hasLeft("h:1")], [true, false]);
  balancer.update(listener(1000, []));
  assert.equal(balancer.hasLeft("h:1"), false, "there is nowhere else to go");
});

test("UDP: a client keeps its flow, answers find it; a backend that goes ends its flows", { timeout: 10_000 }, async () => {
  const echo = async (name: string) => {
    const socket = createSocket("udp4");
    socket.on("message", (message, from) => socket.send(`${name} ${message}`, from.port, from.address));
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return { socket, backend: { ip: "127.0.0.1", port: socket.address().port } };
  };
  const [a, b] = [await echo("a"), await echo("b")];
  const probe = createSocket("udp4").bind(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  const clock = createVirtualClock();
  const listener = (backends: Backend[]) => ({ ip: "127.0.0.1", port, backends, affinityMs: 0 }) as never as Listener;
  const balancer = createBalancer(clock, listener([a.backend]), () => 0);
  const forwarder = forwardUdp({ ip: "127.0.0.1", port }, balancer, clock);
  await forwarder.listening;
  const client = createSocket("udp4");
  const ask = async (text: string) => {
    client.send(text, port, "127.0.0.1");
    return String((await once(client, "message"))[0]);
  };
  assert.equal(await ask("1"), "a 1");
  balancer.update(listener([a.backend, b.backend]));
  forwarder.backendsChanged([a.backend, b.backend]);
  for (const text of ["2", "3"]) assert.equal(await ask(text), `a ${text}`);
  balancer.update(listener([b.backend]));
  forwarder.backendsChanged([b.backend]);
  assert.equal(await ask("4"), "b 4");
  const taken = forwardUdp({ ip: "127.0.0.1", port }, balancer, clock);
  await assert.rejects(taken.listening, { code: "EADDRINUSE" });
  await taken.close(true);
  await forwarder.close(true);
  assert.equal(clock.nextTimerAt(), undefined);
  for (const socket of [client, a.socket, b.socket]) socket.close();
});
