// Requests that come over HTTP/2, as the pipeline takes them.

import type { Logger } from "#lib/log.ts";
import type { ApiResponse, Handler } from "../http.ts";
import type { Http2Stream } from "./http2/stream.ts";
import { NetworkRequest } from "./network-request.ts";
import type { Peer } from "./peer.ts";
import { pumpTo, pushTo, type PushBacklog } from "./push-sink.ts";

/** A request on a stream. What few requests need is made when it is asked for. */
class Http2Request extends NetworkRequest {
  readonly #stream: Http2Stream;

  constructor(stream: Http2Stream, peer: Peer) {
    const { method, target, headers } = stream.head;
    super(method, target, headers, peer);
    this.#stream = stream;
  }

  protected onceGone(callback: () => void): void {
    this.#stream.onceClosed(callback);
  }

  body = (): Promise<Uint8Array> => this.#stream.body();
}

export function handleStream(handler: Handler, log: Logger, peer: Peer, stream: Http2Stream, backlog: PushBacklog): void {
  const request = new Http2Request(stream, peer);
  handler(request)
    .then((response) => send(stream, response, request.method === "HEAD", backlog))
    .catch((error: unknown) => {
      log.error("response failed", { path: request.path, error });
      stream.destroy();
    });
}

function send(stream: Http2Stream, response: ApiResponse, isHead: boolean, backlog: PushBacklog): Promise<void> | undefined {
  if (stream.closed) return undefined;
  const { status, headers, body, push } = response;
  if (push && !isHead) {
    stream.begin(status, headers);
    pushTo(stream, push, backlog);
    return undefined;
  }
  if (isHead || body === undefined || body instanceof Uint8Array) {
    stream.respond(status, headers, body instanceof Uint8Array ? body : undefined, isHead);
    return undefined;
  }
  stream.begin(status, headers);
  return pumpTo(stream, body);
}
