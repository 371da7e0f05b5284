// HTTP/2 requests through the stream API, which costs a third less than the compatibility layer.

import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Logger } from "#lib/log.ts";
import type { ApiRequest, ApiResponse, Handler } from "../http.ts";
import type { Peer } from "./peer.ts";
import { pumpTo, pushTo, type PushBacklog } from "./push-sink.ts";
import { readBody } from "./request-body.ts";

const END_STREAM = 0x1;
const CANCEL = 0x8;
/** A client that sends more than this after it was refused is cut off. */
const MAX_DISCARDED_BYTES = 16 * 1024 * 1024;
const NO_BYTES: Promise<Uint8Array> = Promise.resolve(new Uint8Array(0));

/** A request on a stream. What few requests need is made when it is asked for. */
class Http2Request implements ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: ApiRequest["headers"];
  readonly remoteAddress: string;
  readonly peerCertificate?: NonNullable<ApiRequest["peerCertificate"]>;
  readonly untrustedCertificate?: boolean;
  readonly #stream: ServerHttp2Stream;
  readonly #search: string;
  readonly #empty: boolean;
  #query: URLSearchParams | undefined;
  #abort: AbortController | undefined;
  #body: Promise<Uint8Array> | undefined;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number, peer: Peer) {
    const target = headers[":path"] ?? "/";
    const mark = target.indexOf("?");
    this.#stream = stream;
    this.#empty = (flags & END_STREAM) !== 0;
    this.#search = mark < 0 ? "" : target.slice(mark + 1);
    this.method = headers[":method"] ?? "GET";
    this.path = mark < 0 ? target : target.slice(0, mark);
    // Only set-cookie can be a list, and requests have none.
    this.headers = headers as ApiRequest["headers"];
    this.remoteAddress = peer.address;
    if (peer.certificate) this.peerCertificate = peer.certificate;
    if (peer.untrusted) this.untrustedCertificate = true;
  }

  get bodyRead(): boolean {
    return this.#empty || this.#stream.readableEnded;
  }

  get query(): URLSearchParams {
    return (this.#query ??= new URLSearchParams(this.#search));
  }

  get signal(): AbortSignal {
    if (!this.#abort) {
      const controller = new AbortController();
      this.#abort = controller;
      if (this.#stream.destroyed) controller.abort();
      else this.#stream.once("close", () => controller.abort());
    }
    return this.#abort.signal;
  }

  body = (): Promise<Uint8Array> => (this.#body ??= this.#empty ? NO_BYTES : readBody(this.#stream, this.headers["content-length"]));
}

export function handleStream(
  handler: Handler,
  log: Logger,
  peer: Peer,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  backlog: PushBacklog,
): void {
  // Without a listener a reset by the client would end the process; the close event tells what matters.
  stream.on("error", ignore);
  const request = new Http2Request(stream, headers, flags, peer);
  handler(request)
    .then((response) => {
      const sending = send(stream, response, request.method === "HEAD", backlog);
      if (!response.push && !request.bodyRead) discardBody(stream);
      return sending;
    })
    .catch((error: unknown) => {
      log.error("response failed", { path: request.path, error });
      stream.destroy();
    });
}

function ignore(): void {}

/** What is left of a body that nobody wants would hold the stream, and its share of the session's memory. Reset at once, the stream would lose its answer. */
function discardBody(stream: ServerHttp2Stream): void {
  let left = MAX_DISCARDED_BYTES;
  stream.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) stream.close(CANCEL);
  });
  stream.resume();
}

function send(stream: ServerHttp2Stream, response: ApiResponse, isHead: boolean, backlog: PushBacklog): Promise<void> | undefined {
  if (stream.destroyed) return undefined;
  const { body, push } = response;
  const headers: OutgoingHttpHeaders = { ":status": response.status, ...response.headers };
  if (push && !isHead) {
    stream.respond(headers);
    pushTo(stream, push, backlog);
    return undefined;
  }
  if (body instanceof Uint8Array) headers["content-length"] = body.length;
  if (isHead || body === undefined || (body instanceof Uint8Array && body.length === 0)) {
    stream.respond(headers, { endStream: true });
    return undefined;
  }
  stream.respond(headers);
  if (!(body instanceof Uint8Array)) return pumpTo(stream, body);
  stream.end(body);
  return undefined;
}
