// ServiceAccount tokens: JWTs signed with the cluster's key, good for some audiences until they expire, or until the account
// or the object they are bound to is gone.

import { createHash, createPublicKey, type KeyObject, randomUUID } from "node:crypto";
import type { Clock } from "#lib/clock.ts";
import { createLru } from "#lib/lru.ts";
import type { UserInfo } from "../http.ts";
import { invalidToken, type TokenAuthenticator, type TokenIdentity } from "./bearer-token.ts";

export const DEFAULT_ISSUER = "https://kubernetes.default.svc.cluster.local";
const ALGORITHM = "ES256";
/** How long a token is trusted before its account and bound objects are looked up again. */
const RECHECK_MS = 10_000;
/** Objects being deleted still back their tokens for this long, so that what they run can say goodbye. */
const DELETION_LEEWAY_MS = 60_000;
const MAX_CACHED_TOKENS = 4096;

export interface ObjectIdentity {
  readonly name: string;
  readonly uid: string;
}

/** What a token says beyond the standard claims, under `kubernetes.io`. */
export interface TokenSubject {
  readonly namespace: string;
  readonly serviceaccount: ObjectIdentity;
  readonly pod?: ObjectIdentity;
  readonly secret?: ObjectIdentity;
  readonly node?: ObjectIdentity | { readonly name: string; readonly uid?: string };
  /** Seconds since the epoch after which the token's use is reported. */
  readonly warnafter?: number;
}

interface Claims {
  readonly aud: readonly string[];
  readonly exp: number;
  readonly jti?: string;
  readonly subject: TokenSubject;
}

export interface TokenSigner {
  readonly issuer: string;
  /** Signs a token; times in seconds since the epoch. */
  sign(request: {
    readonly subject: TokenSubject;
    readonly audiences: readonly string[];
    readonly issuedAt: number;
    readonly expiresAt: number;
  }): Promise<string>;
  /** Signs claims as they are. */
  signClaims(claims: Readonly<Record<string, string>>): Promise<string>;
  /** The public key as a JSON Web Key Set. */
  readonly keySet: { readonly keys: readonly Readonly<Record<string, unknown>>[] };
  readonly publicKey: KeyObject;
  readonly keyId: string;
}

/** Signs with `key`, a P-256 private key. */
export function createTokenSigner(options: { readonly key: KeyObject; readonly issuer?: string }): TokenSigner {
  const { key, issuer = DEFAULT_ISSUER } = options;
  const publicKey = createPublicKey(key);
  const keyId = createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("base64url");
  return {
    issuer,
    publicKey,
    keyId,
    keySet: { keys: [{ use: "sig", ...publicKey.export({ format: "jwk" }), kid: keyId, alg: ALGORITHM }] },
    async signClaims(claims) {
      const { SignJWT } = await import("jose/jwt/sign");
      return new SignJWT(claims).setProtectedHeader({ alg: ALGORITHM, kid: keyId }).sign(key);
    },
    async sign({ subject, audiences, issuedAt, expiresAt }) {
      // Loaded with the first token: nothing before needs it.
      const { SignJWT } = await import("jose/jwt/sign");
      const account = subject.serviceaccount.name;
      return new SignJWT({ "kubernetes.io": subject })
        .setProtectedHeader({ alg: ALGORITHM, kid: keyId })
        .setIssuer(issuer)
        .setSubject(`system:serviceaccount:${subject.namespace}:${account}`)
        .setAudience([...audiences])
        .setIssuedAt(issuedAt)
        .setNotBefore(issuedAt)
        .setExpirationTime(expiresAt)
        .setJti(randomUUID())
        .sign(key);
    },
  };
}

/** What must be known of an object that backs tokens. */
export interface BackingObject {
  readonly uid: string;
  /** Milliseconds since the epoch. */
  readonly deletedAt?: number;
}

/** Looks up what backs a token; undefined if there is no such object. */
export interface TokenBacking {
  serviceAccount(namespace: string, name: string): Promise<BackingObject | undefined> | BackingObject | undefined;
  pod(namespace: string, name: string): Promise<BackingObject | undefined> | BackingObject | undefined;
  secret(namespace: string, name: string): Promise<BackingObject | undefined> | BackingObject | undefined;
  node(name: string): Promise<BackingObject | undefined> | BackingObject | undefined;
}

