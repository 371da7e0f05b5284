// Turns every failure into a Status, and puts the headers on that all answers have.

import type { Logger } from "#lib/log.ts";
import { respondStatus, type Responder } from "../encoding/respond.ts";
import { warningHeader } from "../encoding/warning-headers.ts";
import type { ApiResponse } from "../http.ts";
import { toApiError } from "../store-errors.ts";
import type { Exchange, Filter } from "./exchange.ts";

/** The outermost filter: what is inside may throw anything. */
export function recover(log: Logger, responder: Responder): Filter {
  return (next) => {
    const fail = (exchange: Exchange, thrown: unknown): ApiResponse | Promise<ApiResponse> => {
      const error = toApiError(thrown);
      if (error.code >= 500 && error.reason === "InternalError") {
        log.error("request failed", { method: exchange.request.method, path: exchange.request.path, error: error.cause ?? error });
      }
      const response = respondStatus(responder, exchange, error);
      return response instanceof Promise ? response.then((done) => finish(exchange, done)) : finish(exchange, response);
    };
    return (exchange) => {
      try {
        const response = next(exchange);
        if (!(response instanceof Promise)) return finish(exchange, response);
        return response.then(
          (done) => finish(exchange, done),
          (error: unknown) => fail(exchange, error),
        );
      } catch (error) {
        return fail(exchange, error);
      }
    };
  };
}

function finish(exchange: Exchange, response: ApiResponse): ApiResponse {
  const headers: Record<string, string> = { ...response.headers, "audit-id": exchange.auditId };
  headers["cache-control"] ??= "no-cache, private";
  const warning = warningHeader(exchange.warnings);
  if (warning !== undefined) headers["warning"] = warning;
  return { ...response, headers };
}
