// Puts a server on the network: TLS, HTTP/2 and HTTP/1.1 on one port. Client certificates are asked for, not demanded.

import { createSecureServer, type Http2SecureServer, type Http2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { realClock, type Clock } from "#lib/clock.ts";
import { silentLogger, type Logger } from "#lib/log.ts";
import type { Handler } from "./http.ts";
import { handleRequest, handleUpgrade } from "./network/http1.ts";
import { handleStream } from "./network/http2.ts";
import { peerOf, type Peer } from "./network/peer.ts";
import type { PushBacklog } from "./network/push-sink.ts";

export interface ListenOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** PEM. */
  readonly tls: {
    readonly key: string | Buffer;
    readonly cert: string | Buffer;
    /** The authority that vouches for client certificates; none: no certificate counts. */
    readonly clientCa?: string | Buffer;
  };
  readonly log?: Logger;
  /** Default: the wall clock, by which the other ends of sockets live. */
  readonly clock?: Clock;
}

export interface Listener extends AsyncDisposable {
  readonly port: number;
  /** Takes no more connections, lets requests under way finish for at most `graceMs` (default 0), then cuts what is left. */
  close(graceMs?: number): Promise<void>;
}

/** Upstream lets a connection carry so many requests at once. */
const MAX_STREAMS = 1000;
const KEEP_ALIVE_MS = 120_000;
const UNKNOWN_PEER: Peer = { certificate: undefined, address: "" };

/** Starts listening; rejects if the address cannot be had (`EADDRINUSE`, ...). */
export async function listen(server: { readonly handler: Handler }, options: ListenOptions): Promise<Listener> {
  const { handler } = server;
  const { log = silentLogger, clock = realClock } = options;
  const { key, cert, clientCa } = options.tls;
  const secure = createSecureServer({
    key,
    cert,
    ...(clientCa ? { ca: clientCa } : {}),
    allowHTTP1: true,
    requestCert: clientCa !== undefined,
    rejectUnauthorized: false,
    minVersion: "TLSv1.2",
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    // Megabytes a session may hold, streams that wait for a slow reader included.
    maxSessionMemory: 100,
    settings: { maxConcurrentStreams: MAX_STREAMS, initialWindowSize: 1024 * 1024 },
    // Resets a client may send at once and per second: a few thousand watches may end together, a flood may not go on.
    streamResetBurst: 10_000,
    streamResetRate: 1000,
  });
  // Node adds its compatibility layer to every HTTP/2 stream as soon as "request" has a listener; here that is for HTTP/1.1 only.
  secure.removeAllListeners("newListener");
  Object.assign(secure, { keepAliveTimeout: KEEP_ALIVE_MS, requestTimeout: 0, headersTimeout: 60_000 });

  let closing: Promise<void> | undefined;
  const backlog: PushBacklog = { bytes: 0 };
  const sessions = new Map<Http2Session, Peer>();
  const sockets = new Map<TLSSocket, Peer>();
  secure.on("secureConnection", (socket: TLSSocket) => {
    sockets.set(socket, peerOf(socket));
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  secure.on("session", (session) => {
    sessions.set(session, peerOf(session.socket as TLSSocket)); // a secure server's sockets are TLS sockets
    session.on("error", () => {});
    session.once("close", () => sessions.delete(session));
  });
  // Answers under way, watches too; upgraded sockets are not waited for.
  let busy = 0;
  let onIdle: (() => void) | undefined;
  const answering = (answer: { once(event: "close", done: () => void): unknown }): void => {
    busy++;
    answer.once("close", () => {
      busy--;
      if (busy === 0) onIdle?.();
    });
  };
  secure.on("stream", (stream, headers, flags) => {
    answering(stream);
    const peer = (stream.session && sessions.get(stream.session)) ?? UNKNOWN_PEER;
    handleStream(handler, log, peer, stream as ServerHttp2Stream, headers, flags, backlog); // a server's streams are these
  });
  const http1 = secure as unknown as import("node:http").Server; // with allowHTTP1 the server emits an HTTP/1.1 server's events too
  http1.on("request", (message, response) => {
    answering(response);
    if (closing) response.setHeader("connection", "close");
    handleRequest(handler, log, sockets.get(message.socket as TLSSocket) ?? UNKNOWN_PEER, message, response, backlog);
  });
  http1.on("upgrade", (message, socket, head) => {
    handleUpgrade(handler, log, sockets.get(message.socket as TLSSocket) ?? UNKNOWN_PEER, message, socket, head);
  });
  secure.on("tlsClientError", () => {});
  secure.on("sessionError", () => {});
  const { port } = await bound(secure, options);
  secure.on("error", (error) => log.error("listener failed", { error }));

  const close = (graceMs = 0): Promise<void> =>
    (closing ??= new Promise((resolve) => {
      secure.close(() => resolve());
      for (const session of sessions.keys()) session.close();
      const cut = () => {
        for (const session of sessions.keys()) session.destroy();
        for (const socket of sockets.keys()) socket.destroy();
      };
      if (graceMs === 0) return cut();
      const timer = clock.after(graceMs, cut);
      secure.once("close", () => timer.cancel());
      // Sessions close themselves when their last stream has; HTTP/1.1 connections that are kept alive have to be told.
      onIdle = () => {
        for (const socket of sockets.keys()) if (socket.alpnProtocol !== "h2") socket.destroySoon();
      };
      if (busy === 0) onIdle();
    }));
  return { port, close, [Symbol.asyncDispose]: () => close() };
}

function bound(secure: Http2SecureServer, { host, port }: ListenOptions): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    secure.once("error", reject);
    secure.listen(port, host, () => {
      secure.off("error", reject);
      resolve(secure.address() as AddressInfo); // a server that listens on TCP has one
    });
  });
}
