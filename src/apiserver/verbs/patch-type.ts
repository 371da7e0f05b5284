// The sorts of patches a kind takes, told by the content type.

import { unsupportedMediaType } from "#meta/errors.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import type { Exchange } from "../pipeline/exchange.ts";

export type PatchType = "json" | "merge" | "strategic" | "apply";

const TYPES: Readonly<Record<string, PatchType>> = {
  "application/json-patch+json": "json",
  "application/merge-patch+json": "merge",
  "application/strategic-merge-patch+json": "strategic",
  "application/apply-patch+yaml": "apply",
};

/** Throws a 415 for what is no patch, and for strategic merge patches of kinds without built-in structure. */
export function patchTypeOf(kind: ServedKind, exchange: Exchange): PatchType {
  const header = exchange.request.headers["content-type"] ?? "";
  const semicolon = header.indexOf(";");
  const type = TYPES[semicolon < 0 ? header : header.slice(0, semicolon)];
  if (type !== undefined && (type !== "strategic" || kind.isTyped)) return type;
  const accepted = Object.keys(TYPES).filter((name) => TYPES[name] !== "strategic" || kind.isTyped);
  throw unsupportedMediaType(`the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`);
}
