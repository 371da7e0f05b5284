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
import type { Errors } from "#kinds/shared/checks.ts";
import { badRequest, invalid } from "#meta/errors.ts";
import type { KubeObject } from "#meta/object.ts";
import { apiVersionOf, type Resource } from "#meta/resource.ts";
import { selectorProblems } from "./selectors.ts";
import { checkLocalReview, checkNoMetadata, checkReviewSpec } from "./validate.ts";

export const authorizationExtension: ServerExtension = {
  name: "authorization",
  start: ({ authorizer }) =>
    Promise.resolve({
      handlers: [
        handler(SelfSubjectAccessReview, async (review, call) => {
          const errors: Errors = [];
          checkReviewSpec(errors, review.spec, false);
          checkNoMetadata(errors, review.metadata, false);
          await admit(call, SelfSubjectAccessReview, review, errors);
          return decide(authorizer, review.spec, call.user);
        }),
        handler(SubjectAccessReview, async (review, call) => {
          const errors: Errors = [];
          checkReviewSpec(errors, review.spec, true);
          checkNoMetadata(errors, review.metadata, false);
          await admit(call, SubjectAccessReview, review, errors);
          return decide(authorizer, review.spec, subjectOf(review.spec));
        }),
        handler(LocalSubjectAccessReview, async (review, call) => {
          const { namespace } = call.info;
          const metadata = (review.metadata ??= {});
          if ((metadata.namespace ||= namespace) !== namespace) {
            throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
          }
          const errors: Errors = [];
          checkReviewSpec(errors, review.spec, true);
          checkNoMetadata(errors, metadata, true);
          checkLocalReview(errors, review.spec, namespace);
          await admit(call, LocalSubjectAccessReview, review, errors);
          return decide(authorizer, review.spec, subjectOf(review.spec));
        }),
        handler(SelfSubjectRulesReview, async (review, call) => {
          const namespace = review.spec?.namespace ?? "";
          if (namespace === "") throw badRequest("no namespace on request");
          await call.admit("CREATE", review);
          return authorizer.rulesFor?.(call.user, namespace) ?? { resourceRules: [], nonResourceRules: [], incomplete: true };
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
      const object: KubeObject & { status: unknown } = { ...review, apiVersion: apiVersionOf(resource), kind: resource.kind, status };
      return { object, code: 201 };
    },
  };
}

async function admit(call: ExtensionCall, resource: Resource, review: KubeObject, errors: Errors): Promise<void> {
  if (errors.length > 0) throw invalid(resource, "", errors);
  await call.admit("CREATE", review);
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
  const evaluationError = selectorProblems(spec.resourceAttributes);
  return {
    allowed: decision.allowed,
    ...(decision.denied ? { denied: true } : {}),
    ...(decision.reason ? { reason: decision.reason } : {}),
    ...(evaluationError ? { evaluationError } : {}),
  };
}

function attributesOf({ resourceAttributes, nonResourceAttributes }: SubjectAccessReviewSpec, user: UserInfo): AuthorizationAttributes {
  return {
    user,
    verb: resourceAttributes?.verb ?? nonResourceAttributes?.verb ?? "",
    isResourceRequest: resourceAttributes !== undefined,
    apiGroup: resourceAttributes?.group ?? "",
    apiVersion: resourceAttributes ? resourceAttributes.version || "*" : "",
    resource: resourceAttributes?.resource ?? "",
    subresource: resourceAttributes?.subresource ?? "",
    namespace: resourceAttributes?.namespace ?? "",
    name: resourceAttributes?.name ?? "",
    path: nonResourceAttributes?.path ?? "",
  };
}
