// The token that continues a limited list; upstream's form.

import { badRequest } from "#meta/errors.ts";

export interface ContinueToken {
  /** The revision the list shows; -1: whatever is there now. */
  readonly revision: number;
  /** The last key seen, below the list's prefix. */
  readonly after: string;
}

const VERSION = "meta.k8s.io/v1";
const NOT_VALID = "continue key is not valid";

export function encodeContinue(token: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: VERSION, rv: token.revision, start: `${token.after}\0` })).toString("base64url");
}

/** Throws 400 for what is no token. */
export function decodeContinue(text: string): ContinueToken {
  const { v, rv, start } = decodeFields(text);
  if (v !== VERSION) throw refuse(`server does not recognize this encoded version ${typeof v === "string" ? v : ""}`);
  if (rv === undefined || rv === 0) throw refuse(`incorrect encoded start resourceVersion (version ${VERSION})`);
  if (start === undefined || start === "") throw refuse(`encoded start key empty (version ${VERSION})`);
  if (typeof rv !== "number" || !Number.isSafeInteger(rv)) throw refuse(mismatch(rv, "rv", "int64"));
  if (typeof start !== "string") throw refuse(mismatch(start, "start", "string"));
  // A key must not lead out of the list's prefix.
  const segments = (start.startsWith("/") ? start.slice(1) : start).split("/");
  if (segments.some((segment) => segment === "" || segment === "." || segment === "..")) throw refuse(start);
  return { revision: rv, after: segments.join("/").replace(/\0$/, "") };
}

function decodeFields(text: string): { readonly v?: unknown; readonly rv?: unknown; readonly start?: unknown } {
  const wrong = text.search(/[^A-Za-z0-9_-]/);
  // A last group of one character holds no byte.
  if (wrong >= 0 || text.length % 4 === 1) throw refuse(`illegal base64 data at input byte ${wrong >= 0 ? wrong : text.length - 1}`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error));
  }
  if (value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) {
    throw refuse(`json: cannot unmarshal ${Array.isArray(value) ? "array" : typeof value} into Go value of type storage.continueToken`);
  }
  return value;
}

function mismatch(value: unknown, name: string, type: string): string {
  const found = Array.isArray(value) ? "array" : typeof value === "number" ? `number ${value}` : typeof value;
  return `json: cannot unmarshal ${found} into Go struct field continueToken.${name} of type ${type}`;
}

function refuse(why: string) {
  return badRequest(`invalid continue token: ${NOT_VALID}: ${why}`);
}
