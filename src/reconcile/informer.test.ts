import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "#client/create-client.ts";
import { createVirtualClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/log.ts";
import { Boat, createFakeServer } from "./fake-server.ts";
import { createInformer, type Informer } from "./informer.ts";
import type { AnyObject } from "#meta/object.ts";

function setup() {
  const server = createFakeServer();
  const clock = createVirtualClock();
  const client = createClient(server.transport);
  const start = () => createInformer(Boat, { client, clock, log: silentLogger, random: () => 0, freeze: true });
  return { server, clock, start };
}

const names = (informer: Informer<AnyObject>) =>
  informer
    .list()
    .map((boat) => boat.metadata?.name)
    .toSorted();

test("lists, then follows changes; subscribers see what is there and what comes, in order", async () => {
  const { server, clock, start } = setup();
  server.put("ark");
  await using informer = start();
  assert.equal(informer.hasSynced, false);
  await informer.synced;
  const seen: string[] = [];
  using _subscription = informer.subscribe(({ before, after, initial }) => {
    seen.push(`${before?.metadata?.name ?? "-"}>${after?.metadata?.name ?? "-"}${initial ? " initial" : ""}`);
  });
  server.put("beagle", { name: "ビーグル" });
  server.put("ark", { sails: 2 });
  server.remove("beagle");
  await clock.advance(0);
  assert.deepEqual(seen, ["->ark initial", "->beagle", "ark>ark", "beagle>-"]);
  assert.deepEqual(names(informer), ["ark"]);
  assert.equal(informer.get("sea/ark")?.["sails"], 2);
});

test("cached objects are frozen and without managedFields", async () => {
  const { server, start } = setup();
  server.put("ark", { metadata: { managedFields: [{ manager: "noah" }], labels: { animals: "all" } } });
  await using informer = start();
  await informer.synced;
  const ark = informer.get("sea/ark");
  assert.equal(ark?.metadata?.managedFields, undefined);
  assert.throws(() => Object.assign(ark?.metadata?.labels ?? {}, { animals: "none" }), TypeError);
});

test("a watch that ends goes on from the last version, bookmarks included", async () => {
  const { server, clock, start } = setup();
  await using informer = start();
  await clock.advance(0);
  server.put("ark");
  server.bookmark();
  await clock.advance(2000);
  assert.equal(informer.revision, 102);
  server.cut();
  await clock.advance(0);
  server.put("beagle");
  await clock.advance(0);
  assert.deepEqual(server.requests, ["list", "watch@100", "watch@102"]);
  assert.deepEqual(names(informer), ["ark", "beagle"]);
});

test("a version that is gone leads to a new list, whose differences are told", async () => {
  const { server, clock, start } = setup();
  server.put("ark");
  server.put("beagle");
  await using informer = start();
  await informer.synced;
  const seen: string[] = [];
  using _subscription = informer.subscribe(({ before, after, initial }) => {
    if (!initial) seen.push(`${before?.metadata?.name ?? "-"}>${after?.metadata?.name ?? "-"}`);
  });
  await clock.advance(2000);
  const held = server.hold();
  server.remove("ark");
  server.put("canoe");
  server.forget();
  server.cut();
  held.release();
  await clock.advance(5000);
  assert.deepEqual(names(informer), ["beagle", "canoe"]);
  assert.deepEqual(seen, ["ark>-", "->canoe"]);
});

test("a server that is away is asked again with growing delays", async () => {
  const { server, clock, start } = setup();
  server.refuse(4);
  await using informer = start();
  await clock.advance(0);
  const at: number[] = [];
  const startedAt = clock.now();
  for (let known = server.requests.length; server.requests.length < 5;) {
    await clock.advance(100);
    if (server.requests.length > known) at.push(clock.now() - startedAt);
    known = server.requests.length;
  }
  assert.deepEqual(at, [800, 2400, 5600, 12_000]);
  await informer.synced;
});

test("a watch that ends at once is not repeated in a busy loop", async () => {
  const { server, clock, start } = setup();
  await using informer = start();
  await informer.synced;
  for (let turn = 0; turn < 10; turn++) {
    server.cut();
    await clock.advance(10);
  }
  assert.ok(server.requests.length <= 3, server.requests.join(" "));
});

test("indexes and namespaces follow changes", async () => {
  const { server, clock, start } = setup();
  server.put("ark", { port: "ararat" });
  await using informer = start();
  await informer.synced;
  informer.addIndex("port", (boat) => [String(boat["port"])]);
  assert.equal(informer.byIndex("port", "ararat").length, 1);
  server.put("ark", { port: "kobe" });
  await clock.advance(0);
  assert.equal(informer.byIndex("port", "ararat").length, 0);
  assert.equal(informer.byIndex("port", "kobe").length, 1);
  assert.equal(informer.list({ namespace: "sea" }).length, 1);
  assert.equal(informer.list({ namespace: "lake" }).length, 0);
  server.remove("ark");
  await clock.advance(0);
  assert.equal(informer.byIndex("port", "kobe").length, 0);
  assert.equal(informer.list({ namespace: "sea" }).length, 0);
});

test("until resolves when the condition comes true, and when it is given up", async () => {
  const { server, clock, start } = setup();
  await using informer = start();
  await informer.synced;
  let held = false;
  const waiting = informer.until(() => informer.revision >= 101).then(() => (held = true));
  await clock.advance(0);
  assert.equal(held, false);
  server.put("ark");
  await waiting;
  const stop = new AbortController();
  const given = informer.until(() => false, stop.signal);
  stop.abort();
  await given;
});

test("disposing ends the watch and leaves no timer", async () => {
  const { server, clock, start } = setup();
  const informer = start();
  await informer.synced;
  await informer[Symbol.asyncDispose]();
  server.put("ark");
  await clock.advance(60_000);
  assert.equal(informer.list().length, 0);
  assert.equal(clock.nextTimerAt(), undefined);
});
