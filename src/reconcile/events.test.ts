import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "#client/create-client.ts";
import { createVirtualClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/log.ts";
import { createEventRecorder } from "./events.ts";
import { Boat } from "./fake-server.ts";

function setup() {
  const clock = createVirtualClock();
  const written: Record<string, { count: number; message: string; [field: string]: unknown }> = {};
  let refusals = 0;
  let drawn = 0.5;
  const client = createClient(async (request) => {
    if (refusals-- > 0) throw new Error("connection refused");
    const body = JSON.parse(new TextDecoder().decode(request.body));
    const name = request.method === "POST" ? body.metadata.name : (request.path.split("/").at(-1) ?? "");
    written[name] = { ...written[name], ...body };
    return { status: 200, headers: {}, body: new TextEncoder().encode(JSON.stringify(written[name])) };
  });
  const recorder = createEventRecorder({
    client,
    clock,
    log: silentLogger,
    random: () => (drawn = (drawn + 0.001) % 1),
    component: "harbour",
  });
  const object = { metadata: { name: "ark", namespace: "sea", uid: "u" } };
  return {
    clock,
    recorder,
    event: (reason: string, message: string) => recorder.event({ resource: Boat, object }, "Normal", reason, message),
    written: () => Object.values(written),
    refuse: (count: number) => (refusals = count),
  };
}

test("an event carries what upstream's carry", async () => {
  const { recorder, event, written } = setup();
  event("Sailed", "off she goes");
  await recorder.flush();
  const [first] = written();
  assert.deepEqual(first?.["involvedObject"], { kind: "Boat", namespace: "sea", name: "ark", uid: "u", apiVersion: "sea.test/v1" });
  assert.deepEqual(
    [first?.count, first?.["type"], first?.["reason"], first?.["source"], first?.["reportingComponent"]],
    [1, "Normal", "Sailed", { component: "harbour" }, "harbour"],
  );
});

test("repeats are counted on the first", async () => {
  const { clock, recorder, event, written } = setup();
  for (let turn = 0; turn < 5; turn++) {
    event("Leaks", "a little");
    await clock.advance(1000);
  }
  await recorder.flush();
  assert.deepEqual(
    written().map(({ count }) => count),
    [5],
  );
  assert.notEqual(written()[0]?.["firstTimestamp"], written()[0]?.["lastTimestamp"]);
});

test("many messages of one sort become one event", async () => {
  const { clock, recorder, event, written } = setup();
  for (let turn = 0; turn < 20; turn++) {
    event("Leaks", `at plank ${turn}`);
    await clock.advance(10);
  }
  await recorder.flush();
  assert.equal(written().length, 10);
  assert.match(written().at(-1)?.message ?? "", /^\(combined from similar events\): at plank/);
  assert.equal(written().at(-1)?.count, 11);
});

test("a flood about one object is cut after 25, and a trickle comes through", async () => {
  const { clock, recorder, event, written } = setup();
  for (let turn = 0; turn < 100; turn++) event(`Reason${turn}`, "x");
  await recorder.flush();
  assert.equal(written().length, 25);
  await clock.advance(300_000);
  event("Later", "x");
  await recorder.flush();
  assert.equal(written().length, 26);
});

test("a server that is away is asked again; nobody waits for it", async () => {
  const { clock, event, written, refuse } = setup();
  refuse(3);
  event("Sailed", "x");
  await clock.advance(4_000);
  assert.equal(written().length, 0);
  await clock.advance(30_000);
  assert.equal(written().length, 1);
});
