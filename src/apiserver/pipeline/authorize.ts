// Asks whether the user may, and words refusals as upstream does.

import { ApiError, forbidden } from "#meta/errors.ts";
import type { AuthorizationAttributes, Authorizer, Decision } from "../access.ts";
import type { UserInfo } from "../http.ts";
import type { RequestInfo } from "../request-info.ts";
import type { Filter } from "./exchange.ts";

/** The decision of several authorizers: the first that allows or denies. */
export function unionAuthorizer(authorizers: readonly Authorizer[]): Authorizer {
  const settled = (decision: Decision) => decision.allowed || decision.denied === true;
  const ask = (attributes: AuthorizationAttributes, from: number, reasons: string[]): Decision | Promise<Decision> => {
    for (let index = from; index < authorizers.length; index++) {
      const decision = authorizers[index]?.authorize(attributes);
      if (decision === undefined) continue;
      if (decision instanceof Promise) {
        return decision.then((late) => {
          if (settled(late)) return late;
          if (late.reason) reasons.push(late.reason);
          return ask(attributes, index + 1, reasons);
        });
      }
      if (settled(decision)) return decision;
      if (decision.reason) reasons.push(decision.reason);
    }
    return { allowed: false, reason: reasons.join("\n") };
  };
  return {
    authorize: (attributes) => ask(attributes, 0, []),
    rulesFor(user, namespace) {
      const all = authorizers.flatMap((authorizer) => authorizer.rulesFor?.(user, namespace) ?? []);
      const problems = all.flatMap((one) => one.evaluationError ?? []);
      return {
        resourceRules: all.flatMap((one) => one.resourceRules),
        nonResourceRules: all.flatMap((one) => one.nonResourceRules),
        incomplete: all.some((one) => one.incomplete),
        ...(problems.length > 0 ? { evaluationError: problems.join(", ") } : {}),
      };
    },
  };
}

/** Throws a 403 if the user may not. */
export async function authorizeAs(authorizer: Authorizer, user: UserInfo, info: RequestInfo): Promise<void> {
  const attributes = attributesOf(user, info);
  const decision = await authorizer.authorize(attributes);
  if (!decision.allowed) throw refusal(attributes, decision.reason);
}

export function authorize(authorizer: Authorizer): Filter {
  return (next) => (exchange) => {
    const attributes = attributesOf(exchange.user, exchange.info);
    const decision = authorizer.authorize(attributes);
    if (decision instanceof Promise) {
      return decision.then((late) => {
        if (!late.allowed) throw refusal(attributes, late.reason);
        return next(exchange);
      });
    }
    if (!decision.allowed) throw refusal(attributes, decision.reason);
    return next(exchange);
  };
}

function attributesOf(user: UserInfo, info: RequestInfo): AuthorizationAttributes {
  return {
    user,
    verb: info.verb,
    isResourceRequest: info.isResourceRequest,
    apiGroup: info.apiGroup,
    apiVersion: info.apiVersion,
    resource: info.resource,
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name,
    path: info.path,
  };
}

function refusal(attributes: AuthorizationAttributes, reason: string): ApiError {
  const { user, verb, apiGroup, resource, subresource, namespace, name, path } = attributes;
  const who = `User ${JSON.stringify(user.name)} cannot ${verb}`;
  const because = reason === "" ? "" : `: ${reason}`;
  if (!attributes.isResourceRequest) return new ApiError(403, "Forbidden", `forbidden: ${who} path ${JSON.stringify(path)}${because}`, {});
  const what = JSON.stringify(subresource === "" ? resource : `${resource}/${subresource}`);
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  return forbidden(
    { group: apiGroup, plural: resource },
    name,
    `${who} resource ${what} in API group ${JSON.stringify(apiGroup)} ${where}${because}`,
  );
}
