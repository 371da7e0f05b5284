// The transport over the network: HTTP/2 over TLS, all requests of one transport multiplexed on one connection that is
// made when needed and made again when it breaks. Never falls back to another protocol or to an unverified server.

import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from "node:http2";
import { realClock, type Clock, type Timer } from "#lib/clock.ts";
import type { Transport, TransportRequest, TransportResponse } from "../transport.ts";

export interface HttpsTransportOptions {
  /** `https://host:port`. */
  readonly server: string;
  /** PEM of the authorities the server's certificate may come from; absent: the system's. */
  readonly ca?: string | Uint8Array;
  /** PEM of the client's certificate and key. */
  readonly cert?: string | Uint8Array;
  readonly key?: string | Uint8Array;
  /** Bearer token. */
  readonly token?: string;
  /** Accepts any server certificate: only what a kubeconfig asks for with insecure-skip-tls-verify. */
  readonly insecureSkipVerify?: boolean;
  /** Name to verify the server's certificate against, if not the host of `server`. */
  readonly serverName?: string;
  readonly userAgent?: string;
  readonly clock?: Clock;
  /** A connection on which nothing came for so long is pinged; default 30 s, as client-go. */
  readonly pingAfterMs?: number;
  /** A ping not answered for so long ends the connection and all its requests; default 15 s. */
  readonly pingTimeoutMs?: number;
}

export interface HttpsTransport {
  readonly transport: Transport;
  /** Ends the connection; requests under way fail. */
  close(): Promise<void>;
}

/** Bodies with a known length up to this are read whole before the response is handed out; longer ones stream. */
const WHOLE_BODY_BYTES = 16 * 1024 * 1024;
const WINDOW_BYTES = 4 * 1024 * 1024;

