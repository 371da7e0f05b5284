// One client's connection through the forwarder. Bytes pass as they come, half-closes are passed on, and a break on one
// side is a break on the other. If the client speaks HTTP/1 and its backend has left the Service, the client is handed to
// another backend between two requests, so that a server may close kept-alive connections whenever it shuts down.
// A connection whose backend stays is never touched.

import type { Socket } from "node:net";
import { startsWithRequest } from "./http-boundaries.ts";
import { createHttpExchange, type HttpExchange } from "./http-exchange.ts";

/** What the relay asks of its listener. */
export interface RelayHost {
  /** Connects to a backend; `done` gets undefined if none answers. */
  dial(client: Socket, done: (upstream: Upstream | undefined) => void): void;
  /** There are backends to go to, and this one is no longer among them. */
  hasLeft(upstream: Upstream): boolean;
}

export interface Upstream {
  readonly socket: Socket;
  /** `ip:port` */
  readonly backend: string;
}

export interface Relay {
  /** The Service's backends changed. */
  backendsChanged(): void;
}

/** `client` is paused and has no listeners; the relay owns it from now on. */
export function startRelay(client: Socket, host: RelayHost): Relay {
  let upstream: Upstream | undefined;
  /** What speaks: not known before the first byte, plain bytes, or HTTP. */
  let speech: "unknown" | "plain" | HttpExchange = "unknown";
  /** Bytes for a backend that is being dialled; undefined: none is. */
  let pending: Buffer[] | undefined = [];
  let clientEnded = false;
  let replayed = false;

  const connect = (bytes: readonly Buffer[]) => {
    pending = [...bytes];
    client.pause();
    host.dial(client, (next) => {
      if (client.destroyed) return next?.socket.destroy();
      if (!next) return client.resetAndDestroy();
      const waiting = pending ?? [];
      pending = undefined;
      attach(next);
      for (const chunk of waiting) next.socket.write(chunk);
      if (clientEnded) next.socket.end();
      client.resume();
    });
  };
  const attach = (next: Upstream) => {
    upstream = next;
    const { socket } = next;
    // After detach() the socket is nobody's: what still comes from it is dropped.
    const isOurs = () => upstream === next;
    socket.on("data", (chunk: Buffer) => {
      if (!isOurs()) return;
      if (typeof speech === "object") {
        if (!speech.response(chunk)) speech = "plain";
      } else speech = "plain"; // a server that speaks first is not HTTP
      if (!client.write(chunk)) socket.pause();
      if (typeof speech === "object" && speech.idle && host.hasLeft(next)) detach();
    });
    socket.on("drain", () => isOurs() && client.resume());
    socket.on("end", () => {
      if (isOurs() && !takeOver(next)) client.end();
    });
    socket.on("error", () => {
      if (isOurs() && !takeOver(next)) client.resetAndDestroy();
    });
    socket.on("close", () => isOurs() && client.destroySoon());
  };
  /** Lets go of the backend; the client does not notice. */
  const detach = () => {
    const socket = upstream?.socket;
    upstream = undefined;
    if (!socket) return;
    socket.destroySoon();
    client.resume();
    if (clientEnded) client.end();
  };
  /** The backend closed or broke the connection. True: the client goes on with another. */
  const takeOver = (gone: Upstream): boolean => {
    if (typeof speech !== "object" || clientEnded || !host.hasLeft(gone)) return false;
    const { idle, replay } = speech;
    if (!idle && (replay === undefined || replayed)) return false;
    detach();
    if (replay && !idle) {
      replayed = true;
      connect(replay);
    }
    return true;
  };
  const onBytes = (chunk: Buffer) => {
    if (speech === "unknown") speech = startsWithRequest(chunk) ? createHttpExchange() : "plain";
    let isFresh = false;
    if (typeof speech === "object") {
      isFresh = speech.idle;
      if (isFresh) replayed = false;
      if (!speech.request(chunk)) speech = "plain";
    }
    if (pending) return void pending.push(chunk);
    if (isFresh && upstream && host.hasLeft(upstream)) detach();
    if (!upstream) return connect([chunk]);
    if (!upstream.socket.write(chunk)) client.pause();
  };
  client.on("data", onBytes);
  client.on("drain", () => upstream?.socket.resume());
  client.on("end", () => {
    clientEnded = true;
    if (upstream) upstream.socket.end();
    else if (!pending) client.end();
  });
  client.on("error", () => upstream?.socket.resetAndDestroy());
  client.on("close", () => upstream?.socket.destroy());
  connect([]);
  return {
    backendsChanged() {
      if (upstream && typeof speech === "object" && speech.idle && host.hasLeft(upstream)) detach();
    },
  };
}
