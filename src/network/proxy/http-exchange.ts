// Follows the requests and answers of one HTTP/1 connection, to know when its client can be handed to another backend
// without noticing. Pure: bytes in, facts out.

import { createRequestReader, createResponseReader } from "./http-boundaries.ts";

/** Requests larger than this are not kept for sending them again. */
const MAX_KEPT = 64 * 1024;
/** Methods that may be sent again without the client's consent (RFC 9110, section 9.2.1), if not a byte of an answer came. */
const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

export interface HttpExchange {
  /** Bytes from the client. False: they are not HTTP/1 that can be followed; the exchange is over. */
  request(chunk: Buffer): boolean;
  /** Bytes from the backend. False as above. */
  response(chunk: Buffer): boolean;
  /** All that was asked is answered, and both sides mean to go on. */
  readonly idle: boolean;
  /** The bytes of the one request under way, if it may be sent again elsewhere. */
  readonly replay: readonly Buffer[] | undefined;
}

export function createHttpExchange(): HttpExchange {
  /** Methods of requests that are not answered yet. */
  const open: string[] = [];
  let persistent = true;
  /** The request under way, since the last time all was idle; undefined: too large, or an answer has begun. */
  let kept: Buffer[] | undefined = [];
  let keptBytes = 0;
  const requests = createRequestReader((request) => {
    open.push(request.method);
    persistent &&= request.persistent;
  });
  const responses = createResponseReader(
    () => open[0],
    (goesOn) => {
      open.shift();
      persistent &&= goesOn;
    },
  );
  const isIdle = () => persistent && open.length === 0 && requests.between && responses.between;
  return {
    request(chunk) {
      if (isIdle()) [kept, keptBytes] = [[], 0];
      keptBytes += chunk.length;
      if (keptBytes > MAX_KEPT) kept = undefined;
      kept?.push(chunk);
      return requests.read(chunk);
    },
    response(chunk) {
      kept = undefined;
      return responses.read(chunk);
    },
    get idle() {
      return isIdle();
    },
    get replay() {
      const [method, second] = open;
      return method !== undefined && second === undefined && SAFE.has(method) && requests.between ? kept : undefined;
    },
  };
}
