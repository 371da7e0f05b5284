// Passes an upgraded connection on: after the backend agreed, bytes go both ways unread.

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { badRequest, internalError } from "#meta/errors.ts";
import type { ApiRequest, ApiResponse } from "../http.ts";
import { bodyOf, dialError, openRequest, type BackendTarget } from "./backend.ts";
import { requestHeaders, responseHeaders } from "./forwarded-headers.ts";

export function isUpgrade(request: ApiRequest): boolean {
  return request.hijack !== undefined && request.headers["upgrade"] !== undefined;
}

/** Resolves once the tunnel stands (the socket is taken then), or to the backend's refusal. Rejects with ApiError. */
export function tunnel(request: ApiRequest, target: BackendTarget): Promise<ApiResponse> {
  const { hijack, signal } = request;
  const protocol = request.headers["upgrade"];
  if (!hijack || protocol === undefined) throw badRequest("Upgrade request required");
  return new Promise((resolve, reject) => {
    const headers = { ...requestHeaders(request), connection: "Upgrade", upgrade: protocol };
    const outgoing = openRequest(target, request.method, headers);
    const abort = () => outgoing.destroy(new Error("context canceled"));
    signal.addEventListener("abort", abort, { once: true });
    outgoing.once("upgrade", (answer: IncomingMessage, backend: Duplex, head: Buffer) => {
      signal.removeEventListener("abort", abort);
      const { socket, head: early } = hijack();
      socket.write(headOf(answer));
      if (head.length > 0) socket.write(head);
      if (early.length > 0) backend.write(early);
      join(socket, backend);
      resolve({ status: 101, headers: {}, body: undefined });
    });
    outgoing.once("response", (answer: IncomingMessage) => {
      const { statusCode: status = 502 } = answer;
      answer.once("close", () => signal.removeEventListener("abort", abort));
      if (status >= 400) return resolve({ status, headers: responseHeaders(answer.headers), body: bodyOf(answer, signal) });
      answer.destroy();
      reject(internalError(new Error(`invalid upgrade response: status code ${status}`)));
    });
    outgoing.on("error", (error) => reject(internalError(new Error(`error dialing backend: ${dialError(target, error)}`))));
    outgoing.end();
  });
}

/** The answer's head as it came: handshakes depend on its headers. */
function headOf({ statusCode, statusMessage, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`);
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

/** Neither side outlives the other; what one has sent before its end still arrives. */
function join(a: Duplex, b: Duplex): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.on("error", () => {});
    from.pipe(to);
    from.once("close", () => {
      if (from.readableEnded) to.end();
      else to.destroy();
    });
  }
}
