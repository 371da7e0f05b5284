// HTTP/1.1 requests, and upgrades, which take over the socket.

import type { IncomingMessage, ServerResponse } from "node:http";
import { STATUS_CODES } from "#lib/node-http.ts";
import type { Duplex, Writable } from "node:stream";
import type { Logger } from "#lib/log.ts";
import type { ApiRequest, ApiResponse, Handler } from "../http.ts";
import { NetworkRequest } from "./network-request.ts";
import { outletOf } from "./outlet.ts";
import type { Peer } from "./peer.ts";
import { pumpTo, pushTo, type PushBacklog } from "./push-sink.ts";
import { readBody } from "./request-body.ts";

interface Upgrade {
  readonly socket: Duplex;
  readonly head: Uint8Array;
}

/** A request on a connection. What few requests need is made when it is asked for. */
class Http1Request extends NetworkRequest {
  readonly hijack?: NonNullable<ApiRequest["hijack"]>;
  readonly #message: IncomingMessage;
  readonly #answer: Writable;
  #body: Promise<Uint8Array> | undefined;

  /** The client is gone when `answer` is. */
  constructor(message: IncomingMessage, peer: Peer, answer: Writable, hijack?: () => Upgrade) {
    // Of headers only set-cookie can be a list, and requests have none.
    super(message.method ?? "GET", message.url ?? "/", message.headers as ApiRequest["headers"], peer);
    this.#message = message;
    this.#answer = answer;
    if (hijack) this.hijack = hijack;
  }

  protected onceGone(callback: () => void): void {
    if (this.#answer.destroyed) callback();
    else this.#answer.once("close", callback);
  }

  body = (): Promise<Uint8Array> =>
    (this.#body ??= hasBody(this.#message)
      ? readBody(this.#message, this.#message.headers["content-length"])
      : Promise.resolve(new Uint8Array(0)));
}

function hasBody(message: IncomingMessage): boolean {
  return message.headers["content-length"] !== undefined || message.headers["transfer-encoding"] !== undefined;
}

export function handleRequest(
  handler: Handler,
  log: Logger,
  peer: Peer,
  message: IncomingMessage,
  response: ServerResponse,
  backlog: PushBacklog,
): void {
  response.on("error", ignore);
  const request = new Http1Request(message, peer, response);
  handler(request)
    .then((answer) => send(message, response, answer, backlog))
    .catch((error: unknown) => {
      log.error("response failed", { path: request.path, error });
      response.destroy();
    });
}

function ignore(): void {}

function send(message: IncomingMessage, response: ServerResponse, answer: ApiResponse, backlog: PushBacklog): Promise<void> | undefined {
  if (response.destroyed) return undefined;
  const { body, push } = answer;
  // A body that nobody read would be taken for the next request.
  const unread = hasBody(message) && !message.readableEnded;
  const headers: Record<string, string> = { ...answer.headers, ...(unread ? { connection: "close" } : {}) };
  if (push && message.method !== "HEAD") {
    response.writeHead(answer.status, headers);
    response.flushHeaders();
    pushTo(outletOf(response), push, backlog);
    return undefined;
  }
  if (body instanceof Uint8Array) headers["content-length"] = String(body.length);
  response.writeHead(answer.status, headers);
  if (body === undefined || message.method === "HEAD") response.end();
  else if (body instanceof Uint8Array) response.end(body);
  else return pumpTo(outletOf(response), body);
  return undefined;
}

/** A handler that takes the socket owns it from then on; otherwise its answer is written as plain HTTP/1.1 and the socket closed. */
export function handleUpgrade(handler: Handler, log: Logger, peer: Peer, message: IncomingMessage, socket: Duplex, head: Buffer): void {
  let taken = false;
  socket.on("error", ignore);
  const hijack = () => {
    if (taken) throw new TypeError("the socket was taken already");
    taken = true;
    return { socket, head };
  };
  const request = new Http1Request(message, peer, socket, hijack);
  handler(request)
    .then(async (answer) => {
      if (!taken) await writeRaw(socket, answer);
    })
    .catch((error: unknown) => {
      log.error("upgrade failed", { path: request.path, error });
      socket.destroy();
    });
}

async function writeRaw(socket: Duplex, answer: ApiResponse): Promise<void> {
  const { body } = answer;
  const chunks: Uint8Array[] = [];
  if (body instanceof Uint8Array) chunks.push(body);
  else if (body) for await (const chunk of body) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const lines = [
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ""}`,
    ...Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${bytes.length}`,
    "connection: close",
  ];
  socket.end(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), bytes]));
}