/** Knows ServiceAccounts by tokens of `signer`. The outcome of the checks is kept for some seconds by the token's hash. */
export function createServiceAccountTokens(options: {
  readonly signer: TokenSigner;
  readonly backing: TokenBacking;
  readonly clock: Pick<Clock, "now">;
}): TokenAuthenticator {
  const { signer, backing, clock } = options;
  const known = createLru<string, { readonly claims: Claims; readonly user: UserInfo; checkedAt: number }>(MAX_CACHED_TOKENS);

  const verify = async (token: string): Promise<Claims> => {
    const { jwtVerify } = await import("jose/jwt/verify");
    try {
      const { payload } = await jwtVerify(token, signer.publicKey, {
        algorithms: [ALGORITHM],
        issuer: signer.issuer,
        currentDate: new Date(clock.now()),
        requiredClaims: ["sub", "aud", "exp"],
      });
      const subject = readSubject(payload["kubernetes.io"]);
      if (!subject || payload.sub !== userName(subject)) throw invalidToken();
      return {
        subject,
        aud: typeof payload.aud === "string" ? [payload.aud] : (payload.aud ?? []),
        exp: payload.exp ?? 0,
        ...(payload.jti === undefined ? {} : { jti: payload.jti }),
      };
    } catch (error) {
      throw invalidToken(hasCode(error, "ERR_JWT_EXPIRED") ? "service account token has expired" : undefined);
    }
  };

  return {
    async authenticate(token, audiences): Promise<TokenIdentity | undefined> {
      if (!claimsIssuer(token, signer.issuer)) return undefined;
      const hash = createHash("sha256").update(token).digest("base64url");
      const now = clock.now();
      let entry = known.get(hash);
      if (!entry) {
        const claims = await verify(token);
        entry = { claims, user: userOf(claims), checkedAt: Number.NEGATIVE_INFINITY };
      }
      if (now >= entry.claims.exp * 1000) {
        known.delete(hash);
        throw invalidToken("service account token has expired");
      }
      const { claims } = entry;
      const shared = claims.aud.filter((audience) => audiences.includes(audience));
      if (shared.length === 0) {
        throw invalidToken(`token audiences ${goList(claims.aud)} is invalid for the target audiences ${goList(audiences)}`);
      }
      if (now - entry.checkedAt >= RECHECK_MS) {
        known.delete(hash);
        await checkBacking(claims.subject, backing, now);
        known.set(hash, { ...entry, checkedAt: now });
      }
      return { user: entry.user, audiences: shared };
    },
  };
}

async function checkBacking(subject: TokenSubject, backing: TokenBacking, now: number): Promise<void> {
  const { namespace, serviceaccount, pod, secret, node } = subject;
  const check = (what: string, claimed: { readonly name: string; readonly uid?: string }, found: BackingObject | undefined) => {
    if (!found) throw invalidToken(`${what} ${JSON.stringify(claimed.name)} not found`);
    if (found.deletedAt !== undefined && now > found.deletedAt + DELETION_LEEWAY_MS) throw invalidToken(`${what} has been deleted`);
    if (claimed.uid !== found.uid) throw invalidToken(`${what} UID (${found.uid}) does not match claim (${claimed.uid ?? ""})`);
  };
  check("service account", serviceaccount, await backing.serviceAccount(namespace, serviceaccount.name));
  if (secret) check("secret", secret, await backing.secret(namespace, secret.name));
  if (pod) check("pod", pod, await backing.pod(namespace, pod.name));
  // A pod's token tells its node for information; only a token bound to the node itself dies with it.
  if (node && !pod && !secret) check("node", node, await backing.node(node.name));
}

function userName(subject: TokenSubject): string {
  return `system:serviceaccount:${subject.namespace}:${subject.serviceaccount.name}`;
}

function userOf({ subject, jti }: Claims): UserInfo {
  const extra: Record<string, string[]> = {};
  const add = (key: string, value: string | undefined) => {
    if (value !== undefined) extra[`authentication.kubernetes.io/${key}`] = [value];
  };
  add("credential-id", jti === undefined ? undefined : `JTI=${jti}`);
  add("pod-name", subject.pod?.name);
  add("pod-uid", subject.pod?.uid);
  add("node-name", subject.node?.name);
  add("node-uid", subject.node?.uid);
  return {
    name: userName(subject),
    uid: subject.serviceaccount.uid,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${subject.namespace}`],
    extra,
  };
}

/** Whether a token says it is from `issuer`; nothing is checked. Others' tokens are left to other authenticators. */
function claimsIssuer(token: string, issuer: string): boolean {
  const parts = token.split(".");
  if (parts.length !== 3) return false;
  try {
    const claims: unknown = JSON.parse(Buffer.from(parts[1] ?? "", "base64url").toString());
    return isRecord(claims) && claims["iss"] === issuer;
  } catch {
    return false;
  }
}

/** The claims about Kubernetes objects, if they have the shape we sign. */
function readSubject(value: unknown): TokenSubject | undefined {
  if (!isRecord(value)) return undefined;
  const identity = (entry: unknown): ObjectIdentity | undefined =>
    isRecord(entry) && typeof entry["name"] === "string" && typeof entry["uid"] === "string"
      ? { name: entry["name"], uid: entry["uid"] }
      : undefined;
  const { namespace, node } = value;
  const serviceaccount = identity(value["serviceaccount"]);
  if (typeof namespace !== "string" || !serviceaccount) return undefined;
  const pod = identity(value["pod"]);
  const secret = identity(value["secret"]);
  // A binding that cannot be read must not widen the token.
  if ((value["pod"] !== undefined && !pod) || (value["secret"] !== undefined && !secret)) return undefined;
  const nodeName = isRecord(node) && typeof node["name"] === "string" ? node["name"] : undefined;
  if (node !== undefined && nodeName === undefined) return undefined;
  const nodeUid = isRecord(node) && typeof node["uid"] === "string" ? { uid: node["uid"] } : {};
  return {
    namespace,
    serviceaccount,
    ...(pod ? { pod } : {}),
    ...(secret ? { secret } : {}),
    ...(nodeName === undefined ? {} : { node: { name: nodeName, ...nodeUid } }),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Go's %q of a list. */
function goList(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(" ")}]`;
}
