// The ServiceAccount tokens that lie in Secrets: JWTs without end or audience, good for as long as the Secret holds them.

import { timingSafeEqual } from "node:crypto";
import type { Clock } from "#lib/clock.ts";
import { invalidToken, type TokenAuthenticator } from "./bearer-token.ts";
import type { TokenSigner } from "./service-account-token.ts";

const ISSUER = "kubernetes/serviceaccount";
const CLAIM = "kubernetes.io/serviceaccount/";

export interface LegacyTokenSubject {
  readonly namespace: string;
  readonly account: { readonly name: string; readonly uid: string };
  readonly secret: string;
}

/** Signs a token to be put into a Secret. */
export async function signLegacyToken(signer: TokenSigner, { namespace, account, secret }: LegacyTokenSubject): Promise<string> {
  return signer.signClaims({
    iss: ISSUER,
    sub: `system:serviceaccount:${namespace}:${account.name}`,
    [`${CLAIM}namespace`]: namespace,
    [`${CLAIM}secret.name`]: secret,
    [`${CLAIM}service-account.name`]: account.name,
    [`${CLAIM}service-account.uid`]: account.uid,
  });
}

/** What must be known of the objects behind such a token. */
export interface LegacyTokenBacking {
  /** Undefined if there is none, or it is going away. */
  secret(namespace: string, name: string): Promise<{ readonly token: string; readonly invalidSince: string } | undefined>;
  account(namespace: string, name: string): Promise<{ readonly uid: string; readonly isDeleted: boolean } | undefined>;
  /** Notes in the Secret that its token was used today. */
  used(namespace: string, name: string): void;
}

/** Knows ServiceAccounts by the tokens of their Secrets. `audience`: the one that they are good for, this API's. */
export function createLegacyTokens(options: {
  readonly signer: TokenSigner;
  readonly audience: string;
  readonly backing: LegacyTokenBacking;
  readonly clock: Pick<Clock, "now">;
}): TokenAuthenticator {
  const { signer, audience, backing, clock } = options;
  return {
    async authenticate(token, audiences) {
      if (!saysIssuer(token)) return undefined;
      const { jwtVerify } = await import("jose/jwt/verify");
      const claims = await jwtVerify(token, signer.publicKey, { issuer: ISSUER, currentDate: new Date(clock.now()) }).then(
        ({ payload }) => payload,
        () => {
          throw invalidToken();
        },
      );
      const read = (name: string): string => {
        const value = claims[CLAIM + name];
        if (typeof value !== "string" || value === "") throw invalidToken(`${name} claim is missing`);
        return value;
      };
      const [namespace, name] = [read("namespace"), read("service-account.name")];
      const [uid, secretName] = [read("service-account.uid"), read("secret.name")];
      const user = `system:serviceaccount:${namespace}:${name}`;
      if (claims.sub !== user) throw invalidToken("sub claim is invalid");
      const secret = await backing.secret(namespace, secretName);
      if (!secret) throw invalidToken("Token has been invalidated");
      if (!sameText(secret.token, token)) throw invalidToken("Token does not match server's copy");
      const account = await backing.account(namespace, name);
      if (!account) throw invalidToken(`serviceaccounts ${JSON.stringify(name)} not found`);
      if (account.isDeleted) throw invalidToken(`ServiceAccount ${namespace}/${name} has been deleted`);
      if (account.uid !== uid) throw invalidToken(`ServiceAccount UID (${account.uid}) does not match claim (${uid})`);
      backing.used(namespace, secretName);
      if (secret.invalidSince !== "") {
        throw invalidToken(
          `the token in secret ${namespace}/${secretName} for service account ${namespace}/${name} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the 'kubernetes.io/legacy-token-invalid-since' label from the secret to temporarily allow use of this token`,
        );
      }
      if (!audiences.includes(audience)) {
        const asked = audiences.map((one) => JSON.stringify(one)).join(" ");
        throw invalidToken(`token audiences [${JSON.stringify(audience)}] is invalid for the target audiences [${asked}]`);
      }
      const groups = ["system:serviceaccounts", `system:serviceaccounts:${namespace}`];
      return { user: { name: user, uid, groups }, audiences: [audience] };
    },
  };
}

function saysIssuer(token: string): boolean {
  const parts = token.split(".");
  if (parts.length !== 3) return false;
  try {
    const claims = JSON.parse(Buffer.from(parts[1] ?? "", "base64url").toString()) as { readonly iss?: unknown } | null; // looked at next
    return claims?.iss === ISSUER;
  } catch {
    return false;
  }
}

function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
