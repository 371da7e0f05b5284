// PATCH of an object or of its status: JSON patch, merge patch, strategic merge patch.

import { ApiError, badRequest, unsupportedMediaType } from "#meta/errors.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";
import { applyJsonPatch } from "#meta/patch/json-patch.ts";
import { applyMergePatch } from "#meta/patch/merge-patch.ts";
import { applyStrategicMergePatch } from "#meta/patch/strategic-merge-patch.ts";
import { mediaType } from "../encoding/decode-body.ts";
import { checkFields, fieldValidationOf } from "../encoding/field-check.ts";
import { respondEntry } from "../encoding/respond.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import { updateObject } from "../objects/update-object.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { checkName } from "./update.ts";
import { namespaceOf, writeCallOf, type VerbHandler } from "./verb.ts";

/** Makes the patched document. The last door for a new sort of patch: server-side apply becomes a line here. */
type Patcher = (document: KubeObject, patch: unknown, kind: ServedKind) => KubeObject;

const PATCHERS: Readonly<Record<string, Patcher>> = {
  "application/json-patch+json": (document, operations) => applyJsonPatch(document, operations) as KubeObject, // checked as an object after
  "application/merge-patch+json": (document, patch) => applyMergePatch(document, patch) as KubeObject, // likewise
  "application/strategic-merge-patch+json": (document, patch, kind) =>
    applyStrategicMergePatch(document, patch, kind.definition.schema) as KubeObject, // likewise
};

export const patch: VerbHandler = async (server, kind, exchange) => {
  const call = writeCallOf(server, exchange, "PatchOptions");
  const apply = await readPatch(kind, exchange);
  const namespace = namespaceOf(kind, exchange);
  const { name } = exchange.info;
  const change = (current: DeepReadonly<KubeObject>): KubeObject => {
    const next = apply(current as KubeObject); // patchers copy, they change nothing
    checkPatched(kind, exchange, next, namespace, name);
    return next;
  };
  const { entry } = await updateObject(server.writes, kind, { namespace, name, change }, call);
  return respondEntry(server, kind, exchange, entry);
};

/** Reads the body as a function from a document to the patched one. */
export async function readPatch(kind: ServedKind, exchange: Exchange): Promise<(document: KubeObject) => KubeObject> {
  const patcher = PATCHERS[mediaType(exchange.request.headers["content-type"])];
  if (!patcher) {
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: ${Object.keys(PATCHERS).join(", ")}`,
    );
  }
  const bytes = await exchange.request.body();
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    throw badRequest(`error decoding patch: ${error instanceof Error ? error.message : String(error)}`);
  }
  return (document) => patcher(document, parsed, kind);
}

/** A patch may do anything to the document; what comes out must still be this object. */
function checkPatched(kind: ServedKind, exchange: Exchange, next: KubeObject, namespace: string, name: string): void {
  const { resource, apiVersion } = kind;
  if (typeof next !== "object" || next === null || Array.isArray(next)) {
    throw new ApiError(422, "Invalid", "the patched document is not an object");
  }
  if (next.kind !== resource.kind || next.apiVersion !== apiVersion) {
    throw badRequest(`the patched document is a ${next.kind} of ${next.apiVersion}, not a ${resource.kind} of ${apiVersion}`);
  }
  checkFields(kind, exchange, next, [], fieldValidationOf(exchange));
  checkName(next, namespace, name);
}
