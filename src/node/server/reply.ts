// Answers of the node's API: plain text for failures, as the kubelet gives them.

import type { ServerResponse } from "node:http";
import { STATUS_CODES } from "#lib/node-http.ts";
import type { Duplex } from "node:stream";

/** A failure with the code and text that the client gets. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal(500, error instanceof Error ? error.message : String(error));
}

export function sendText(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, { "content-type": "text/plain; charset=utf-8", "content-length": Buffer.byteLength(text) });
  response.end(text);
}

export function sendJson(response: ServerResponse, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
  response.end(body);
}

/** Answers an upgrade request with a refusal. */
export function refuseUpgrade(socket: Duplex, { code, message }: Refusal): void {
  const body = Buffer.from(message);
  const head = [
    `HTTP/1.1 ${code} ${STATUS_CODES[code] ?? ""}`,
    "content-type: text/plain; charset=utf-8",
    `content-length: ${body.length}`,
    "connection: close",
  ];
  socket.end(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]));
}
