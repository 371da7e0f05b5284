// Errors and other small JSON answers as responses.

import type { ApiError } from "#meta/errors.ts";
import type { ApiResponse } from "../http.ts";

const JSON_HEADERS: Readonly<Record<string, string>> = { "content-type": "application/json" };

export function statusResponse(error: ApiError): ApiResponse {
  const retryAfter = error.status.details?.retryAfterSeconds;
  return {
    status: error.code,
    headers: retryAfter ? { ...JSON_HEADERS, "retry-after": String(retryAfter) } : JSON_HEADERS,
    body: Buffer.from(`${JSON.stringify(error.status)}\n`),
  };
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
