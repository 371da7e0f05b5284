// Forwards TCP connections of one listener. A backend that refuses is passed over for the next one; a connection that
// stands is never broken by an endpoint change, so requests under way finish.

import { createServer, connect, type Server, type Socket } from "node:net";
import type { Balancer } from "./balancer.ts";
import type { Backend, Listener } from "./plan.ts";

const CONNECT_TIMEOUT_MS = 3_000;

export interface Forwarder {
  /** Resolves once it listens; rejects with the system's error (address in use, permission). */
  readonly listening: Promise<void>;
  /** Stops listening; connections that stand go on unless `force`. */
  close(force: boolean): Promise<void>;
}

export function forwardTcp(listener: Pick<Listener, "ip" | "port">, balancer: Balancer): Forwarder {
  const open = new Set<Socket>();
  const track = (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  };
  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true, keepAlive: true }, (client) => {
    track(client);
    client.on("error", () => client.destroy());
    const address = client.remoteAddress ?? "";
    dialFirst(balancer.choose(address), client, (backend, upstream) => {
      if (!upstream) return client.resetAndDestroy();
      track(upstream);
      balancer.chosen(address, backend);
      join(client, upstream);
    });
  });
  const listening = new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: listener.ip, port: listener.port, backlog: 1024 }, () => {
      server.removeListener("error", reject);
      server.on("error", () => {});
      resolve();
    });
  });
  return {
    listening,
    async close(force) {
      await listening.catch(() => {});
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Without force the server's handle is gone at once; what stands ends by itself.
      if (!force) return;
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** Tries backends in order until one answers. The last argument is undefined if none did. */
function dialFirst(
  backends: readonly Backend[],
  client: Socket,
  done: (backend: Backend, upstream: Socket | undefined) => void,
  index = 0,
): void {
  const backend = backends[index];
  if (!backend) return done({ ip: "", port: 0 }, undefined);
  const upstream = connect({ host: backend.ip, port: backend.port, allowHalfOpen: true, noDelay: true, keepAlive: true });
  const next = () => {
    upstream.destroy();
    if (!client.destroyed) dialFirst(backends, client, done, index + 1);
  };
  const onClientGone = () => upstream.destroy();
  upstream.setTimeout(CONNECT_TIMEOUT_MS, next);
  upstream.once("error", next);
  client.once("close", onClientGone);
  upstream.once("connect", () => {
    upstream.setTimeout(0);
    upstream.removeListener("error", next);
    client.removeListener("close", onClientGone);
    done(backend, upstream);
  });
}

/** Copies both ways, passes on half-closes, and turns a break on one side into a break on the other. */
function join(client: Socket, upstream: Socket): void {
  upstream.on("error", () => client.resetAndDestroy());
  client.removeAllListeners("error");
  client.on("error", () => upstream.resetAndDestroy());
  client.on("close", () => upstream.destroy());
  upstream.on("close", () => client.destroySoon());
  client.pipe(upstream);
  upstream.pipe(client);
  client.resume();
}
