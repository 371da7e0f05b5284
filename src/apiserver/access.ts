// Who asks and whether they may: the interfaces of authentication and authorization.

import type { ApiRequest, UserInfo } from "./http.ts";

/** One way to learn who asks. */
export interface Authenticator {
  /** The user; undefined if the request carries no credentials of this kind. Throws ApiError unauthorized() if it carries bad ones. */
  authenticate(request: ApiRequest): Promise<UserInfo | undefined> | UserInfo | undefined;
}

/** What someone wants to do. Resource requests have `resource` set, others only verb and path. */
export interface AuthorizationAttributes {
  readonly user: UserInfo;
  readonly verb: string;
  readonly isResourceRequest: boolean;
  readonly apiGroup: string;
  readonly apiVersion: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** For non-resource requests. */
  readonly path: string;
}

export interface Decision {
  readonly allowed: boolean;
  /** Denied for good: no later authorizer is asked. */
  readonly denied?: boolean;
  /** Why, for the Forbidden message and access reviews; may be "". */
  readonly reason: string;
}

/** Says whether an action is allowed. Must be fast: it runs on every request. */
export interface Authorizer {
  authorize(attributes: AuthorizationAttributes): Decision | Promise<Decision>;
  /** What a user may do in a namespace, for SelfSubjectRulesReview. */
  rulesFor?(
    user: UserInfo,
    namespace: string,
  ): {
    readonly resourceRules: readonly ResourceRule[];
    readonly nonResourceRules: readonly NonResourceRule[];
    readonly incomplete: boolean;
    readonly evaluationError?: string;
  };
}

export interface ResourceRule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
}

export interface NonResourceRule {
  readonly verbs: readonly string[];
  readonly nonResourceURLs: readonly string[];
}
