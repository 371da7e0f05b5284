// Reads what the request is about.

import { badRequest } from "#meta/errors.ts";
import { parseRequestInfo } from "../request-info.ts";
import type { Filter } from "./exchange.ts";

export const identify: Filter = (next) => (exchange) => {
  const { request } = exchange;
  try {
    exchange.info = parseRequestInfo(request.method, request.path, () => request.query);
  } catch {
    throw badRequest(`invalid URL escape in path ${JSON.stringify(request.path)}`);
  }
  return next(exchange);
};
