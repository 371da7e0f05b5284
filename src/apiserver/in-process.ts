// A client's transport without sockets: requests go straight to the server's handler with an identity attached.
// Structurally client/transport.ts, which this layer may not import.

import { requestEntityTooLarge } from "#meta/errors.ts";
import type { ApiRequest, ApiResponse, Handler, UserInfo } from "./http.ts";
import { MAX_BODY_BYTES } from "./limits.ts";

export interface InProcessRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD";
  readonly path: string;
  readonly query?: URLSearchParams;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal?: AbortSignal;
}

export interface InProcessResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | undefined;
}

/** A push stream may run so far ahead of its reader before the server cuts it off. */
const MAX_BUFFERED_BYTES = 16 * 1024 * 1024;
const NO_BYTES = new Uint8Array(0);

/** Same checks as over the network, but for authentication: the caller is `user`. `agent` is who its writes are known by in managedFields. */
export function inProcessTransport(
  server: { readonly handler: Handler },
  user: UserInfo,
  agent?: string,
): (request: InProcessRequest) => Promise<InProcessResponse> {
  return async (request) => {
    request.signal?.throwIfAborted();
    const { body = NO_BYTES } = request;
    const headers = agent === undefined ? (request.headers ?? {}) : { "user-agent": agent, ...request.headers };
    const signal = request.signal ?? new AbortController().signal;
    const apiRequest: ApiRequest = {
      method: request.method,
      path: request.path,
      query: request.query ?? new URLSearchParams(),
      headers,
      signal,
      trustedUser: user,
      remoteAddress: "127.0.0.1",
      body: () =>
        body.length > MAX_BODY_BYTES
          ? Promise.reject(requestEntityTooLarge(`Request entity too large: limit is ${MAX_BODY_BYTES}`))
          : Promise.resolve(body),
    };
    const response = await server.handler(apiRequest);
    request.signal?.throwIfAborted();
    return {
      status: response.status,
      headers: response.headers,
      body: response.push ? pushed(response.push, request.signal) : response.body,
    };
  };
}

/** What is pushed, as an iterable. Ends when the server ends it or the signal aborts. */
function pushed(push: NonNullable<ApiResponse["push"]>, signal: AbortSignal | undefined): AsyncIterable<Uint8Array> {
  let chunks: Uint8Array[] = [];
  let buffered = 0;
  let ended = false;
  let wake: (() => void) | undefined;
  const notify = () => {
    wake?.();
    wake = undefined;
  };
  const end = () => {
    ended = true;
    notify();
  };
  const stop = push({
    write(chunk) {
      if (ended) return false;
      chunks.push(chunk);
      buffered += chunk.length;
      notify();
      return buffered <= MAX_BUFFERED_BYTES;
    },
    end,
  });
  const abort = () => {
    stop();
    end();
  };
  if (signal?.aborted) abort();
  else signal?.addEventListener("abort", abort, { once: true });
  return {
    async *[Symbol.asyncIterator]() {
      try {
        for (;;) {
          const ready = chunks;
          chunks = [];
          buffered = 0;
          yield* ready;
          if (signal?.aborted) return;
          if (chunks.length > 0) continue;
          if (ended) return;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      } finally {
        signal?.removeEventListener("abort", abort);
        abort();
      }
    },
  };
}
