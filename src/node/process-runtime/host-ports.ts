// hostPort: listens on the node's address and forwards to the pod, as the portmap plugin does for real containers.

import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { connect, createServer, type Socket } from "node:net";
import type { Clock, Timer } from "#lib/clock.ts";
import type { PortMapping } from "../runtime.ts";

export interface HostPorts extends AsyncDisposable {}

/** A UDP conversation is forgotten after this long without a packet from the client. */
const UDP_IDLE_MS = 60_000;

/** Opens all mappings of a pod, or none: rejects with the system's error if a port is taken. */
export async function openHostPorts(
  mappings: readonly PortMapping[],
  addresses: { readonly host: string; readonly pod: string },
  clock: Clock,
): Promise<HostPorts> {
  await using stack = new AsyncDisposableStack();
  for (const mapping of mappings) {
    const from = { host: wanted(mapping.hostIp) ?? addresses.host, port: mapping.hostPort };
    const to = { host: addresses.pod, port: mapping.containerPort };
    if (mapping.protocol === "TCP") stack.use(await forwardTcp(from, to));
    else if (mapping.protocol === "UDP") stack.use(await forwardUdp(from, to, clock));
    else throw new Error(`host ports of protocol ${mapping.protocol} are not supported by the process runtime`);
  }
  return stack.move();
}

/** All of the host's addresses would take the port from other nodes' pods: the node's own is meant. */
function wanted(hostIp: string | undefined): string | undefined {
  return hostIp === undefined || hostIp === "" || hostIp === "0.0.0.0" || hostIp === "::" ? undefined : hostIp;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

async function forwardTcp(from: Address, to: Address): Promise<AsyncDisposable> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const target = connect({ ...to, allowHalfOpen: true, noDelay: true });
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroySoon();
      });
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: from.host, port: from.port }, resolve);
  });
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function forwardUdp(from: Address, to: Address, clock: Clock): Promise<AsyncDisposable> {
  const family = from.host.includes(":") ? "udp6" : "udp4";
  const server = createSocket(family);
  /** By client: the socket its packets go out from, so that answers find back. */
  const clients = new Map<string, { readonly socket: UdpSocket; timer: Timer }>();
  server.on("message", (packet, client: RemoteInfo) => {
    const key = `${client.address} ${client.port}`;
    const forget = () => {
      clients.get(key)?.socket.close();
      clients.delete(key);
    };
    let known = clients.get(key);
    if (known === undefined) {
      const socket = createSocket(to.host.includes(":") ? "udp6" : "udp4");
      socket.on("message", (answer) => server.send(answer, client.port, client.address));
      socket.on("error", () => {});
      known = { socket, timer: clock.after(UDP_IDLE_MS, forget) };
      clients.set(key, known);
    } else {
      known.timer.cancel();
      known.timer = clock.after(UDP_IDLE_MS, forget);
    }
    known.socket.send(packet, to.port, to.host);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.bind({ address: from.host, port: from.port, exclusive: true }, () => {
      server.off("error", reject);
      server.on("error", () => {});
      resolve();
    });
  });
  return {
    async [Symbol.asyncDispose]() {
      for (const { socket, timer } of clients.values()) {
        timer.cancel();
        socket.close();
      }
      clients.clear();
      await new Promise<void>((resolve) => server.close(resolve));
    },
  };
}
