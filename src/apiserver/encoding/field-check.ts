// fieldValidation: what happens to fields the kind does not have, and to fields that occur twice.

import { field, invalid } from "#meta/errors.ts";
import { cannotHandle, checkStructure, strictDecodingText, strictProblems } from "#meta/field-validation.ts";
import type { KubeObject } from "#meta/object.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import type { Exchange } from "../pipeline/exchange.ts";

export type FieldValidation = "Strict" | "Warn" | "Ignore";

const OPTIONS_KINDS: Readonly<Record<string, string>> = { create: "CreateOptions", update: "UpdateOptions", patch: "PatchOptions" };

/** The request's directive; Warn is the default. Throws 422 for another. */
export function fieldValidationOf(exchange: Exchange): FieldValidation {
  const asked = exchange.request.query.get("fieldValidation") ?? "";
  if (asked === "") return "Warn";
  if (asked === "Strict" || asked === "Warn" || asked === "Ignore") return asked;
  throw invalid({ group: "meta.k8s.io", kind: OPTIONS_KINDS[exchange.info.verb] ?? "CreateOptions" }, "", [
    field.notSupported("fieldValidation", asked, ["", "Ignore", "Strict", "Warn"]),
  ]);
}

/**
 * Makes a decoded object one of its kind: unknown fields are dropped and, as the directive says, refused or told of.
 * Wrong types are always refused.
 */
export function checkFields(
  kind: ServedKind,
  exchange: Exchange,
  object: KubeObject,
  duplicates: readonly string[],
  directive: FieldValidation,
): void {
  const { unknownFields, typeErrors } = checkStructure(object, kind.definition.schema);
  const [typeError] = typeErrors;
  if (typeError !== undefined) throw cannotHandle(kind.resource, typeError);
  if (directive === "Ignore" || (unknownFields.length === 0 && duplicates.length === 0)) return;
  const problems = strictProblems(unknownFields, duplicates);
  if (directive === "Strict") throw cannotHandle(kind.resource, strictDecodingText(problems));
  exchange.warnings.push(...problems);
}
