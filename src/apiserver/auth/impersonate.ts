// Acting as somebody else: the Impersonate-* headers. Each name, group, uid and extra value is authorized on its own.

import { badRequest, forbidden } from "#meta/errors.ts";
import type { Authorizer } from "../access.ts";
import type { ApiRequest, UserInfo } from "../http.ts";

const ANONYMOUS = "system:anonymous";
const AUTHENTICATED = "system:authenticated";
const UNAUTHENTICATED = "system:unauthenticated";
const EXTRA_HEADER = "impersonate-extra-";
const AUTHENTICATION_GROUP = "authentication.k8s.io";
const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

interface Demand {
  readonly apiGroup: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
  readonly name: string;
}

/**
 * The user to act as. Returns `user` itself if no Impersonate-* header is set, without a promise. Throws (or rejects with) ApiError
 * forbidden if he may not `impersonate` one of the values, badRequest if there are headers but no user among them.
 */
export function impersonate(request: Pick<ApiRequest, "headers">, user: UserInfo, authorizer: Authorizer): UserInfo | Promise<UserInfo> {
  const { headers } = request;
  let name: string | undefined;
  let other = false;
  for (const header in headers) {
    if (!header.startsWith("impersonate-") || headers[header] === undefined) continue;
    if (header === "impersonate-user") name = headers[header];
    else other = true;
  }
  if (name === undefined || name === "") {
    if (other) throw badRequest(`requested ${JSON.stringify(splitHeader(headers["impersonate-group"]))} without impersonating a user`);
    return user;
  }
  return become(headers, name, user, authorizer);
}

async function become(headers: ApiRequest["headers"], name: string, user: UserInfo, authorizer: Authorizer): Promise<UserInfo> {
  const groups = splitHeader(headers["impersonate-group"]);
  const uid = headers["impersonate-uid"];
  const extra: Record<string, string[]> = {};
  for (const [header, value] of Object.entries(headers)) {
    if (!header.startsWith(EXTRA_HEADER)) continue;
    extra[unescapeKey(header.slice(EXTRA_HEADER.length))] = splitHeader(value);
  }
  const account = SERVICE_ACCOUNT.exec(name);
  const [, namespace = "", accountName = ""] = account ?? [];
  const demands: Demand[] = [
    account ? { apiGroup: "", resource: "serviceaccounts", namespace, name: accountName } : { apiGroup: "", resource: "users", name },
    ...groups.map((group) => ({ apiGroup: "", resource: "groups", name: group })),
    ...(uid === undefined ? [] : [{ apiGroup: AUTHENTICATION_GROUP, resource: "uids", name: uid }]),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value) => ({ apiGroup: AUTHENTICATION_GROUP, resource: "userextras", subresource: key, name: value })),
    ),
  ];
  for (const demand of demands) await check(demand, user, authorizer);

  // Without groups asked for, an account gets those it always has.
  if (account && groups.length === 0) groups.push("system:serviceaccounts", `system:serviceaccounts:${namespace}`);
  if (name === ANONYMOUS) {
    if (!groups.includes(UNAUTHENTICATED)) groups.push(UNAUTHENTICATED);
  } else if (!groups.includes(AUTHENTICATED) && !groups.includes(UNAUTHENTICATED)) groups.push(AUTHENTICATED);
  return { name, groups, ...(uid === undefined ? {} : { uid }), ...(Object.keys(extra).length > 0 ? { extra } : {}) };
}

async function check(demand: Demand, user: UserInfo, authorizer: Authorizer): Promise<void> {
  const { apiGroup, resource, subresource = "", namespace = "", name } = demand;
  const decision = await authorizer.authorize({
    user,
    verb: "impersonate",
    isResourceRequest: true,
    apiGroup,
    apiVersion: apiGroup === "" ? "" : "v1",
    resource,
    subresource,
    namespace,
    name,
    path: "",
  });
  if (decision.allowed) return;
  const what = subresource === "" ? resource : `${resource}/${subresource}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  const because = decision.reason === "" ? "" : `: ${decision.reason}`;
  throw forbidden(
    { group: apiGroup, plural: resource },
    name,
    `User ${JSON.stringify(user.name)} cannot impersonate resource ${JSON.stringify(what)} in API group ${JSON.stringify(apiGroup)} ${where}${because}`,
  );
}

/** Repeated headers arrive joined by a comma and a blank; names hold no such pair. */
function splitHeader(value: string | undefined): string[] {
  return value === undefined || value === "" ? [] : value.split(", ");
}

/** Keys of extra values are percent-encoded, since header names cannot hold all characters. */
function unescapeKey(key: string): string {
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}
