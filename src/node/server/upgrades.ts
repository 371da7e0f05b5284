// Upgrade requests: finds who speaks the protocol that the client wants.

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import { hasContainer } from "./log-request.ts";
import type { PodAccess } from "./pod-access.ts";
import { forwardPorts, PORT_FORWARD_PROTOCOL, PORT_FORWARD_TUNNEL, type ForwardedPod } from "./port-forward.ts";
import { parseStreamQuery, runCommand, type CommandRequest } from "./remote-command.ts";
import { Refusal } from "./reply.ts";
import { SPDY_COMMAND_PROTOCOLS, spdyStreams } from "./spdy-streams.ts";
import { COMMAND_PROTOCOLS, websocketStreams } from "./websocket-streams.ts";
import { acceptWebSocket, offeredProtocols, websocketTransport } from "./websocket.ts";

export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  /** The path's parts, decoded. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

export interface UpgradeMeans {
  readonly access: PodAccess;
  readonly clock: Pick<Clock, "after">;
}

/** Resolves when the connection is done with. Rejects with a Refusal only while the socket is still a plain HTTP one. */
export async function takeUpgrade(means: UpgradeMeans, upgrade: Upgrade): Promise<void> {
  const [root = "", namespace = "", name = "", container = ""] = upgrade.parts;
  if (root !== "exec" && root !== "attach" && root !== "portForward") throw new Refusal(404, "404 page not found");
  const pod = means.access.pod(namespace, name);
  if (!pod) throw new Refusal(404, "pod does not exist");
  const protocol = upgrade.request.headers.upgrade?.toLowerCase();
  if (protocol !== "websocket" && protocol !== "spdy/3.1")
    throw new Refusal(400, `unable to upgrade: unsupported protocol ${protocol ?? ""}`);
  const isSpdy = protocol === "spdy/3.1";
  if (root === "portForward") return takePortForward(means, upgrade, { namespace, name, uid: pod.metadata?.uid ?? "" }, isSpdy);
  if (!hasContainer(pod, container)) throw new Refusal(404, `container not found (${JSON.stringify(container)})`);
  const streams = parseStreamQuery(upgrade.query);
  const command: CommandRequest = { kind: root, namespace, pod: name, container, command: upgrade.query.getAll("command"), streams };
  return isSpdy ? commandOverSpdy(means, upgrade, command) : commandOverWebSocket(means, upgrade, command);
}

async function takePortForward({ access, clock }: UpgradeMeans, upgrade: Upgrade, pod: ForwardedPod, isSpdy: boolean): Promise<void> {
  if (isSpdy) return forwardPorts(access, clock, pod, acceptSpdy(upgrade, [PORT_FORWARD_PROTOCOL]));
  const offered = offeredProtocols(upgrade.request);
  if (!offered.includes(PORT_FORWARD_TUNNEL))
    throw new Refusal(400, `unable to upgrade: client offers ${offered.join(", ")}, spoken here: ${PORT_FORWARD_TUNNEL}`);
  const socket = await acceptWebSocket(upgrade.request, upgrade.socket, upgrade.head, PORT_FORWARD_TUNNEL);
  return forwardPorts(access, clock, pod, await websocketTransport(socket));
}

async function commandOverWebSocket({ access }: UpgradeMeans, { request, socket, head }: Upgrade, command: CommandRequest): Promise<void> {
  const offered = offeredProtocols(request);
  const protocol = COMMAND_PROTOCOLS.find((one) => offered.includes(one));
  if (protocol === undefined && offered.length > 0)
    throw new Refusal(400, `unable to upgrade: unsupported protocols: ${offered.join(", ")}`);
  const accepted = await acceptWebSocket(request, socket, head, protocol ?? "");
  await runCommand(access, command, websocketStreams(accepted, command.streams, protocol ?? "channel.k8s.io"));
}

async function commandOverSpdy({ access, clock }: UpgradeMeans, upgrade: Upgrade, command: CommandRequest): Promise<void> {
  const transport = acceptSpdy(upgrade, SPDY_COMMAND_PROTOCOLS);
  const streams = await spdyStreams(transport, command.streams, clock).catch(() => undefined);
  if (streams) await runCommand(access, command, streams);
}

/** Answers the handshake with the first of our protocols that the client offers. */
function acceptSpdy({ request, socket, head }: Upgrade, spoken: readonly string[]): Duplex {
  const header = request.headers["x-stream-protocol-version"] ?? "";
  const offered = [header]
    .flat()
    .join(",")
    .split(",")
    .map((name) => name.trim());
  const protocol = spoken.find((name) => offered.includes(name));
  if (protocol === undefined)
    throw new Refusal(
      403,
      `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(" ")}], server accepts [${spoken.join(" ")}]`,
    );
  const lines = ["HTTP/1.1 101 Switching Protocols", "Connection: Upgrade", "Upgrade: SPDY/3.1", `X-Stream-Protocol-Version: ${protocol}`];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  if (head.length > 0) socket.unshift(head);
  return socket;
}
