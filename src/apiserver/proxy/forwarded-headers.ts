// Which headers go on to a backend, and which of its own come back.

import type { IncomingHttpHeaders } from "node:http";
import type { ApiRequest } from "../http.ts";

/** They speak of one connection only. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

/** Credentials are this server's business: a backend must not be able to act as the user. */
function isSecret(name: string): boolean {
  return name === "authorization" || name.startsWith("impersonate-") || name.startsWith("x-remote-");
}

export function requestHeaders({ headers, remoteAddress }: Pick<ApiRequest, "headers" | "remoteAddress">): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(":") || HOP_BY_HOP.has(name) || isSecret(name)) continue;
    kept[name] = value;
  }
  const authority = headers[":authority"] ?? headers["host"];
  if (authority !== undefined) kept["host"] = authority;
  if (remoteAddress !== "") kept["x-forwarded-for"] = [headers["x-forwarded-for"], remoteAddress].filter(Boolean).join(", ");
  return kept;
}

/** Backends may not speak for this server in matters of cross-origin requests. */
export function responseHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || HOP_BY_HOP.has(name) || name.startsWith("access-control-allow-")) continue;
    kept[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return kept;
}
