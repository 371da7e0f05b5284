// Learns who asks.

import { unauthorized } from "#meta/errors.ts";
import type { Authenticator } from "../access.ts";
import type { ApiRequest, UserInfo } from "../http.ts";
import { ANONYMOUS, type Filter } from "./exchange.ts";

const AUTHENTICATED = "system:authenticated";

/** Bad credentials are refused; none, or those of a sort that nobody reads (Basic), make system:anonymous, as upstream. */
export function authenticate(authenticators: readonly Authenticator[]): Filter {
  return (next) => (exchange) => {
    const { request } = exchange;
    if (request.trustedUser) {
      exchange.user = request.trustedUser;
      return next(exchange);
    }
    for (let index = 0; index < authenticators.length; index++) {
      const user = authenticators[index]?.authenticate(request);
      if (user instanceof Promise) {
        return askRest(user, index).then((found) => {
          exchange.user = found;
          return next(exchange);
        });
      }
      if (user) {
        exchange.user = withGroup(user);
        return next(exchange);
      }
    }
    exchange.user = anonymous(request);
    return next(exchange);

    async function askRest(pending: Promise<UserInfo | undefined>, index: number): Promise<UserInfo> {
      const first = await pending;
      if (first) return withGroup(first);
      for (const authenticator of authenticators.slice(index + 1)) {
        const user = await authenticator.authenticate(request);
        if (user) return withGroup(user);
      }
      return anonymous(request);
    }
  };
}

/** A certificate of an authority that is not trusted is not the same as none. */
function anonymous(request: ApiRequest): UserInfo {
  if (request.untrustedCertificate) throw unauthorized();
  return ANONYMOUS;
}

function withGroup(user: UserInfo): UserInfo {
  return user.groups.includes(AUTHENTICATED) || user.name === ANONYMOUS.name ? user : { ...user, groups: [...user.groups, AUTHENTICATED] };
}
