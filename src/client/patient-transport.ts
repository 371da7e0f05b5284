// For work of many requests that must all go well: one lost request does not fail it.

import type { Clock } from "#lib/clock.ts";
import type { Transport, TransportResponse } from "./transport.ts";

const ATTEMPTS = 5;
const FIRST_WAIT_MS = 20;

/**
 * Sends reads and deletions, which may be done twice, again when no connection could be had or the server was in trouble; the waits
 * double from 20 ms, and the fifth failure is told. Anything else is sent once.
 */
export function patientTransport(transport: Transport, clock: Clock): Transport {
  return async (request) => {
    const { method, signal } = request;
    if (method !== "GET" && method !== "DELETE") return transport(request);
    for (let attempt = 1, waitMs = FIRST_WAIT_MS; ; attempt++, waitMs *= 2) {
      let response: TransportResponse | undefined;
      try {
        response = await transport(request);
        if (response.status < 500 || attempt === ATTEMPTS) return response;
      } catch (error) {
        if (signal?.aborted || attempt === ATTEMPTS) throw error;
      }
      if (response?.body && !(response.body instanceof Uint8Array)) for await (const _ of response.body); // must be consumed
      await clock.sleep(waitMs, signal);
    }
  };
}
