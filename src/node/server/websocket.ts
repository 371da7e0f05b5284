// The WebSocket handshake. The library is loaded when the first client comes.

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";

export function offeredProtocols(request: IncomingMessage): readonly string[] {
  return (request.headers["sec-websocket-protocol"] ?? "").split(",").flatMap((name) => name.trim() || []);
}

/** Accepts the connection with a protocol that the client has offered; "" for none. */
export async function acceptWebSocket(request: IncomingMessage, socket: Duplex, head: Buffer, protocol: string): Promise<WebSocket> {
  const { WebSocketServer } = await import("ws");
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: 64 * 1024 * 1024, clientTracking: false });
  // The library takes only names that are HTTP tokens, and `SPDY/3.1+portforward.k8s.io` is none: it is kept out of the negotiation.
  delete request.headers["sec-websocket-protocol"];
  if (protocol !== "") server.on("headers", (headers) => void headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
  return new Promise((resolve, reject) => {
    socket.once("close", () => reject(new Error("the client has gone")));
    server.once("wsClientError", reject);
    server.handleUpgrade(request, socket, head, resolve);
  });
}

/** The bytes of binary messages as one stream; where a message begins does not matter. */
export async function websocketTransport(socket: WebSocket): Promise<Duplex> {
  const { createWebSocketStream } = await import("ws");
  return createWebSocketStream(socket, { highWaterMark: 256 * 1024 });
}
