// Who asks: runs the authenticators and adds the groups everybody is in.

import type { Authenticator } from "../access.ts";
import type { ApiRequest, UserInfo } from "../http.ts";

export const AUTHENTICATED_GROUP = "system:authenticated";
export const UNAUTHENTICATED_GROUP = "system:unauthenticated";

/** Whoever shows no credentials. */
export const ANONYMOUS: UserInfo = { name: "system:anonymous", groups: [UNAUTHENTICATED_GROUP] };

/** The user with `system:authenticated` among the groups. Anonymous stays as it is. */
export function withAuthenticated(user: UserInfo): UserInfo {
  if (user.name === ANONYMOUS.name)
    return user.groups.includes(UNAUTHENTICATED_GROUP) ? user : { ...user, groups: [...user.groups, UNAUTHENTICATED_GROUP] };
  if (user.groups.includes(AUTHENTICATED_GROUP) || user.groups.includes(UNAUTHENTICATED_GROUP)) return user;
  return { ...user, groups: [...user.groups, AUTHENTICATED_GROUP] };
}

/** The first user an authenticator knows; anonymous if none does. Throws ApiError unauthorized() for bad credentials. */
export async function identify(request: ApiRequest, authenticators: readonly Authenticator[]): Promise<UserInfo> {
  if (request.trustedUser) return withAuthenticated(request.trustedUser);
  for (const authenticator of authenticators) {
    const found = authenticator.authenticate(request);
    // Most answer at once; awaiting them anyway would cost every request a turn.
    const user = found instanceof Promise ? await found : found;
    if (user) return withAuthenticated(user);
  }
  return ANONYMOUS;
}
