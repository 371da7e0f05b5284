// Users by bearer token. Those who know one sort of token each are asked in turn.

import { timingSafeEqual, createHash } from "node:crypto";
import { unauthorized } from "#meta/errors.ts";
import type { Authenticator } from "../access.ts";
import type { ApiRequest, UserInfo } from "../http.ts";

/** Whom a token stands for, and for which of the audiences asked about. */
export interface TokenIdentity {
  readonly user: UserInfo;
  readonly audiences: readonly string[];
}

/** Knows one sort of token. */
export interface TokenAuthenticator {
  /** Undefined if the token is of another sort; rejects with the error of invalidToken() if it is of this one and not good. */
  authenticate(token: string, audiences: readonly string[]): Promise<TokenIdentity | undefined>;
}

const INVALID = "InvalidToken";

/** Why a token is refused. The reason is for TokenReview and logs: who shows the token is told nothing. */
export function invalidToken(reason?: string): Error {
  const error = new Error(reason === undefined ? "invalid bearer token" : `[invalid bearer token, ${reason}]`);
  error.name = INVALID;
  return error;
}

export function isInvalidToken(error: unknown): error is Error {
  return error instanceof Error && error.name === INVALID;
}

/** Asks each in turn. Rejects with the error of invalidToken() if no one knows the token or the one who does refuses it. */
export function tokenUnion(authenticators: readonly TokenAuthenticator[]): TokenAuthenticator {
  return {
    async authenticate(token, audiences) {
      for (const authenticator of authenticators) {
        const identity = await authenticator.authenticate(token, audiences);
        if (identity) return identity;
      }
      throw invalidToken();
    },
  };
}

/** One fixed token for one user, good for every audience. */
export function staticToken(token: string, user: UserInfo): TokenAuthenticator {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  const expected = digest(token);
  return {
    authenticate: (shown, audiences) => Promise.resolve(timingSafeEqual(digest(shown), expected) ? { user, audiences } : undefined),
  };
}

/** Reads the Authorization header, or the WebSocket protocol that browsers put a token in. Throws ApiError unauthorized() for a bad token. */
export function bearerTokenAuthenticator(tokens: TokenAuthenticator, audiences: readonly string[]): Authenticator {
  return {
    authenticate(request) {
      const token = bearerToken(request);
      if (token === undefined) return undefined;
      return tokens.authenticate(token, audiences).then(
        (identity) => identity?.user,
        (error: unknown) => {
          throw isInvalidToken(error) ? unauthorized() : error;
        },
      );
    },
  };
}

function bearerToken({ headers }: Pick<ApiRequest, "headers">): string | undefined {
  const authorization = headers["authorization"]?.trim();
  if (authorization !== undefined) {
    const [scheme = "", token = ""] = authorization.split(/ +/, 2);
    return scheme.toLowerCase() === "bearer" && token !== "" ? token : undefined;
  }
  const protocols = headers["sec-websocket-protocol"];
  if (protocols === undefined) return undefined;
  const prefix = "base64url.bearer.authorization.k8s.io.";
  const protocol = protocols.split(/, */).find((one) => one.startsWith(prefix));
  if (protocol === undefined) return undefined;
  const token = Buffer.from(protocol.slice(prefix.length), "base64url").toString();
  return token === "" ? undefined : token;
}
