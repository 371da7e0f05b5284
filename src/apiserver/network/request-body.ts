// Reads a request's body once, up to the limit.

import type { Readable } from "node:stream";
import { badRequest, requestEntityTooLarge } from "#meta/errors.ts";
import { MAX_BODY_BYTES } from "../limits.ts";

const NO_BYTES = new Uint8Array(0);

/** `declared` is the content-length header. Rejects with 413 beyond 3 MiB, 400 if the client gives up. */
export function readBody(stream: Readable, declared: string | undefined): Promise<Uint8Array> {
  if (declared === "0") return Promise.resolve(NO_BYTES);
  if (declared !== undefined && Number(declared) > MAX_BODY_BYTES) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    stream.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > MAX_BODY_BYTES) {
        stream.removeAllListeners("data");
        stream.pause();
        reject(tooLarge());
      } else chunks.push(chunk);
    });
    // Every stream closes some day: an error is made only for those that close too soon.
    let whole = false;
    stream.once("end", () => {
      whole = true;
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length));
    });
    const gone = () => {
      if (!whole) reject(badRequest("unable to read the request body: the client went away"));
    };
    stream.once("error", gone);
    stream.once("close", gone);
  });
}

function tooLarge() {
  return requestEntityTooLarge(`Request entity too large: limit is ${MAX_BODY_BYTES}`);
}
