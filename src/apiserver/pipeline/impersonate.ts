// Lets those who may act as somebody else. After this the request is that other user's.

import type { Authorizer } from "../access.ts";
import { impersonate as userToBe } from "../auth/impersonate.ts";
import type { Filter } from "./exchange.ts";

export function impersonate(authorizer: Authorizer): Filter {
  return (next) => (exchange) => {
    const user = userToBe(exchange.request, exchange.user, authorizer);
    if (!(user instanceof Promise)) return next(exchange);
    return user.then((found) => {
      exchange.user = found;
      return next(exchange);
    });
  };
}
