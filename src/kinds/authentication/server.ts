// Who one is: ServiceAccount tokens as credentials, and the reviews that answer questions about identities.

import type { Authenticator } from "#apiserver/access.ts";
import { bearerTokenAuthenticator, isInvalidToken, type TokenAuthenticator, tokenUnion } from "#apiserver/auth/bearer-token.ts";
import { clientCertificateAuthenticator } from "#apiserver/auth/client-certificate.ts";
import { issuerPaths } from "#apiserver/auth/issuer-paths.ts";
import { createLegacyTokens } from "#apiserver/auth/legacy-token.ts";
import { type BackingObject, createServiceAccountTokens, type TokenSigner } from "#apiserver/auth/service-account-token.ts";
import type { ExtensionCall, ExtensionResult, ServerExtension } from "#apiserver/extension.ts";
import type { UserInfo as User } from "#apiserver/http.ts";
import type { Registry } from "#apiserver/registry.ts";
import { SelfSubjectReview, TokenReview, type TokenReviewStatus, type UserInfo } from "#kinds/api/authentication-v1.gen.ts";
import { Node, Pod, Secret, ServiceAccount } from "#kinds/api/core-v1.gen.ts";
import type { Clock } from "#lib/clock.ts";
import { badRequest } from "#meta/errors.ts";
import { type DeepReadonly, type KubeObject, makeKey } from "#meta/object.ts";
import { apiVersionOf, type Resource } from "#meta/resource.ts";

export interface AuthenticationOptions {
  readonly signer: TokenSigner;
  readonly clock: Pick<Clock, "now">;
  /** Where others reach the key set that tokens are checked with. */
  readonly keysUrl?: string;
  /** Further sorts of tokens, asked before ServiceAccount tokens. */
  readonly tokens?: readonly TokenAuthenticator[];
}

export interface AuthenticationServer {
  readonly authenticators: (registry: Registry) => readonly Authenticator[];
  readonly extension: ServerExtension;
}

/** Client certificates and bearer tokens. The audience of tokens for this API is the issuer. */
export function createAuthenticationServer(options: AuthenticationOptions): AuthenticationServer {
  const audiences = [options.signer.issuer];
  let tokens: TokenAuthenticator | undefined;
  const tokensOver = (registry: Registry): TokenAuthenticator =>
    (tokens ??= tokenUnion([...(options.tokens ?? []), serviceAccountTokens(registry, options), legacyTokens(registry, options)]));
  return {
    authenticators: (registry) => [clientCertificateAuthenticator, bearerTokenAuthenticator(tokensOver(registry), audiences)],
    extension: {
      name: "authentication",
      start: ({ registry }) =>
        Promise.resolve({
          handlers: [
            { resource: TokenReview, subresource: "", handle: (call) => reviewToken(call, tokensOver(registry), audiences) },
            { resource: SelfSubjectReview, subresource: "", handle: reviewSelf },
          ],
          paths: issuerPaths(options.signer, options.keysUrl),
        }),
    },
  };
}

function serviceAccountTokens(registry: Registry, { signer, clock }: AuthenticationOptions): TokenAuthenticator {
  const accounts = registry.cache(ServiceAccount);
  // Accounts are few and looked up by each token; pods and secrets are many and read one at a time.
  const read = async (resource: Resource, namespace: string, name: string) =>
    identityOf(await registry.get(resource, makeKey(namespace, name)));
  return createServiceAccountTokens({
    signer,
    clock,
    backing: {
      serviceAccount: async (namespace, name) => {
        const key = makeKey(namespace, name);
        // The cache may trail a moment behind the token's birth.
        return identityOf(accounts.get(key)) ?? identityOf(await registry.get(ServiceAccount, key));
      },
      pod: (namespace, name) => read(Pod, namespace, name),
      secret: (namespace, name) => read(Secret, namespace, name),
      node: (name) => read(Node, "", name),
    },
  });
}

/** As labels have it: a day. */
const LAST_USED = "kubernetes.io/legacy-token-last-used";
const INVALID_SINCE = "kubernetes.io/legacy-token-invalid-since";

function legacyTokens(registry: Registry, { signer, clock }: AuthenticationOptions): TokenAuthenticator {
  const day = () => new Date(clock.now()).toISOString().slice(0, 10);
  return createLegacyTokens({
    signer,
    clock,
    audience: signer.issuer,
    backing: {
      async secret(namespace, name) {
        const secret = await registry.get(Secret, makeKey(namespace, name));
        if (!secret || secret.metadata?.deletionTimestamp !== undefined) return undefined;
        const token = Buffer.from(secret.data?.["token"] ?? "", "base64").toString();
        return { token, invalidSince: secret.metadata?.labels?.[INVALID_SINCE] ?? "" };
      },
      async account(namespace, name) {
        const metadata = (await registry.get(ServiceAccount, makeKey(namespace, name)))?.metadata;
        return metadata && { uid: metadata.uid ?? "", isDeleted: metadata.deletionTimestamp !== undefined };
      },
      used(namespace, name) {
        const note = (secret: Secret) => {
          const labels = ((secret.metadata ??= {}).labels ??= {});
          if (labels[LAST_USED] === day()) return false;
          labels[LAST_USED] = day();
          return true;
        };
        // The Secret may go at this moment; the next use tells then.
        registry.update(Secret, makeKey(namespace, name), note).catch(() => {});
      },
    },
  });
}

function identityOf(object: DeepReadonly<KubeObject> | undefined): BackingObject | undefined {
  const metadata = object?.metadata;
  if (!metadata?.uid) return undefined;
  return { uid: metadata.uid, ...(metadata.deletionTimestamp ? { deletedAt: Date.parse(metadata.deletionTimestamp) } : {}) };
}

async function reviewToken(call: ExtensionCall, tokens: TokenAuthenticator, apiAudiences: readonly string[]): Promise<ExtensionResult> {
  const review = (await call.body()) as TokenReview; // decoded as the handler's kind
  const token = review.spec?.token ?? "";
  if (token === "") throw badRequest("token is required for TokenReview in authentication");
  await call.admit("CREATE", review);
  const audiences = review.spec.audiences?.length ? review.spec.audiences : apiAudiences;
  return answer(TokenReview, { ...review, status: await tokenStatus(tokens, token, audiences) });
}

async function tokenStatus(tokens: TokenAuthenticator, token: string, audiences: readonly string[]): Promise<TokenReviewStatus> {
  try {
    const identity = await tokens.authenticate(token, audiences);
    if (!identity) return { user: {} };
    const groups = [...identity.user.groups, "system:authenticated"];
    return { authenticated: true, user: userInfo({ ...identity.user, groups: [...new Set(groups)] }), audiences: [...identity.audiences] };
  } catch (error) {
    if (!isInvalidToken(error)) throw error;
    return { user: {}, error: error.message };
  }
}

async function reviewSelf(call: ExtensionCall): Promise<ExtensionResult> {
  const review = (await call.body()) as SelfSubjectReview; // decoded as the handler's kind
  await call.admit("CREATE", review);
  return answer(SelfSubjectReview, { ...review, status: { userInfo: userInfo(call.user) } });
}

function answer<T extends KubeObject>(resource: Resource<T>, review: T): ExtensionResult {
  return { object: { ...review, apiVersion: apiVersionOf(resource), kind: resource.kind }, code: 201 };
}

function userInfo(user: User): UserInfo {
  return {
    username: user.name,
    ...(user.uid ? { uid: user.uid } : {}),
    groups: [...user.groups],
    ...(user.extra ? { extra: Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]])) } : {}),
  };
}
