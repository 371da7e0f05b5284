// Forwards TCP connections of one listener. A backend that refuses is passed over for the next one; a connection that
// stands is never broken by an endpoint change, so requests under way finish (relay.ts).

import { connect, createServer, type Server, type Socket } from "node:net";
import type { Balancer } from "./balancer.ts";
import { type Backend, backendName, type Listener } from "./plan.ts";
import { type Relay, type RelayHost, startRelay } from "./relay.ts";

const CONNECT_TIMEOUT_MS = 3_000;

export interface Forwarder {
  /** Resolves once it listens; rejects with the system's error (address in use, permission). */
  readonly listening: Promise<void>;
  /** The balancer has other backends now. */
  backendsChanged(backends: readonly Backend[]): void;
  /** Stops listening; connections that stand go on unless `force`. */
  close(force: boolean): Promise<void>;
}

export function forwardTcp(listener: Pick<Listener, "ip" | "port">, balancer: Balancer): Forwarder {
  const open = new Set<Socket>();
  const relays = new Set<Relay>();
  const track = (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  };
  const host: RelayHost = {
    hasLeft: (upstream) => balancer.hasLeft(upstream.backend),
    dial(client, done) {
      const address = client.remoteAddress ?? "";
      dialFirst(balancer.choose(address), client, (backend, socket) => {
        if (!socket) return done(undefined);
        track(socket);
        balancer.chosen(address, backend);
        done({ socket, backend: backendName(backend) });
      });
    },
  };
  const server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true, keepAlive: true }, (client) => {
    track(client);
    const relay = startRelay(client, host);
    relays.add(relay);
    client.once("close", () => relays.delete(relay));
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
    backendsChanged() {
      for (const relay of relays) relay.backendsChanged();
    },
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
  const stop = () => {
    upstream.setTimeout(0, next);
    upstream.removeListener("error", next);
    client.removeListener("close", onClientGone);
  };
  const next = () => {
    stop();
    upstream.on("error", () => {});
    upstream.destroy();
    if (!client.destroyed) dialFirst(backends, client, done, index + 1);
  };
  const onClientGone = () => upstream.destroy();
  upstream.setTimeout(CONNECT_TIMEOUT_MS, next);
  upstream.once("error", next);
  client.once("close", onClientGone);
  upstream.once("connect", () => {
    stop();
    done(backend, upstream);
  });
}
