// Requests with bodies and headers as they are, for tests of encodings.

import type { ApiRequest } from "#apiserver/http.ts";
import { ADMIN, type BuiltinServer } from "#harness/builtin-server.ts";

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
}

export interface RawRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

function requestOf(method: string, target: string, { headers = {}, body = "" }: RawRequest): ApiRequest {
  const [path = "", query = ""] = target.split("?");
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  return {
    method,
    path,
    query: new URLSearchParams(query),
    headers,
    signal: new AbortController().signal,
    remoteAddress: "127.0.0.1",
    trustedUser: ADMIN,
    body: () => Promise.resolve(bytes),
  };
}

export async function rawCall({ server }: BuiltinServer, method: string, target: string, request: RawRequest = {}): Promise<RawAnswer> {
  const { status, headers, body } = await server.handler(requestOf(method, target, request));
  const chunks: Uint8Array[] = [];
  if (body instanceof Uint8Array) chunks.push(body);
  else if (body) for await (const chunk of body) chunks.push(chunk);
  return { status, headers, bytes: Buffer.concat(chunks) };
}

export interface RawWatch extends Disposable {
  readonly headers: Readonly<Record<string, string>>;
  /** What was sent so far. */
  bytes(): Buffer;
}

export async function rawWatch({ server }: BuiltinServer, target: string, request: RawRequest = {}): Promise<RawWatch> {
  const answer = await server.handler(requestOf("GET", target, request));
  if (!answer.push) throw new Error(`no stream: ${answer.status} ${Buffer.from(answer.body as Uint8Array).toString()}`);
  const chunks: Uint8Array[] = [];
  const stop = answer.push({
    write(chunk) {
      chunks.push(chunk);
      return true;
    },
    end() {},
  });
  return { headers: answer.headers, bytes: () => Buffer.concat(chunks), [Symbol.dispose]: stop };
}
