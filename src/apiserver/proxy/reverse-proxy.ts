// Passes a request on to a backend over HTTP and its answer back.

import type { IncomingMessage } from "node:http";
import { serviceUnavailable } from "#meta/errors.ts";
import type { ApiRequest, ApiResponse } from "../http.ts";
import { bodyOf, dialError, exchangeWith, type BackendTarget } from "./backend.ts";
import { requestHeaders, responseHeaders } from "./forwarded-headers.ts";
import { isUpgrade, tunnel } from "./tunnel.ts";

/** What of a raw path follows its first `segments` parts, with the slash; "" if nothing does. */
export function pathAfter(path: string, segments: number): string {
  let at = 0;
  for (let left = segments; left > 0; left--) {
    while (path[at] === "/") at++;
    while (at < path.length && path[at] !== "/") at++;
  }
  return path.slice(at);
}

export type ProxyBackend = Omit<BackendTarget, "path">;

/** `rest` is the path at the backend, "" if the client named none. The query goes along. */
export async function reverseProxy(request: ApiRequest, backend: ProxyBackend, rest: string): Promise<ApiResponse> {
  const query = request.query.toString();
  const search = query === "" ? "" : `?${query}`;
  if (isUpgrade(request)) return tunnel(request, { ...backend, path: `${rest === "" ? "/" : rest}${search}` });
  if (rest === "" && (request.method === "GET" || request.method === "HEAD")) {
    // Relative links of a page at the root would otherwise miss the proxy's path.
    return { status: 301, headers: { location: `${request.path}/${search}` }, body: new Uint8Array(0) };
  }
  const target: BackendTarget = { ...backend, path: `${rest === "" ? "/" : rest}${search}` };
  const prefix = request.path.slice(0, request.path.length - rest.length);
  const headers = requestHeaders(request);
  const { host } = headers;
  const body = await request.body();
  headers["x-forwarded-uri"] = request.path;
  delete headers["content-length"];
  if (body.length > 0) headers["content-length"] = String(body.length);
  let answer: IncomingMessage;
  try {
    answer = await exchangeWith(target, { method: request.method, headers, body, signal: request.signal });
  } catch (error) {
    throw serviceUnavailable(`error trying to reach service: ${dialError(target, error)}`);
  }
  const back = responseHeaders(answer.headers);
  const { location } = back;
  if (location !== undefined) back["location"] = rewriteLocation(location, prefix, [`${backend.host}:${backend.port}`, backend.host, host]);
  return { status: answer.statusCode ?? 502, headers: back, body: bodyOf(answer, request.signal) };
}

/** Redirects within the backend must come back through the proxy; those to other hosts, and relative ones, stay. */
export function rewriteLocation(location: string, prefix: string, ownHosts: readonly (string | undefined)[]): string {
  const absolute = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)(.*)$/i.exec(location);
  if (absolute && !ownHosts.includes(absolute[1])) return location;
  const path = absolute ? absolute[2] || "/" : location;
  if (!path.startsWith("/") || path.startsWith("//")) return location;
  return path.startsWith(`${prefix}/`) ? path : `${prefix}${path}`;
}
