// What requests from the network have alike, whichever protocol they came by. What few of them need is made when it is asked for.

import type { ApiRequest } from "../http.ts";
import type { Peer } from "./peer.ts";

export abstract class NetworkRequest implements ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: ApiRequest["headers"];
  readonly remoteAddress: string;
  readonly peerCertificate?: NonNullable<ApiRequest["peerCertificate"]>;
  readonly untrustedCertificate?: boolean;
  readonly #search: string;
  #query: URLSearchParams | undefined;
  #abort: AbortController | undefined;

  constructor(method: string, target: string, headers: ApiRequest["headers"], peer: Peer) {
    const mark = target.indexOf("?");
    this.#search = mark < 0 ? "" : target.slice(mark + 1);
    this.method = method;
    this.path = mark < 0 ? target : target.slice(0, mark);
    this.headers = headers;
    this.remoteAddress = peer.address;
    if (peer.certificate) this.peerCertificate = peer.certificate;
    if (peer.untrusted) this.untrustedCertificate = true;
  }

  get query(): URLSearchParams {
    return (this.#query ??= new URLSearchParams(this.#search));
  }

  get signal(): AbortSignal {
    if (!this.#abort) {
      const controller = new AbortController();
      this.#abort = controller;
      this.onceGone(() => controller.abort());
    }
    return this.#abort.signal;
  }

  abstract readonly body: () => Promise<Uint8Array>;
  /** Calls when the client is gone, at once if it is already. */
  protected abstract onceGone(callback: () => void): void;
}
