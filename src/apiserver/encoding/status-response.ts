// Small answers that need no negotiation.

import type { ApiError } from "#meta/errors.ts";
import type { ApiResponse } from "../http.ts";

const JSON_HEADERS: Readonly<Record<string, string>> = { "content-type": "application/json" };

/** When a failure is worth another attempt. */
export function retryHeaders(error: ApiError): Readonly<Record<string, string>> {
  const retryAfter = error.status.details?.retryAfterSeconds;
  return retryAfter ? { "retry-after": String(retryAfter) } : {};
}

export function jsonResponse(value: unknown, status = 200): ApiResponse {
  return { status, headers: JSON_HEADERS, body: Buffer.from(JSON.stringify(value)) };
}

/** JSON that is encoded already. */
export function bytesResponse(body: Uint8Array, status = 200): ApiResponse {
  return { status, headers: JSON_HEADERS, body };
}

export function textResponse(text: string, status = 200): ApiResponse {
  return { status, headers: { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" }, body: Buffer.from(text) };
}
