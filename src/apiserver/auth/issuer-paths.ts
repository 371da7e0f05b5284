// Lets others check the cluster's ServiceAccount tokens: OpenID discovery and the public keys.

import type { ApiResponse, Handler } from "../http.ts";
import type { TokenSigner } from "./service-account-token.ts";

const KEYS_PATH = "/openid/v1/jwks";
const CACHE_CONTROL = "public, max-age=3600";

/** Handlers by path. `keysUrl` is where others reach the key set; default: below the issuer. */
export function issuerPaths(signer: TokenSigner, keysUrl = `${signer.issuer}${KEYS_PATH}`): Readonly<Record<string, Handler>> {
  const discovery = {
    issuer: signer.issuer,
    jwks_uri: keysUrl,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: ["ES256"],
  };
  return {
    "/.well-known/openid-configuration": answer("application/json", discovery),
    [KEYS_PATH]: answer("application/jwk-set+json", signer.keySet),
  };
}

function answer(contentType: string, value: unknown): Handler {
  const body = Buffer.from(JSON.stringify(value));
  const found: ApiResponse = { status: 200, headers: { "content-type": contentType, "cache-control": CACHE_CONTROL }, body };
  const refused: ApiResponse = { status: 405, headers: { allow: "GET" }, body: undefined };
  return (request) => Promise.resolve(request.method === "GET" || request.method === "HEAD" ? found : refused);
}
