// A transport as bad as a network may be: requests fail, answers are lost, watches come late and break. What the API promises
// stays true: each watch shows its events in order, and none is missing.

import type { Transport, TransportRequest, TransportResponse } from "#client/transport.ts";
import type { Clock } from "#lib/clock.ts";

export interface Faults {
  /** Of the requests, 0 to 1: as many get an error instead of reaching the server, and of the writes as many lose their answer. */
  readonly share: number;
  /**
   * An event of a watch comes so late at most. Each watch has its own delays, so that what happened to objects of several kinds is seen
   * in any order.
   */
  readonly maxDelayMs: number;
}

export interface UnreliableOptions {
  readonly clock: Clock;
  /** In [0, 1): seed it, and print the seed. */
  readonly random: () => number;
  /** Asked at each request and each event, so that a test can mend the network. */
  readonly faults: () => Faults;
}

export function unreliableTransport(transport: Transport, options: UnreliableOptions): Transport {
  const { random, faults } = options;
  return async (request) => {
    const { share } = faults();
    const isEvent = request.path.includes("/events"); // they tell of a change and make none
    if (isEvent) return transport(request);
    const isWatch = request.query?.get("watch") === "true";
    const writes = request.method !== "GET";
    if (random() < share) return refusal(request, random());
    const response = await transport(request);
    if (isWatch && response.status === 200 && response.body && !(response.body instanceof Uint8Array))
      return { ...response, body: late(response.body, request.signal, options) };
    if (writes && random() < share) throw new Error("connection lost");
    return response;
  };
}

/** No connection, a server in trouble, or, for a change of what is there, somebody else's change first. */
function refusal({ method, path }: TransportRequest, which: number): TransportResponse {
  if (which < 0.25) throw new Error("connection refused");
  const isChange = method === "PUT" || method === "PATCH";
  const [code, reason, message] =
    isChange && which < 0.6
      ? [409, "Conflict", "the object has been modified; please apply your changes to the latest version and try again"]
      : which < 0.8
        ? [500, "InternalError", "Internal error occurred: out of order"]
        : [503, "ServiceUnavailable", "the server is currently unable to handle the request"];
  const status = { apiVersion: "v1", kind: "Status", status: "Failure", reason, code, message: `${path}: ${message}` };
  return { status: code, headers: { "content-type": "application/json" }, body: new TextEncoder().encode(JSON.stringify(status)) };
}

/** The lines of a watch, each later than it came, in their order; it may break off before any of them. */
async function* late(
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
  { clock, random, faults }: UnreliableOptions,
): AsyncGenerator<Uint8Array> {
  const waiting: { readonly line: Uint8Array; readonly dueAt: number }[] = [];
  let dueAt = 0;
  let ended = false;
  let arrived = Promise.withResolvers<void>();
  const wake = () => {
    arrived.resolve();
    arrived = Promise.withResolvers();
  };
  const read = async () => {
    for await (const line of linesOf(body)) {
      dueAt = Math.max(dueAt, clock.now() + random() * faults().maxDelayMs);
      waiting.push({ line, dueAt });
      wake();
    }
  };
  void read()
    .catch(() => {}) // a watch that breaks ends, for the reader
    .finally(() => {
      ended = true;
      wake();
    });
  for (;;) {
    const next = waiting.shift();
    if (next) {
      const waitMs = next.dueAt - clock.now();
      if (waitMs > 0 && faults().maxDelayMs > 0) await clock.sleep(waitMs, signal);
      if (random() < faults().share / 10) throw new Error("connection lost");
      yield next.line;
    } else if (ended) return;
    else await arrived.promise;
  }
}

const NEWLINE = 10;

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest = Buffer.alloc(0);
  for await (const chunk of body) {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE)) {
      yield rest.subarray(0, end + 1);
      rest = rest.subarray(end + 1);
    }
  }
}
