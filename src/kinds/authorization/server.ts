// Whether one may: the reviews that ask the authorizer instead of doing the thing.

import type { AuthorizationAttributes, Authorizer } from "#apiserver/access.ts";
import type { ExtensionCall, ExtensionResult, ServerExtension } from "#apiserver/extension.ts";
import type { UserInfo } from "#apiserver/http.ts";
import {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  type SubjectAccessReviewSpec,
  type SubjectAccessReviewStatus,
} from "#kinds/api/authorization-v1.gen.ts";
import { badRequest, invalid } from "#meta/errors.ts";
import type { KubeObject } from "#meta/object.ts";
import { apiVersionOf, type Resource } from "#meta/resource.ts";
import { validateLocalReview, validateReviewSpec, validateReviewSubject } from "./validate.ts";

export const authorizationExtension: ServerExtension = {
  name: "authorization",
  start: ({ authorizer }) =>
    Promise.resolve({
      handlers: [
        handler(SelfSubjectAccessReview, async (review, call) => {
          check(SelfSubjectAccessReview, validateReviewSpec(review.spec));
          return decide(authorizer, review.spec, call.user);
        }),
        handler(SubjectAccessReview, (review) => {
          check(SubjectAccessReview, [...validateReviewSpec(review.spec), ...validateReviewSubject(review.spec)]);
          return decide(authorizer, review.spec, subjectOf(review.spec));
        }),
        handler(LocalSubjectAccessReview, (review, call) => {
          const namespace = review.metadata?.namespace || call.info.namespace;
          if (namespace !== call.info.namespace) {
            throw badRequest(`namespace on object does not match namespace of request`);
          }
          check(LocalSubjectAccessReview, [
            ...validateReviewSpec(review.spec),
            ...validateReviewSubject(review.spec),
            ...validateLocalReview(review.spec, namespace),
          ]);
          return decide(authorizer, review.spec, subjectOf(review.spec));
        }),
        handler(SelfSubjectRulesReview, (review, call) => {
          const namespace = review.spec?.namespace ?? "";
          if (namespace === "") throw badRequest("no namespace on request");
          const rules = authorizer.rulesFor?.(call.user, namespace);
          return Promise.resolve(rules ?? { resourceRules: [], nonResourceRules: [], incomplete: true });
        }),
      ],
    }),
};

/** A virtual kind whose answer is the asked object with a status. */
function handler<T extends KubeObject>(resource: Resource<T>, statusOf: (review: T, call: ExtensionCall) => Promise<unknown>) {
  return {
    resource,
    subresource: "",
    async handle(call: ExtensionCall): Promise<ExtensionResult> {
      const review = (await call.body()) as T; // decoded as the handler's kind
      const status = await statusOf(review, call);
      await call.admit("CREATE", review);
      const object: KubeObject & { status: unknown } = { ...review, apiVersion: apiVersionOf(resource), kind: resource.kind, status };
      return { object, code: 201 };
    },
  };
}

function check(resource: Resource, errors: Parameters<typeof invalid>[2]): void {
  if (errors.length > 0) throw invalid(resource, "", errors);
}

function subjectOf(spec: SubjectAccessReviewSpec): UserInfo {
  return {
    name: spec.user ?? "",
    groups: spec.groups ?? [],
    ...(spec.uid ? { uid: spec.uid } : {}),
    ...(spec.extra ? { extra: spec.extra } : {}),
  };
}

async function decide(authorizer: Authorizer, spec: SubjectAccessReviewSpec, user: UserInfo): Promise<SubjectAccessReviewStatus> {
  const decision = await authorizer.authorize(attributesOf(spec, user));
  return {
    allowed: decision.allowed,
    ...(decision.denied ? { denied: true } : {}),
    ...(decision.reason ? { reason: decision.reason } : {}),
  };
}

function attributesOf({ resourceAttributes, nonResourceAttributes }: SubjectAccessReviewSpec, user: UserInfo): AuthorizationAttributes {
  return {
    user,
    verb: resourceAttributes?.verb ?? nonResourceAttributes?.verb ?? "",
    isResourceRequest: resourceAttributes !== undefined,
    apiGroup: resourceAttributes?.group ?? "",
    apiVersion: resourceAttributes?.version ?? "",
    resource: resourceAttributes?.resource ?? "",
    subresource: resourceAttributes?.subresource ?? "",
    namespace: resourceAttributes?.namespace ?? "",
    name: resourceAttributes?.name ?? "",
    path: nonResourceAttributes?.path ?? "",
  };
}
