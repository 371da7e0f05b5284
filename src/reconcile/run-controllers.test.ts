import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "#client/create-client.ts";
import { createVirtualClock } from "#lib/clock.ts";
import { createLogger } from "#lib/log.ts";
import { ApiError, staleObject } from "#meta/errors.ts";
import { keyOf } from "#meta/object.ts";
import { terminal, watch, type ControllerDefinition } from "./controller.ts";
import { Boat, createFakeServer } from "./fake-server.ts";
import { runControllers } from "./run-controllers.ts";

function setup() {
  const server = createFakeServer();
  const clock = createVirtualClock();
  const client = createClient(server.transport);
  const lines: string[] = [];
  const log = createLogger({ level: "info", write: (line) => void lines.push(line), now: () => 0 });
  const run = async (controller: Omit<ControllerDefinition, "name" | "for">) => {
    const running = await runControllers({
      controllers: [{ name: "harbour", for: Boat, ...controller }],
      clientFor: () => client,
      clock,
      log,
      random: () => 0,
      freeze: true,
    });
    await running.synced;
    await clock.advance(0);
    return running;
  };
  return { server, clock, run, lines };
}

test("each object is reconciled once at the start and after each change", async () => {
  const { server, clock, run } = setup();
  server.put("ark");
  const runs: string[] = [];
  await using _running = await run({ reconcile: async (key) => void runs.push(key) });
  assert.deepEqual(runs, ["sea/ark"]);
  server.put("ark", { sails: 1 });
  server.put("beagle");
  await clock.advance(0);
  server.remove("ark");
  await clock.advance(0);
  assert.deepEqual(runs, ["sea/ark", "sea/ark", "sea/beagle", "sea/ark"]);
});

test("a key is not handed out again before the cache shows what its run wrote", async () => {
  const { server, clock, run } = setup();
  const seen: (string | undefined)[] = [];
  await using _running = await run({
    watches: [watch(Boat, (boat) => [keyOf(boat)])],
    async reconcile(key, { cache, client }) {
      const boat = cache(Boat).get(key);
      seen.push(boat?.metadata?.resourceVersion);
      if (boat && boat["painted"] !== true) await client.update(Boat, { ...boat, painted: true } as never);
    },
  });
  const held = server.hold();
  server.put("ark");
  held.release();
  const again = server.hold();
  await clock.advance(0);
  assert.deepEqual(seen, ["101"]);
  server.bookmark();
  await clock.advance(100);
  assert.deepEqual(seen, ["101"], "held back while the watch is behind");
  again.release();
  await clock.advance(0);
  assert.deepEqual(seen, ["101", "102"]);
});

test("a key held back for a watch that is down is let go after a while", async () => {
  const { server, clock, run } = setup();
  let runs = 0;
  await using _running = await run({
    async reconcile(key, { cache, client }) {
      const boat = cache(Boat).get(key);
      if (boat && runs++ === 0) await client.update(Boat, { ...boat } as never);
      return { requeueAfterMs: 1000 };
    },
  });
  server.put("ark");
  const first = clock.advance(0);
  const held = server.hold();
  await first;
  assert.equal(runs <= 1, true);
  await clock.advance(4000);
  const before = runs;
  await clock.advance(3000);
  assert.ok(runs > before);
  held.release();
});

test("a failing reconcile is retried with back-off and logged once per attempt with its key", async () => {
  const { server, clock, run, lines } = setup();
  let attempts = 0;
  await using _running = await run({
    reconcile: async () => {
      if (++attempts <= 3) throw new Error("leak");
    },
  });
  server.put("ark");
  await clock.advance(0);
  assert.equal(attempts, 1);
  await clock.advance(5 + 10 + 20);
  assert.equal(attempts, 4);
  await clock.advance(60_000);
  assert.equal(attempts, 4);
  assert.equal(lines.filter((line) => line.includes("reconcile failed") && line.includes("key=sea/ark")).length, 3);
});

test("conflicts are retried without an error line; terminal errors wait for a change", async () => {
  const { server, clock, run, lines } = setup();
  let attempts = 0;
  let failure: Error = staleObject(Boat, "ark");
  await using _running = await run({
    reconcile: async () => {
      attempts++;
      throw failure;
    },
  });
  server.put("ark");
  await clock.advance(20);
  assert.ok(attempts > 1);
  assert.deepEqual(lines, []);
  failure = terminal("no such harbour");
  await clock.advance(100_000);
  const after = attempts;
  await clock.advance(100_000);
  assert.equal(attempts, after);
  server.put("ark", { sails: 1 });
  await clock.advance(0);
  assert.equal(attempts, after + 1);
});

test("requeueAfterMs runs the key again then", async () => {
  const { server, clock, run } = setup();
  let runs = 0;
  await using _running = await run({ reconcile: async () => (runs++ < 2 ? { requeueAfterMs: 30_000 } : undefined) });
  server.put("ark");
  await clock.advance(59_999);
  assert.equal(runs, 2);
  await clock.advance(1);
  assert.equal(runs, 3);
  await clock.advance(300_000);
  assert.equal(runs, 3);
});

test("a source that cannot be listed fails the start with its name, and is waited for all the same", async () => {
  const { server, clock } = setup();
  const refusing = createClient(async () => {
    throw new ApiError(503, "ServiceUnavailable", "starting");
  });
  let up = false;
  const runs: string[] = [];
  await using running = await runControllers({
    controllers: [{ name: "harbour", for: Boat, reconcile: async (key) => void runs.push(key) }],
    clientFor: () => createClient((request) => (up ? server.transport(request) : refusing.transport(request))),
    clock,
    log: createLogger({ level: "error", write: () => {}, now: () => 0 }),
    random: () => 0,
    syncTimeoutMs: 10_000,
  });
  const failed = assert.rejects(running.synced, /harbour waits for boats\.sea\.test/);
  await clock.advance(10_000);
  await failed;
  up = true;
  server.put("ark");
  await clock.advance(60_000);
  assert.deepEqual(runs, ["sea/ark"]);
});

test("stop aborts what is under way, waits for it, and leaves no timer", async () => {
  const { server, clock, run } = setup();
  let ended = false;
  const running = await run({
    async reconcile(_key, { signal, clock: time }) {
      try {
        await time.sleep(1e6, signal);
      } finally {
        ended = true;
      }
    },
  });
  server.put("ark");
  await clock.advance(0);
  await running.stop();
  assert.equal(ended, true);
  assert.equal(clock.nextTimerAt(), undefined);
});
