// Where HTTP/1 messages begin and end in a stream of bytes, without touching the bytes. Incremental and exact (RFC 9112,
// section 6): whatever leaves a doubt about a boundary makes a reader give up, and then the stream is plain bytes.

/** More than this before a head is complete is nobody's ordinary request. */
const MAX_HEAD = 64 * 1024;

const REQUEST_LINE = /^([A-Z][A-Z-]*) \S+ HTTP\/1\.([01])$/;
/** A first line, then fields: names are tokens, no line is folded. */
const WELL_FORMED = /^[^\r\n]+(?:\r\n[\w!#$%&'*+.^`|~-]+:[^\r\n\0]*)*$/;
/** Lengths of the names of the fields that decide where a message ends. */
const FRAMING_LENGTHS: ReadonlySet<number> = new Set(["connection", "content-length", "transfer-encoding"].map((name) => name.length));
const STATUS_LINE = /^HTTP\/1\.([01]) (\d{3})(?: .*)?$/;

/** Whether the first bytes of a connection are an HTTP/1 request: they hold a whole request line. */
export function startsWithRequest(chunk: Buffer): boolean {
  const end = chunk.indexOf("\r\n");
  return end > 0 && end < MAX_HEAD && REQUEST_LINE.test(chunk.toString("latin1", 0, end));
}

export interface MessageReader {
  /** Takes the next bytes. False: they cannot be followed; the reader must not be used any more. */
  read(chunk: Buffer): boolean;
  /** Between two messages. */
  readonly between: boolean;
}

/** How many bytes of body follow a head: a count, chunks, or all until the connection closes. */
type Body = number | "chunked" | "untilClose";

interface Head {
  readonly line: string;
  /** Undefined: not given. */
  readonly length: number | undefined;
  readonly chunked: boolean;
  /** Options of the Connection header, in lower case. */
  readonly connection: readonly string[];
}

/** `onRequest` is called at the end of a head. CONNECT gives up: a tunnel follows. */
export function createRequestReader(onRequest: (request: { method: string; persistent: boolean }) => void): MessageReader {
  return createReader(
    (head) => {
      const [, method = "", minor] = REQUEST_LINE.exec(head.line) ?? [];
      if (method === "" || method === "CONNECT") return undefined;
      onRequest({ method, persistent: isPersistent(minor, head) });
      return head.chunked ? "chunked" : (head.length ?? 0);
    },
    () => {},
  );
}

/**
 * `methodOf` tells the method of the request that the next head answers; undefined, an answer nobody asked for, gives up, and
 * so does 101 (another protocol follows). Interim answers (1xx) are no answer yet. `onEnd` is called after a whole answer.
 */
export function createResponseReader(methodOf: () => string | undefined, onEnd: (persistent: boolean) => void): MessageReader {
  let interim = false;
  let persistent = false;
  return createReader(
    (head) => {
      const [, minor, code = ""] = STATUS_LINE.exec(head.line) ?? [];
      const status = Number(code);
      const method = methodOf();
      if (code === "" || method === undefined || status === 101) return undefined;
      interim = status < 200;
      persistent = isPersistent(minor, head);
      if (interim || method === "HEAD" || status === 204 || status === 304) return 0;
      return head.chunked ? "chunked" : (head.length ?? "untilClose");
    },
    () => {
      if (!interim) onEnd(persistent);
    },
  );
}

function isPersistent(minor: string | undefined, { connection }: Head): boolean {
  return !connection.includes("close") && (minor === "1" || connection.includes("keep-alive"));
}

function createReader(onHead: (head: Head) => Body | undefined, onEnd: () => void): MessageReader {
  let state: "head" | "body" | "chunkSize" | "chunk" | "trailer" | "untilClose" = "head";
  /** The begun head, chunk size or trailer line. */
  let held: Buffer | undefined;
  let lastText: string | undefined;
  let lastHead: Head | undefined;
  /** Bytes left of the body or the chunk. */
  let left = 0;

  const end = () => {
    state = "head";
    onEnd();
  };
  const begin = (body: Body) => {
    if (body === "chunked") state = "chunkSize";
    else if (body === "untilClose") state = "untilClose";
    else if (body === 0) end();
    else [state, left] = ["body", body];
  };
  /** Handles a head or a line that is complete; false: give up. */
  const take = (text: string): boolean => {
    if (state === "head") {
      // On one connection heads repeat: a client asks in the same way, a server's differ by the second of its Date.
      const head = text === lastText ? lastHead : parseHead(text);
      [lastText, lastHead] = [text, head];
      const body = head && onHead(head);
      if (body === undefined) return false;
      begin(body);
    } else if (state === "chunkSize") {
      const size = /^([0-9a-fA-F]{1,12})[ \t]*(?:;.*)?$/.exec(text)?.[1];
      if (size === undefined) return false;
      left = Number.parseInt(size, 16);
      state = left === 0 ? "trailer" : "chunk";
      left += 2; // the line end after the data
    } else if (text === "") end();
    return true;
  };
  return {
    read(chunk) {
      let at = 0;
      while (at < chunk.length) {
        if (state === "untilClose") return true;
        if (state === "body" || state === "chunk") {
          const count = Math.min(left, chunk.length - at);
          at += count;
          left -= count;
          if (left > 0) continue;
          if (state === "body") end();
          else state = "chunkSize";
          continue;
        }
        const before = held?.length ?? 0;
        const text: Buffer = held ? Buffer.concat([held, chunk.subarray(at)]) : at === 0 ? chunk : chunk.subarray(at);
        const mark = state === "head" ? "\r\n\r\n" : "\r\n";
        // A mark may straddle what was held and what came.
        const found = text.indexOf(mark, Math.max(0, before - mark.length + 1));
        if (found < 0) {
          if (text.length > MAX_HEAD) return false;
          held = text;
          return true;
        }
        held = undefined;
        at += found + mark.length - before;
        if (!take(text.toString("latin1", 0, found))) return false;
      }
      return true;
    },
    get between() {
      return state === "head" && held === undefined;
    },
  };
}

/** Undefined: malformed, or framed in a way that recipients may understand differently. */
function parseHead(text: string): Head | undefined {
  if (!WELL_FORMED.test(text)) return undefined;
  const lineEnd = text.indexOf("\r\n");
  const line = lineEnd < 0 ? text : text.slice(0, lineEnd);
  let length: number | undefined;
  let chunked = false;
  let connection: readonly string[] = [];
  for (let at = lineEnd; at >= 0;) {
    const start = at + 2;
    at = text.indexOf("\r\n", start);
    const colon = text.indexOf(":", start);
    if (!FRAMING_LENGTHS.has(colon - start)) continue;
    const name = text.slice(start, colon).toLowerCase();
    const value = text
      .slice(colon + 1, at < 0 ? undefined : at)
      .trim()
      .toLowerCase();
    if (name === "connection") connection = [...connection, ...value.split(",").map(trim)];
    else if (name === "content-length") {
      if (!/^\d{1,15}$/.test(value) || (length !== undefined && length !== Number(value))) return undefined;
      length = Number(value);
    } else if (name === "transfer-encoding") {
      if (chunked || value !== "chunked") return undefined;
      chunked = true;
    }
  }
  return chunked && length !== undefined ? undefined : { line, length, chunked, connection };
}

function trim(text: string): string {
  return text.trim();
}
