// serviceaccounts/token: makes tokens for an account, bound to a pod, secret or node if asked.

import type { ObjectIdentity, TokenSigner, TokenSubject } from "#apiserver/auth/service-account-token.ts";
import type { ExtensionCall, ExtensionResult, ServerContext, ServerExtension } from "#apiserver/extension.ts";
import type { Registry } from "#apiserver/registry.ts";
import type { BoundObjectReference, TokenRequest, TokenRequestSpec } from "#kinds/api/authentication-v1.gen.ts";
import { Node, Pod, Secret, ServiceAccount } from "#kinds/api/core-v1.gen.ts";
import { badRequest, conflict, field, type FieldError, invalid, notFound } from "#meta/errors.ts";
import { type KubeObject, makeKey } from "#meta/object.ts";
import { parseApiVersion, type Resource } from "#meta/resource.ts";

const TOKEN_REQUEST = { group: "authentication.k8s.io", kind: "TokenRequest" };
const DEFAULT_SECONDS = 3600;
const MIN_SECONDS = 600;
const MAX_SECONDS = 2 ** 32;
/** What pods' own tokens ask for. It marks them: old clients that never read the file again get a year instead. */
const POD_TOKEN_SECONDS = 3607;
const EXTENDED_SECONDS = 365 * 24 * 3600;

export function serviceAccountExtension(signer: TokenSigner): ServerExtension {
  return {
    name: "service-account-tokens",
    start: (context) =>
      Promise.resolve({
        handlers: [{ resource: ServiceAccount, subresource: "token", handle: (call) => makeToken(call, context, signer) }],
      }),
  };
}

async function makeToken(call: ExtensionCall, { registry, clock }: ServerContext, signer: TokenSigner): Promise<ExtensionResult> {
  const { namespace, name } = call.info;
  const request = (await call.body()) as TokenRequest; // decoded as the subresource's kind
  const metadata = (request.metadata ??= {});
  if (metadata.name && metadata.name !== name) {
    const error = field.invalid("metadata.name", metadata.name, "must match the service account name if specified");
    throw invalid(TOKEN_REQUEST, name, [error]);
  }
  const account = await registry.get(ServiceAccount, makeKey(namespace, name));
  if (!account) throw notFound(ServiceAccount, name);
  const uid = account.metadata?.uid ?? "";
  if (metadata.uid && metadata.uid !== uid) {
    const cause = `the UID in the token request (${metadata.uid}) does not match the UID of the service account (${uid})`;
    throw conflict({ group: TOKEN_REQUEST.group, plural: TOKEN_REQUEST.kind }, name, cause);
  }
  metadata.name = name;
  metadata.namespace = namespace;
  metadata.uid = uid;
  const spec = (request.spec ??= {});
  if (!spec.audiences?.length) spec.audiences = [signer.issuer];
  const seconds = (spec.expirationSeconds ??= DEFAULT_SECONDS);
  const errors = validateSpec(spec);
  if (errors.length > 0) throw invalid(TOKEN_REQUEST, "", errors);
  await call.admit("CREATE", request);

  const bound = await resolveBound(registry, namespace, name, spec.boundObjectRef);
  const issuedAt = Math.floor(clock.now() / 1000);
  const extended =
    seconds === POD_TOKEN_SECONDS && bound.pod !== undefined && spec.audiences.every((audience) => audience === signer.issuer);
  const subject: TokenSubject = {
    namespace,
    ...bound,
    serviceaccount: { name, uid },
    ...(extended ? { warnafter: issuedAt + seconds } : {}),
  };
  const token = await signer.sign({
    subject,
    audiences: spec.audiences,
    issuedAt,
    expiresAt: issuedAt + (extended ? EXTENDED_SECONDS : seconds),
  });
  return {
    object: {
      ...request,
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      metadata: { ...metadata, creationTimestamp: rfc3339(issuedAt) },
      status: { token, expirationTimestamp: rfc3339(issuedAt + seconds) },
    } as KubeObject, // a TokenRequest
    code: 201,
  };
}

function rfc3339(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}

function validateSpec({ expirationSeconds = DEFAULT_SECONDS }: TokenRequestSpec): FieldError[] {
  const path = "spec.expirationSeconds";
  if (expirationSeconds < MIN_SECONDS) return [field.invalid(path, expirationSeconds, "may not specify a duration less than 10 minutes")];
  if (expirationSeconds > MAX_SECONDS)
    return [field.invalid(path, expirationSeconds, "may not specify a duration larger than 2^32 seconds")];
  return [];
}

/** Finds what a token is to be bound to. A pod's token tells the pod's node too. */
async function resolveBound(
  registry: Registry,
  namespace: string,
  account: string,
  reference: BoundObjectReference | undefined,
): Promise<Pick<TokenSubject, "pod" | "secret" | "node">> {
  if (!reference) return {};
  const { kind = "", apiVersion = "", name = "" } = reference;
  const must = async <T extends KubeObject>(resource: Resource<T>): Promise<{ object: T; identity: ObjectIdentity }> => {
    const object = await registry.get(resource, makeKey(resource.namespaced ? namespace : "", name));
    if (!object) throw notFound(resource, name);
    const uid = object.metadata?.uid ?? "";
    if (reference.uid && reference.uid !== uid) {
      throw conflict(
        { group: resource.group, plural: kind },
        name,
        `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
      );
    }
    return { object, identity: { name, uid } };
  };
  const { group, version } = parseApiVersion(apiVersion);
  if (group === "" && kind === "Pod") {
    const { object, identity } = await must(Pod);
    if (object.spec?.serviceAccountName !== account) {
      throw badRequest(
        `cannot bind token for serviceaccount ${JSON.stringify(account)} to pod running with different serviceaccount name.`,
      );
    }
    const nodeName = object.spec.nodeName;
    if (!nodeName) return { pod: identity };
    const node = await registry.get(Node, makeKey("", nodeName));
    return { pod: identity, node: { name: nodeName, ...(node?.metadata?.uid ? { uid: node.metadata.uid } : {}) } };
  }
  if (group === "" && kind === "Secret") return { secret: (await must(Secret)).identity };
  if (group === "" && kind === "Node") return { node: (await must(Node)).identity };
  throw badRequest(`cannot bind token to object of type ${group}/${version}, Kind=${kind}`);
}
