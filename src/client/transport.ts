// How a client reaches an API server: one function from request to response. In-process it is the server's handler with
// an identity attached; over the network it is HTTPS (client/node/). Components cannot tell which.

/** A request. `path` starts with "/" and carries its own percent-encoding; the query is separate. */
export interface TransportRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD";
  readonly path: string;
  readonly query?: URLSearchParams;
  /** Lower-case names. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Aborting ends the request and, for watches, the response's body. */
  readonly signal?: AbortSignal;
}

/** A response. The body must be consumed or the request aborted. */
export interface TransportResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** All of it, or a stream of chunks (watches, logs); undefined: none. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | undefined;
}

/** Sends one request. Rejects only if no response could be had (connection refused, aborted); HTTP errors resolve. */
export type Transport = (request: TransportRequest) => Promise<TransportResponse>;
