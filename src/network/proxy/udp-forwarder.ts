// Forwards UDP of one listener: each client address has a flow, a socket of its own towards its backend, so that
// answers find their way back. A flow ends when it is idle, or when its backend is no longer one.

import { createSocket, type Socket } from "node:dgram";
import type { Clock, Timer } from "#lib/clock.ts";
import type { Balancer } from "./balancer.ts";
import type { Forwarder } from "./tcp-forwarder.ts";
import { type Backend, backendName, type Listener } from "./plan.ts";

/** As conntrack's default for flows that have seen answers. */
const IDLE_MS = 180_000;
const MAX_FLOWS = 10_000;

interface Flow {
  readonly socket: Socket;
  readonly backend: Backend;
  lastUsed: number;
}

export function forwardUdp(listener: Pick<Listener, "ip" | "port">, balancer: Balancer, clock: Clock): Forwarder {
  const flows = new Map<string, Flow>();
  const front = createSocket({ type: listener.ip.includes(":") ? "udp6" : "udp4" });
  let sweep: Timer | undefined;

  const end = (client: string, flow: Flow) => {
    flows.delete(client);
    flow.socket.close();
  };
  const sweepIdle = () => {
    sweep = undefined;
    for (const [client, flow] of flows) if (clock.now() - flow.lastUsed >= IDLE_MS) end(client, flow);
    if (flows.size > 0) sweep = clock.after(IDLE_MS / 2, sweepIdle);
  };
  front.on("message", (message, from) => {
    const client = `${from.address}:${from.port}`;
    let flow = flows.get(client);
    if (!flow) {
      const backend = balancer.choose(from.address)[0];
      if (!backend || flows.size >= MAX_FLOWS) return;
      balancer.chosen(from.address, backend);
      const socket = createSocket({ type: backend.ip.includes(":") ? "udp6" : "udp4" });
      flow = { socket, backend, lastUsed: clock.now() };
      flows.set(client, flow);
      socket.on("message", (answer) => front.send(answer, from.port, from.address));
      const broken = flow;
      socket.on("error", () => flows.get(client) === broken && end(client, broken));
      sweep ??= clock.after(IDLE_MS / 2, sweepIdle);
    }
    flow.lastUsed = clock.now();
    flow.socket.send(message, flow.backend.port, flow.backend.ip);
  });
  const listening = new Promise<void>((resolve, reject) => {
    front.once("error", reject);
    front.bind({ address: listener.ip, port: listener.port, exclusive: true }, () => {
      front.removeListener("error", reject);
      front.on("error", () => {});
      resolve();
    });
  });
  return {
    listening,
    backendsChanged(backends) {
      const there = new Set(backends.map(backendName));
      for (const [client, flow] of flows) if (!there.has(backendName(flow.backend))) end(client, flow);
    },
    async close() {
      sweep?.cancel();
      for (const [client, flow] of flows) end(client, flow);
      const bound = await listening.then(
        () => true,
        () => false,
      );
      if (bound) await new Promise<void>((resolve) => front.close(() => resolve()));
    },
  };
}
