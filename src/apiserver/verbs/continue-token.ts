// The token that continues a limited list; upstream's form.

import { badRequest } from "#meta/errors.ts";

export interface ContinueToken {
  /** The revision the list shows; -1: whatever is there now. */
  readonly revision: number;
  /** The last key seen, below the kind's prefix. */
  readonly after: string;
}

export function encodeContinue(token: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: token.revision, start: `${token.after}\0` })).toString("base64url");
}

/** Throws 400 for what is no token. */
export function decodeContinue(text: string): ContinueToken {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    throw badRequest("continue key is not valid: encoded token is not JSON");
  }
  if (typeof value !== "object" || value === null) throw badRequest("continue key is not valid: encoded token is not an object");
  const { v, rv, start } = value as { readonly v?: unknown; readonly rv?: unknown; readonly start?: unknown };
  if (v !== "meta.k8s.io/v1")
    throw badRequest(`continue key is not valid: server does not recognize this encoded version ${JSON.stringify(v)}`);
  if (typeof rv !== "number" || !Number.isSafeInteger(rv) || rv === 0) {
    throw badRequest("continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
  }
  if (typeof start !== "string" || start === "" || start.includes("..")) {
    throw badRequest("continue key is not valid: encoded start key empty (version meta.k8s.io/v1)");
  }
  return { revision: rv, after: start.endsWith("\0") ? start.slice(0, -1) : start };
}