/** Opens nothing until the first request. */
export function httpsTransport(options: HttpsTransportOptions): HttpsTransport {
  const { clock = realClock, pingAfterMs = 30_000, pingTimeoutMs = 15_000 } = options;
  const authority = new URL(options.server);
  if (authority.protocol !== "https:") throw new TypeError(`not an https address: ${options.server}`);
  const basePath = authority.pathname.replace(/\/$/, "");
  const common = {
    ":authority": authority.host,
    ":scheme": "https",
    "user-agent": options.userAgent ?? "kobune",
    ...(options.token !== undefined ? { authorization: `Bearer ${options.token}` } : {}),
  };
  let current: ClientHttp2Session | undefined;
  /** Each with its socket once it is connected: a session that was closed gently waits for the other side to close the socket. */
  const sessions = new Map<ClientHttp2Session, { destroy(): void } | undefined>();
  let closed = false;

  const openSession = (): ClientHttp2Session => {
    const session = connect(authority.origin, {
      ALPNProtocols: ["h2"],
      ...(options.ca !== undefined ? { ca: buffer(options.ca) } : {}),
      ...(options.cert !== undefined ? { cert: buffer(options.cert) } : {}),
      ...(options.key !== undefined ? { key: buffer(options.key) } : {}),
      ...(options.serverName !== undefined ? { servername: options.serverName } : {}),
      rejectUnauthorized: options.insecureSkipVerify !== true,
      settings: { enablePush: false, initialWindowSize: WINDOW_BYTES },
    });
    sessions.set(session, undefined);
    const retire = () => {
      if (current === session) current = undefined;
    };
    let health: Timer | undefined;
    const watchHealth = () => {
      health = clock.after(pingAfterMs, () => {
        if (session.destroyed) return;
        const deadline = clock.after(pingTimeoutMs, () => session.destroy(new Error(`${options.server} does not answer pings`)));
        const sent = session.ping((error) => {
          deadline.cancel();
          if (!error) watchHealth();
        });
        if (!sent) deadline.cancel();
      });
    };
    session.once("connect", (_session, socket) => {
      sessions.set(session, socket);
      session.setLocalWindowSize(WINDOW_BYTES * 4);
      watchHealth();
    });
    // The server is going: what is under way may finish, new requests go to a new connection.
    session.once("goaway", () => {
      retire();
      session.close();
    });
    // Its streams fail with it and tell their callers; without a listener the process would end.
    session.on("error", retire);
    session.once("close", () => {
      retire();
      health?.cancel();
      sessions.delete(session);
    });
    return session;
  };

  const exchange = (request: TransportRequest): Promise<TransportResponse> =>
    new Promise((resolve, reject) => {
      const { signal, body } = request;
      if (closed) throw new Error("transport is closed");
      signal?.throwIfAborted();
      if (!current || current.closed || current.destroyed) current = openSession();
      const session = current;
      const search = request.query && request.query.size > 0 ? `?${request.query.toString()}` : "";
      const headers = { ...common, ":method": request.method, ":path": `${basePath}${request.path}${search}`, ...request.headers };
      const stream = session.request(body ? { ...headers, "content-length": body.length } : headers, { endStream: !body });

      const onAbort = () => {
        stream.close(constants.NGHTTP2_CANCEL);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      stream.once("close", () => {
        signal?.removeEventListener("abort", onAbort);
        // Also after a reset with NO_ERROR or CANCEL, which emit no error. If a response came this changes nothing.
        reject(new StreamReset(`connection to ${options.server} closed before an answer came`, stream.rstCode));
      });
      // A session's failure reaches its streams; the session knows better why.
      stream.on("error", (error) =>
        reject(stream.rstCode === constants.NGHTTP2_REFUSED_STREAM ? new StreamReset(error.message, stream.rstCode) : error),
      );
      stream.once("response", (received) => {
        const status = received[":status"] ?? 0;
        const known = plainHeaders(received);
        const length = Number(known["content-length"] ?? Number.NaN);
        if (request.method === "HEAD" || status === 204 || length === 0) {
          stream.resume();
          resolve({ status, headers: known, body: undefined });
        } else if (length <= WHOLE_BODY_BYTES) {
          readWhole(stream, length).then((whole) => resolve({ status, headers: known, body: whole }), reject);
        } else resolve({ status, headers: known, body: chunksOf(stream, signal) });
      });
      if (body) stream.end(body);
    });

  return {
    async transport(request) {
      try {
        return await exchange(request);
      } catch (error) {
        // The server promises that it has not looked at a refused stream, so once more is safe for writes too.
        if (error instanceof StreamReset && error.code === constants.NGHTTP2_REFUSED_STREAM && !closed) return exchange(request);
        throw error;
      }
    },
    async close() {
      closed = true;
      current = undefined;
      await Promise.all(
        Array.from(
          sessions,
          ([session, socket]) =>
            new Promise<void>((resolve) => {
              session.once("close", resolve);
              session.destroy();
              socket?.destroy();
            }),
        ),
      );
    },
  };
}

class StreamReset extends Error {
  readonly code: number | undefined;
  constructor(message: string, code: number | undefined) {
    super(message);
    this.code = code;
  }
}

function readWhole(stream: ClientHttp2Stream, length: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on("data", (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
    });
    stream.once("end", () => {
      const [only] = chunks;
      if (size !== length) reject(new Error(`body ended after ${size} of ${length} bytes`));
      else resolve(chunks.length === 1 && only ? only : Buffer.concat(chunks, size));
    });
    stream.once("error", reject);
  });
}

/** The body as it comes. A reset that is not ours is an error: a watch that was cut must not look like one that ended. */
async function* chunksOf(stream: ClientHttp2Stream, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  let ended = false;
  stream.once("end", () => (ended = true));
  try {
    for await (const chunk of stream) yield chunk as Buffer; // no encoding is set: chunks are buffers
    if (!ended && !signal?.aborted) throw new Error("connection closed in the middle of a body");
  } finally {
    if (!stream.closed) stream.close(constants.NGHTTP2_CANCEL);
  }
}

function plainHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(":")) continue;
    plain[name] = Array.isArray(value) ? value.join(", ") : String(value);
  }
  return plain;
}

function buffer(pem: string | Uint8Array): string | Buffer {
  return typeof pem === "string" ? pem : Buffer.from(pem);
}
