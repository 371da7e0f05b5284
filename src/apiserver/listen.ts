// Puts a server on the network: TLS, HTTP/2 and HTTP/1.1 on one port. Client certificates are asked for, not demanded.

import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { realClock, type Clock } from "#lib/clock.ts";
import { silentLogger, type Logger } from "#lib/log.ts";
import type { Handler } from "./http.ts";
import { handleRequest, handleUpgrade } from "./network/http1.ts";
import { handleStream } from "./network/http2.ts";
import { Http2Connection } from "./network/http2/connection.ts";
import { createHuffmanDecoder } from "./network/http2/huffman.ts";
import type { Http2Stream } from "./network/http2/stream.ts";
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

const KEEP_ALIVE_MS = 120_000;
const UNKNOWN_PEER: Peer = { certificate: undefined, address: "" };

/** Starts listening; rejects if the address cannot be had (`EADDRINUSE`, ...). */
export async function listen(server: { readonly handler: Handler }, options: ListenOptions): Promise<Listener> {
  const { handler } = server;
  const { log = silentLogger, clock = realClock } = options;
  const { key, cert, clientCa } = options.tls;
  const secure = createServer({
    key,
    cert,
    ...(clientCa ? { ca: clientCa } : {}),
    ALPNProtocols: ["h2", "http/1.1"],
    requestCert: clientCa !== undefined,
    rejectUnauthorized: false,
    minVersion: "TLSv1.2",
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: 0,
    headersTimeout: 60_000,
  });
  // Node's listeners for HTTP/1.1 get the connections that speak it.
  const http1 = secure.rawListeners("secureConnection");
  secure.removeAllListeners("secureConnection");

  let closing: Promise<void> | undefined;
  const backlog: PushBacklog = { bytes: 0 };
  const huffman = createHuffmanDecoder();
  const connections = new Set<Http2Connection>();
  const sockets = new Map<TLSSocket, Peer>();
  secure.on("secureConnection", (socket: TLSSocket) => {
    sockets.set(socket, peerOf(socket));
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
    if (socket.alpnProtocol === "h2") serveHttp2(socket);
    else for (const listener of http1) listener.call(secure, socket);
  });
  // Answers of HTTP/1.1 under way, watches too; upgraded sockets are not waited for.
  let busy = 0;
  let onIdle: (() => void) | undefined;
  const begin = (): void => void busy++;
  const finished = (): void => {
    busy--;
    if (busy === 0) onIdle?.();
  };
  const serveHttp2 = (socket: TLSSocket): void => {
    const peer = sockets.get(socket) ?? UNKNOWN_PEER;
    const connection = new Http2Connection(socket, {
      huffman,
      nowMs: () => performance.now(),
      onStream(stream: Http2Stream) {
        handleStream(handler, log, peer, stream, backlog);
      },
      onClose: () => connections.delete(connection),
      onError: (error) => log.debug("a connection was ended", { from: peer.address, error }),
    });
    connections.add(connection);
    if (closing) connection.close();
  };
  secure.on("request", (message, response) => {
    begin();
    response.once("close", finished);
    if (closing) response.setHeader("connection", "close");
    handleRequest(handler, log, sockets.get(message.socket as TLSSocket) ?? UNKNOWN_PEER, message, response, backlog); // a secure server's sockets
  });
  secure.on("upgrade", (message, socket, head) => {
    handleUpgrade(handler, log, sockets.get(message.socket as TLSSocket) ?? UNKNOWN_PEER, message, socket, head); // as above
  });
  secure.on("tlsClientError", () => {});
  const { port } = await bound(secure, options);
  secure.on("error", (error) => log.error("listener failed", { error }));

  const close = (graceMs = 0): Promise<void> =>
    (closing ??= new Promise((resolve) => {
      secure.close(() => resolve());
      for (const connection of connections) connection.close();
      const cut = () => {
        for (const socket of sockets.keys()) socket.destroy();
      };
      if (graceMs === 0) return cut();
      const timer = clock.after(graceMs, cut);
      secure.once("close", () => timer.cancel());
      // Connections of HTTP/2 end with their last answer; those of HTTP/1.1 that are kept alive have to be told.
      onIdle = () => {
        for (const socket of sockets.keys()) if (socket.alpnProtocol !== "h2") socket.destroySoon();
      };
      if (busy === 0) onIdle();
    }));
  return { port, close, [Symbol.asyncDispose]: () => close() };
}

function bound(secure: Server, { host, port }: ListenOptions): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    secure.once("error", reject);
    secure.listen(port, host, () => {
      secure.off("error", reject);
      resolve(secure.address() as AddressInfo); // a server that listens on TCP has one
    });
  });
}
