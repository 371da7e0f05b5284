// Ends requests that take too long. Watches, logs and upgrades may take as long as they like.

import type { Clock } from "#lib/clock.ts";
import { badRequest, timeout } from "#meta/errors.ts";
import type { ApiRequest, ApiResponse } from "../http.ts";
import { parseGoDuration } from "#lib/go-duration.ts";
import type { RequestInfo } from "../request-info.ts";
import type { Filter } from "./exchange.ts";

const DEFAULT_MS = 60_000;
const LONG_SUBRESOURCES: ReadonlySet<string> = new Set(["proxy", "log", "exec", "attach", "portforward"]);

export function isLongRunning(info: RequestInfo, request: ApiRequest): boolean {
  return info.verb === "watch" || LONG_SUBRESOURCES.has(info.subresource) || request.hijack !== undefined;
}

/** The timer starts only for what did not answer at once. */
export function deadline(clock: Clock): Filter {
  return (next) => (exchange) => {
    const { request, info } = exchange;
    if (isLongRunning(info, request)) return next(exchange);
    const limitMs = limitOf(request); // a bad one is refused before anything is done
    const pending = next(exchange);
    if (!(pending instanceof Promise)) return pending;
    return new Promise<ApiResponse>((resolve, reject) => {
      const timer = clock.after(limitMs, () => reject(timeout("request did not complete within the allotted timeout")));
      void pending.then(resolve, reject).finally(() => timer.cancel());
    });
  };
}

function limitOf(request: ApiRequest): number {
  if (!request.query.has("timeout")) return DEFAULT_MS;
  const text = request.query.get("timeout") ?? "";
  if (text === "") return DEFAULT_MS;
  const ms = parseGoDuration(text);
  if (ms === undefined) throw badRequest(`invalid timeout specified in the request URL - time: invalid duration ${JSON.stringify(text)}`);
  return ms <= 0 ? DEFAULT_MS : Math.min(ms, DEFAULT_MS);
}
