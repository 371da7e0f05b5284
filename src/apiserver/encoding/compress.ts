// gzip for large answers, when the client takes it.

import type { ApiResponse } from "../http.ts";
import type { Exchange } from "../pipeline/exchange.ts";

/** Answers up to here are not worth it. */
const THRESHOLD_BYTES = 128 * 1024;
/** Upstream's: the cheapest level is nearly as good as the others. */
const LEVEL = 1;

/** The response, compressed off the main thread if it is large. Its headers must tell the length of a body that comes in pieces. */
export function compressed(exchange: Exchange, response: ApiResponse): ApiResponse | Promise<ApiResponse> {
  const { body } = response;
  if (body === undefined) return response;
  const length = body instanceof Uint8Array ? body.length : Number(response.headers["content-length"] ?? 0);
  if (length <= THRESHOLD_BYTES || !acceptsGzip(exchange)) return response;
  return compress(response, body);
}

function acceptsGzip({ request }: Exchange): boolean {
  const accepted = request.headers["accept-encoding"];
  return accepted !== undefined && accepted.split(",").some((token) => token.trim() === "gzip");
}

async function compress(response: ApiResponse, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<ApiResponse> {
  const { "content-length": _, ...headers } = response.headers;
  const zlib = await import("node:zlib");
  const { Readable } = await import("node:stream");
  const options = { level: LEVEL };
  const packed = body instanceof Uint8Array ? await packWhole(zlib, body, options) : Readable.from(body).compose(zlib.createGzip(options));
  return { ...response, headers: { ...headers, "content-encoding": "gzip", vary: "Accept-Encoding" }, body: packed };
}

function packWhole(zlib: typeof import("node:zlib"), body: Uint8Array, options: { readonly level: number }): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    zlib.gzip(body, options, (error, packed) => (error ? reject(error) : resolve(packed)));
  });
}
