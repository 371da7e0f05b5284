// Tokens for pods: asked from the API server, bound to the pod, renewed when 80 % of their time is over.

import type { Client } from "#client/client.ts";
import type { TokenRequest } from "#kinds/api/authentication-v1.gen.ts";
import { ServiceAccount } from "#kinds/api/core-v1.gen.ts";
import type { Clock } from "#lib/clock.ts";
import { makeKey } from "#meta/object.ts";
import type { PodObject } from "../pod/pod-view.ts";
import { VolumeError } from "./payload.ts";

export interface PodTokens {
  /** A token for the audience that is good for a while. */
  get(audience: string | undefined, expirationSeconds: number): Promise<string>;
  /** When the first of the tokens given out should be renewed; undefined: none given out. */
  readonly renewAt: number | undefined;
}

/** Tokens are renewed after a day at the latest, whatever their lifetime. */
const MAX_AGE_MS = 24 * 3_600_000;

const RETRY_MS = 60_000;

export function createPodTokens(pod: PodObject, client: Client, clock: Clock): PodTokens {
  const known = new Map<string, { readonly token: string; readonly renewAt: number }>();
  return {
    async get(audience, expirationSeconds) {
      const id = `${audience ?? ""}\n${expirationSeconds}`;
      const held = known.get(id);
      const now = clock.now();
      if (held !== undefined && held.renewAt > now) return held.token;
      const { namespace = "", name = "", uid = "" } = pod.metadata ?? {};
      const account = pod.spec?.serviceAccountName || "default";
      const request: TokenRequest = {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {
          audiences: audience ? [audience] : [],
          expirationSeconds,
          boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
        },
      };
      try {
        const answer = await client.createSubresource(ServiceAccount, makeKey(namespace, account), "token", request as never); // its type is another kind's
        const { token, expirationTimestamp } = (answer as TokenRequest).status ?? {};
        if (token === undefined) throw new Error("the answer holds no token");
        const lifetime = Date.parse(expirationTimestamp ?? "") - now;
        known.set(id, { token, renewAt: now + Math.min(Number.isFinite(lifetime) ? lifetime * 0.8 : expirationSeconds * 800, MAX_AGE_MS) });
        return token;
      } catch (error) {
        // An old token is better than none while the server cannot be reached.
        if (held !== undefined) {
          known.set(id, { token: held.token, renewAt: now + RETRY_MS });
          return held.token;
        }
        const cause = error instanceof Error ? error.message : String(error);
        throw new VolumeError(`failed to fetch token: ${cause}`, { cause: error });
      }
    },
    get renewAt() {
      let first: number | undefined;
      for (const { renewAt } of known.values()) if (first === undefined || renewAt < first) first = renewAt;
      return first;
    },
  };
}
