// Counts every request that was understood, refused ones too, and says in the log which were slow.

import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import type { RequestMetrics } from "../endpoints/request-metrics.ts";
import type { ApiResponse } from "../http.ts";
import { toApiError } from "../store-errors.ts";
import { isLongRunning } from "./deadline.ts";
import type { Exchange, Filter } from "./exchange.ts";

/** Upstream traces what takes longer. */
const SLOW_MS = 500;

export function measure(clock: Clock, metrics: RequestMetrics, log: Logger): Filter {
  const now = () => clock.now();
  const logAnswer = (exchange: Exchange, beganMs: number, code: number, streams: boolean): void => {
    const ms = clock.now() - beganMs;
    const slow = ms >= SLOW_MS && !streams;
    if (!slow && !log.debugs) return;
    const { request, info, user, auditId } = exchange;
    const query = request.query.size > 0 ? `?${request.query.toString()}` : "";
    log[slow ? "warn" : "debug"](slow ? "slow request" : "request", {
      verb: info.verb,
      uri: request.path + query,
      code,
      ms: Math.round(ms),
      user: user.name,
      agent: request.headers["user-agent"] ?? "",
      from: request.remoteAddress,
      auditID: auditId,
    });
  };
  return (next) => (exchange) => {
    const streams = isLongRunning(exchange.info, exchange.request);
    const inflight = metrics.begin(exchange, streams);
    const done = (response: ApiResponse): ApiResponse => {
      logAnswer(exchange, inflight.beganMs, response.status, streams);
      return metrics.answered(inflight, exchange, response, now);
    };
    const failed = (error: unknown): never => {
      const { code } = toApiError(error);
      logAnswer(exchange, inflight.beganMs, code, streams);
      metrics.failed(inflight, exchange, code, clock.now());
      throw error;
    };
    try {
      const response = next(exchange);
      return response instanceof Promise ? response.then(done, failed) : done(response);
    } catch (error) {
      return failed(error);
    }
  };
}
