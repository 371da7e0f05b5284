// PATCH of an object, of its status, or through another of its doors: JSON patch, merge patch, strategic merge patch, server-side apply.

import { badRequest, field, invalid } from "#meta/errors.ts";
import { decodeJson } from "#meta/codec/json.ts";
import { goFormat } from "#meta/go-format.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";
import { parseApiVersion } from "#meta/resource.ts";
import { applyJsonPatch } from "#meta/patch/json-patch.ts";
import { applyMergePatch } from "#meta/patch/merge-patch.ts";
import { applyStrategicMergePatch } from "#meta/patch/strategic-merge-patch.ts";
import type { Schema } from "#meta/schema.ts";
import { bodyKindOf, checkPatchedFields, type BodyKind, type FieldValidation, type PatchFaults } from "../encoding/field-check.ts";
import { internalPackage, respondEntry } from "../encoding/respond.ts";
import { updateObject } from "../objects/update-object.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { applyConfiguration } from "./apply.ts";
import { patchTypeOf } from "./patch-type.ts";
import { checkName } from "./update.ts";
import { namespaceOf, writeCall, type VerbHandler, type VerbServer } from "./verb.ts";
import { readWriteOptions } from "./write-options.ts";

export const patch: VerbHandler = async (server, kind, exchange) => {
  const type = patchTypeOf(kind, exchange);
  if (type === "apply") return applyConfiguration(server, kind, exchange);
  const options = readWriteOptions(exchange, "PatchOptions");
  const merge = await readPatch(exchange, type, kind.definition.schema, options.fieldValidation);
  const namespace = namespaceOf(kind, exchange);
  const { name } = exchange.info;
  const change = (current: DeepReadonly<KubeObject>): KubeObject => {
    const next = merge.apply(current as KubeObject); // patchers copy, they change nothing
    checkPatched(server, bodyKindOf(kind), exchange, next, merge, options.fieldValidation);
    checkName(next, namespace, name);
    return next;
  };
  const call = writeCall(server, exchange, options);
  const { entry } = await updateObject(server.writes, kind, { namespace, name, change, isPatch: true }, call);
  return respondEntry(server, kind, exchange, entry);
};

/** A patch that was read: what it makes of a document, and what is wrong with itself. */
export interface ReadPatch extends PatchFaults {
  readonly apply: (document: KubeObject) => KubeObject;
}

/** Reads the body as a patch. `schema` is the document's. */
export async function readPatch(
  exchange: Exchange,
  type: "json" | "merge" | "strategic",
  schema: Schema,
  directive: FieldValidation,
): Promise<ReadPatch> {
  const { value, duplicateFields } = decodePatch(await exchange.request.body(), directive !== "Ignore", type);
  const duplicates = duplicateFields.map((path) => `duplicate field ${JSON.stringify(path)}`);
  const document = (patched: KubeObject) => JSON.stringify(patched);
  switch (type) {
    case "json":
      return {
        apply: (current) => applyJsonPatch(current, value) as KubeObject, // checked as an object after
        problems: directive === "Ignore" ? [] : [...unknownInOperations(value), ...duplicates].map((problem) => `json patch ${problem}`),
        shown: document,
      };
    case "merge":
      return { apply: (current) => applyMergePatch(current, value) as KubeObject, problems: duplicates, shown: document }; // likewise
    case "strategic":
      return {
        apply: (current) => applyStrategicMergePatch(current, value, schema) as KubeObject, // likewise
        problems: duplicates,
        words: "conversion",
        shown: () => goFormat(value),
      };
  }
}

/** Upstream says that it is the patch which cannot be decoded, but for strategic merges. */
function decodePatch(
  bytes: Uint8Array,
  findDuplicates: boolean,
  type: "json" | "merge" | "strategic",
): { readonly value: unknown; readonly duplicateFields: readonly string[] } {
  try {
    return decodeJson(bytes, { findDuplicates });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const cause = text.replace("couldn't get version/kind; json parse error: ", "");
    throw badRequest(type === "strategic" ? cause : `error decoding patch: ${cause}`);
  }
}

const OPERATION_FIELDS: ReadonlySet<string> = new Set(["op", "path", "from", "value"]);

function unknownInOperations(operations: unknown): string[] {
  if (!Array.isArray(operations)) return [];
  return operations.flatMap((operation: unknown, index) =>
    typeof operation !== "object" || operation === null
      ? []
      : Object.keys(operation).flatMap((name) => (OPERATION_FIELDS.has(name) ? [] : `unknown field "[${index}].${name}"`)),
  );
}

/** Go's words for a document that became one of another kind. */
function otherKind({ protobuf }: VerbServer, { kind = "", apiVersion = "" }: KubeObject, wanted: BodyKind): string {
  const { version } = parseApiVersion(apiVersion);
  if (!protobuf.knows(apiVersion, kind))
    return `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/runtime/scheme.go:111"`;
  return `converting (${version}.${kind}) to (${internalPackage(parseApiVersion(wanted.apiVersion).group)}.${wanted.kind}): unknown conversion`;
}

/** A patch may do anything to the document; what comes out must still be an object of the kind. */
export function checkPatched(
  server: VerbServer,
  wanted: BodyKind,
  exchange: Exchange,
  next: KubeObject,
  merge: ReadPatch,
  directive: FieldValidation,
): void {
  const { kind, apiVersion } = wanted;
  const refuse = (cause: string) => invalid({ group: "", kind: "" }, "", [field.invalid("patch", merge.shown(next), cause)]);
  if (typeof next !== "object" || next === null || Array.isArray(next)) {
    throw refuse("couldn't get version/kind; json parse error: the patched document is not an object");
  }
  if (!next.kind) throw refuse(`Object 'Kind' is missing in '${JSON.stringify(next)}'`);
  if (next.kind !== kind || next.apiVersion !== apiVersion) {
    throw refuse(otherKind(server, next, wanted));
  }
  checkPatchedFields(wanted, exchange, next, merge, directive);
}
