import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "#client/create-client.ts";
import type { Transport } from "#client/transport.ts";
import { createVirtualClock, type VirtualClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/log.ts";
import { leaderElect } from "./leader-election.ts";

/** One lease with optimistic concurrency; `cut` names identities that cannot reach it. */
function leaseServer() {
  let lease: Record<string, unknown> | undefined;
  let revision = 0;
  const cut = new Set<string>();
  const answer = (status: number, value: unknown) => ({ status, headers: {}, body: new TextEncoder().encode(JSON.stringify(value)) });
  const failure = (code: number, reason: string) => answer(code, { kind: "Status", code, reason, message: reason });
  const transportOf =
    (identity: string): Transport =>
    async (request) => {
      if (cut.has(identity)) throw new Error("connection refused");
      if (request.method === "GET") return lease ? answer(200, lease) : failure(404, "NotFound");
      const sent = JSON.parse(new TextDecoder().decode(request.body)) as { metadata: Record<string, unknown> };
      if (
        request.method === "POST"
          ? lease
          : (lease?.["metadata"] as { resourceVersion?: string } | undefined)?.resourceVersion !== sent.metadata["resourceVersion"]
      )
        return failure(409, request.method === "POST" ? "AlreadyExists" : "Conflict");
      lease = { ...sent, metadata: { ...sent.metadata, resourceVersion: String(++revision) } };
      return answer(200, lease);
    };
  return { transportOf, cut, spec: () => lease?.["spec"] as { holderIdentity: string; leaseTransitions: number } };
}

function candidate(server: ReturnType<typeof leaseServer>, identity: string, clock: VirtualClock, leaders: Set<string>) {
  const stop = new AbortController();
  const outcome = leaderElect({
    client: createClient(server.transportOf(identity)),
    name: "loops",
    identity,
    clock,
    log: silentLogger,
    random: () => 0,
    signal: stop.signal,
    lead: (signal) =>
      new Promise((resolve) => {
        leaders.add(identity);
        signal.addEventListener("abort", () => {
          leaders.delete(identity);
          resolve();
        });
      }),
  });
  return { stop: () => stop.abort(), outcome };
}

test("one leads; a second takes over at once when the first stops", async () => {
  const clock = createVirtualClock();
  const server = leaseServer();
  const leaders = new Set<string>();
  const a = candidate(server, "a", clock, leaders);
  await clock.advance(100);
  const b = candidate(server, "b", clock, leaders);
  await clock.advance(120_000);
  assert.deepEqual([...leaders], ["a"]);
  a.stop();
  assert.equal(await a.outcome, "stopped");
  await clock.advance(4_500);
  assert.deepEqual([...leaders], ["b"]);
  assert.deepEqual([server.spec().holderIdentity, server.spec().leaseTransitions], ["b", 1]);
  b.stop();
  await b.outcome;
  assert.equal(clock.nextTimerAt(), undefined);
});

test("a leader that cannot renew stops leading before another may take over", async () => {
  const clock = createVirtualClock();
  const server = leaseServer();
  const leaders = new Set<string>();
  const a = candidate(server, "a", clock, leaders);
  await clock.advance(100);
  const b = candidate(server, "b", clock, leaders);
  await clock.advance(30_000);
  server.cut.add("a");
  let most = 0;
  let takenAfterMs: number | undefined;
  for (let ms = 0; ms < 40_000; ms += 500) {
    await clock.advance(500);
    most = Math.max(most, leaders.size);
    if (leaders.has("b")) takenAfterMs ??= ms;
  }
  assert.equal(await a.outcome, "lost");
  assert.equal(most, 1);
  assert.ok(takenAfterMs !== undefined && takenAfterMs >= 12_000 && takenAfterMs <= 18_000, String(takenAfterMs));
  b.stop();
  await b.outcome;
});
