import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "#lib/clock.ts";
import { patientTransport } from "./patient-transport.ts";
import type { TransportRequest } from "./transport.ts";

/** Sends a request to a server that gives these answers in turn (0: no connection); gives the answer and how long it took. */
async function send(method: TransportRequest["method"], answers: readonly number[]): Promise<readonly [string, number, number]> {
  const clock = createVirtualClock();
  const start = clock.now();
  let sent = 0;
  const transport = patientTransport(async () => {
    const status = answers[sent++] ?? 200;
    if (status === 0) throw new Error("refused");
    return { status, headers: {}, body: undefined };
  }, clock);
  let outcome: string | undefined;
  void transport({ method, path: "/" }).then(
    ({ status }) => (outcome = String(status)),
    (error: Error) => (outcome = error.message),
  );
  while (outcome === undefined) await clock.advance(1);
  return [outcome, sent, clock.now() - start];
}

test("reads and deletions are sent up to five times, with growing waits", async () => {
  assert.deepEqual((await send("GET", [500, 0, 503])).slice(0, 2), ["200", 4]);
  assert.deepEqual((await send("DELETE", [0, 0])).slice(0, 2), ["200", 3]);
  const [outcome, sent, tookMs] = await send("GET", [0, 0, 0, 0, 0, 200]);
  assert.deepEqual([outcome, sent], ["refused", 5]);
  assert.ok(tookMs >= 300 && tookMs <= 310, `${tookMs} ms`);
  assert.deepEqual((await send("GET", [500, 500, 500, 500, 500])).slice(0, 2), ["500", 5]);
});

test("refusals are answers, and other writes are sent once", async () => {
  assert.deepEqual((await send("GET", [404])).slice(0, 2), ["404", 1]);
  assert.deepEqual((await send("DELETE", [409])).slice(0, 2), ["409", 1]);
  assert.deepEqual((await send("POST", [500])).slice(0, 2), ["500", 1]);
});
