// Turns response bodies into values: whole JSON bodies, failures, and the newline-delimited stream of a watch.

import { concatBytes } from "#lib/bytes.ts";
import { ApiError, type Status } from "#meta/errors.ts";
import type { KubeObject } from "#meta/object.ts";
import type { TransportRequest, TransportResponse } from "./transport.ts";
import type { WatchEvent } from "./client.ts";

const NEWLINE = 0x0a;

/** Reads a body to its end. */
export async function readBody(body: TransportResponse["body"]): Promise<Uint8Array> {
  if (body === undefined) return new Uint8Array();
  if (body instanceof Uint8Array) return body;
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return chunks.length === 1 && chunks[0] ? chunks[0] : concatBytes(chunks);
}

/** Reads a body as text. */
export async function readText(body: TransportResponse["body"]): Promise<string> {
  return new TextDecoder().decode(await readBody(body));
}

/** The ApiError of an answer that is not 2xx: the server's Status, or one made up from the HTTP code if the body is none. */
export async function errorOf(request: TransportRequest, response: TransportResponse): Promise<ApiError> {
  const text = await readText(response.body);
  const status = parseStatus(text);
  if (status) return statusError(status, response.status);
  const reason = REASONS[response.status] ?? (response.status >= 500 ? "InternalError" : "Unknown");
  const message = text.trim() || `the server answered ${response.status} to ${request.method} ${request.path}`;
  return new ApiError(response.status, reason, message);
}

/** The error a failure Status stands for. */
export function statusError(status: Partial<Status>, httpStatus = 500): ApiError {
  return new ApiError(status.code ?? httpStatus, status.reason ?? "Unknown", status.message ?? "unknown error", status.details);
}

const REASONS: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  406: "NotAcceptable",
  409: "Conflict",
  410: "Gone",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  503: "ServiceUnavailable",
  504: "Timeout",
};

function parseStatus(text: string): Partial<Status> | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    const value = JSON.parse(text) as Partial<Status>; // checked below: only a Status is let through
    return value.kind === "Status" ? value : undefined;
  } catch {
    return undefined; // not JSON after all: the text itself is the message
  }
}

/**
 * The events of a watch body in batches of what arrived together. Chunks are cut at newlines as bytes, so that a
 * character split over two chunks stays whole, and each run of lines is decoded at once.
 */
export async function* watchBatches<T extends KubeObject>(
  body: TransportResponse["body"],
): AsyncGenerator<WatchEvent<T>[], void, undefined> {
  if (body === undefined) return;
  const decoder = new TextDecoder();
  let pending: Uint8Array[] = [];
  for await (const chunk of body instanceof Uint8Array ? [body] : body) {
    const end = chunk.lastIndexOf(NEWLINE);
    if (end < 0) {
      pending.push(chunk);
      continue;
    }
    const lines = decoder.decode(pending.length === 0 ? chunk.subarray(0, end) : concatBytes([...pending, chunk.subarray(0, end)]));
    pending = end + 1 < chunk.length ? [chunk.subarray(end + 1)] : [];
    const { events, error } = parseEvents<T>(lines);
    if (events.length > 0) yield events;
    if (error) throw error;
  }
  const rest = decoder.decode(concatBytes(pending));
  if (rest.trim() === "") return;
  const { events, error } = parseEvents<T>(rest);
  if (events.length > 0) yield events;
  if (error) throw error;
}

/** The events of some lines up to the first ERROR, after which the watch is over. */
function parseEvents<T extends KubeObject>(lines: string): { readonly events: WatchEvent<T>[]; readonly error?: ApiError } {
  const events: WatchEvent<T>[] = [];
  for (let start = 0; start < lines.length;) {
    let end = lines.indexOf("\n", start);
    if (end < 0) end = lines.length;
    if (end > start) {
      const event = JSON.parse(start === 0 && end === lines.length ? lines : lines.slice(start, end)) as
        | WatchEvent<T>
        | { readonly type: "ERROR"; readonly object: Partial<Status> }; // what the API promises; the type field is looked at next
      if (event.type === "ERROR") return { events, error: statusError(event.object) };
      events.push(event);
    }
    start = end + 1;
  }
  return { events };
}
