// Upgrade requests: finds who speaks the protocol that the client wants.

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "#lib/log.ts";
import { hasContainer } from "./log-request.ts";
import type { PodAccess } from "./pod-access.ts";
import { parseStreamQuery, runCommand, type CommandRequest } from "./remote-command.ts";
import { Refusal } from "./reply.ts";
import { COMMAND_PROTOCOLS, websocketStreams } from "./websocket-streams.ts";
import { acceptWebSocket, offeredProtocols } from "./websocket.ts";

export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  /** The path's parts, decoded. */
  readonly parts: readonly string[];
  readonly query: URLSearchParams;
}

/** Resolves when the connection is done with; rejects only while the socket is still a plain HTTP one. */
export async function takeUpgrade(access: PodAccess, log: Logger, upgrade: Upgrade): Promise<void> {
  const [root = "", namespace = "", name = "", container = ""] = upgrade.parts;
  if (root !== "exec" && root !== "attach" && root !== "portForward") throw new Refusal(404, "404 page not found");
  const pod = access.pod(namespace, name);
  if (!pod) throw new Refusal(404, "pod does not exist");
  if (root === "portForward") throw new Refusal(501, "not there yet");
  if (!hasContainer(pod, container)) throw new Refusal(404, `container not found (${JSON.stringify(container)})`);
  const streams = parseStreamQuery(upgrade.query);
  const command: CommandRequest = { kind: root, namespace, pod: name, container, command: upgrade.query.getAll("command"), streams };
  await commandOverWebSocket(access, upgrade, command);
  log.debug("remote command done", { namespace, pod: name, container });
}

async function commandOverWebSocket(access: PodAccess, { request, socket, head }: Upgrade, command: CommandRequest): Promise<void> {
  const offered = offeredProtocols(request);
  const protocol = COMMAND_PROTOCOLS.find((one) => offered.includes(one));
  if (protocol === undefined && offered.length > 0)
    throw new Refusal(400, `unable to upgrade: unsupported protocols: ${offered.join(", ")}`);
  const accepted = await acceptWebSocket(request, socket, head, protocol ?? "");
  await runCommand(access, command, websocketStreams(accepted, command.streams, protocol ?? "channel.k8s.io"));
}
