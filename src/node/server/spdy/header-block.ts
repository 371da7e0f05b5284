// Header blocks: name and value pairs in one zlib stream per direction, begun with a dictionary both sides know.

import { constants, createInflate } from "node:zlib";
import { SpdyError } from "./frames.ts";

export type Headers = Readonly<Record<string, string>>;

/** A client's few headers fit many times; more is an attack on the memory. */
const MAX_BLOCK_BYTES = 64 * 1024;

const DICTIONARY_NAMES =
  "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow authorization " +
  "cache-control connection content-base content-encoding content-language content-length content-location content-md5 content-range " +
  "content-type date etag expect expires from host if-match if-modified-since if-none-match if-range if-unmodified-since last-modified " +
  "location max-forwards pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding " +
  "upgrade user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin";
const DICTIONARY_TEXT =
  "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505" +
  "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found" +
  "500 Internal Server Error501 Not Implemented503 Service Unavailable" +
  "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT" +
  "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript," +
  "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

/** The protocol's dictionary (SPDY/3, section 2.6.10.1): names with their lengths, then text. */
export function dictionary(): Buffer {
  const names = DICTIONARY_NAMES.split(" ").map((name) => sized(name.replace("_", " ")));
  return Buffer.concat([...names, Buffer.from(DICTIONARY_TEXT, "latin1")]);
}

function sized(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8");
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}

export interface HeaderDecoder extends Disposable {
  /** One block at a time, in the order of their frames. Rejects with SpdyError. */
  decode(block: Uint8Array): Promise<Headers>;
}

export function createHeaderDecoder(): HeaderDecoder {
  const inflate = createInflate({ dictionary: dictionary(), flush: constants.Z_SYNC_FLUSH });
  let parts: Buffer[] = [];
  let size = 0;
  let failure: Error | undefined;
  inflate.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= MAX_BLOCK_BYTES) parts.push(chunk);
    else inflate.destroy(new SpdyError("header block too large"));
  });
  inflate.on("error", (error) => {
    failure = error;
  });
  return {
    decode: (block) =>
      new Promise((resolve, reject) => {
        parts = [];
        size = 0;
        const fail = () => reject(new SpdyError(`bad header block: ${failure?.message ?? "closed"}`));
        if (failure || inflate.destroyed) return fail();
        inflate.once("close", fail);
        inflate.write(block, () => {
          inflate.off("close", fail);
          if (failure || size > MAX_BLOCK_BYTES) return fail();
          try {
            resolve(parsePairs(Buffer.concat(parts)));
          } catch (error) {
            reject(new SpdyError("bad header block", { cause: error }));
          }
        });
      }),
    [Symbol.dispose]: () => inflate.destroy(),
  };
}

function parsePairs(bytes: Buffer): Headers {
  let at = 4;
  const text = () => {
    const length = bytes.readUInt32BE(at);
    at += 4 + length;
    if (at > bytes.length) throw new RangeError("a header goes beyond its block");
    return bytes.toString("utf8", at - length, at);
  };
  const headers: Record<string, string> = {};
  for (let left = bytes.readUInt32BE(0); left > 0; left--) {
    const name = text().toLowerCase();
    // A name's several values are parted by NUL.
    headers[name] = text().replaceAll("\0", ", ");
  }
  return headers;
}

export interface HeaderEncoder {
  encode(headers: Headers): Buffer;
}

/** An empty stored part: readers hold back what comes before it until it is there. */
const FLUSH = Buffer.from([0, 0, 0, 0xff, 0xff]);

/**
 * Writes blocks uncompressed, as stored parts of one endless zlib stream: ours are nearly empty, and a compressor for each connection would
 * cost hundreds of kilobytes.
 */
export function createHeaderEncoder(): HeaderEncoder {
  let isFirst = true;
  return {
    encode(headers) {
      const entries = Object.entries(headers);
      const count = Buffer.alloc(4);
      count.writeUInt32BE(entries.length);
      const pairs = Buffer.concat([count, ...entries.flatMap(([name, value]) => [sized(name), sized(value)])]);
      if (pairs.length > 0xffff) throw new RangeError("headers too large");
      const stored = Buffer.alloc(5);
      stored.writeUInt16LE(pairs.length, 1);
      stored.writeUInt16LE(~pairs.length & 0xffff, 3);
      const start = isFirst ? Buffer.from([0x78, 0x01]) : Buffer.alloc(0);
      isFirst = false;
      return Buffer.concat([start, stored, pairs, FLUSH]);
    },
  };
}
