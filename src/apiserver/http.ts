// The server's own view of a request and a response, one shape for HTTP/1.1, HTTP/2 and the in-process transport.

import type { Duplex } from "node:stream";

/** Who asks. Set by authentication, or given by the in-process transport. */
export interface UserInfo {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export interface ApiRequest {
  readonly method: string;
  /** Raw path, still percent-encoded, without query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names; repeated ones joined with ", ". */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Reads the whole body once; rejects with 413 ApiError beyond the limit (3 MiB). Empty: zero bytes. */
  readonly body: () => Promise<Uint8Array>;
  /** Aborts when the client goes away, the request times out, or the server stops. */
  readonly signal: AbortSignal;
  /** The peer's verified client certificate, if it presented one. */
  readonly peerCertificate?: {
    readonly commonName: string;
    readonly organizations: readonly string[];
    /** Of the certificate's DER form, in lower-case hex. */
    readonly sha256?: string;
  };
  /** The peer presented a client certificate that the client authority does not vouch for. */
  readonly untrustedCertificate?: boolean;
  readonly remoteAddress: string;
  /** An identity that needs no authentication: in-process callers. */
  readonly trustedUser?: UserInfo;
  /** For Upgrade requests (WebSocket, SPDY): takes over the raw socket, with bytes already read. Absent otherwise. */
  readonly hijack?: () => { readonly socket: Duplex; readonly head: Uint8Array };
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** All of it; or a stream of chunks, written with backpressure; undefined: none (or the socket was hijacked). */
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /**
   * For watches: instead of `body`, is handed a sink and pushes chunks without promises. Returns a stop function called when the client goes.
   * `write` returns false when the client reads too slowly (buffered above the limit): the producer should then end().
   */
  readonly push?: (sink: { write(chunk: Uint8Array): boolean; end(): void }) => () => void;
}

/** The pipeline's face: everything that serves requests is one of these. Never rejects: failures become responses. */
export type Handler = (request: ApiRequest) => Promise<ApiResponse>;
