// Counts every request that was understood, refused ones too.

import type { Clock } from "#lib/clock.ts";
import type { RequestMetrics } from "../endpoints/request-metrics.ts";
import type { ApiResponse } from "../http.ts";
import { toApiError } from "../store-errors.ts";
import type { Filter } from "./exchange.ts";

export function measure(clock: Clock, metrics: RequestMetrics): Filter {
  return (next) => (exchange) => {
    const began = clock.now();
    const { info } = exchange;
    const done = (response: ApiResponse): ApiResponse => {
      metrics.count(info, response.status, clock.now() - began);
      return response.push ? metrics.track(info, response) : response;
    };
    const failed = (error: unknown): never => {
      metrics.count(info, toApiError(error).code, clock.now() - began);
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
