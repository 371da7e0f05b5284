// fieldValidation: what happens to fields the kind does not have, and to fields that occur twice.

import { field, invalid, type ApiError } from "#meta/errors.ts";
import { cannotHandle, checkStructure, strictDecodingText, strictProblems } from "#meta/field-validation.ts";
import type { KubeObject } from "#meta/object.ts";
import type { Schema } from "#meta/schema.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import type { Exchange } from "../pipeline/exchange.ts";

export type FieldValidation = "Strict" | "Warn" | "Ignore";

/** What a body, or what a patch makes, has to be. */
export interface BodyKind {
  readonly kind: string;
  readonly version: string;
  /** `apps/v1`. */
  readonly apiVersion: string;
  /** Further ones that a body may have. */
  readonly otherVersions?: readonly string[];
  readonly schema: Schema;
}

export function bodyKindOf({ resource, apiVersion, definition }: ServedKind): BodyKind {
  return { kind: resource.kind, version: resource.version, apiVersion, schema: definition.schema };
}

/**
 * Makes a decoded object one of its kind: unknown fields are dropped and, as the directive says, refused or told of.
 * Wrong types are always refused.
 */
export function checkFields(
  kind: BodyKind,
  exchange: Exchange,
  object: KubeObject,
  duplicates: readonly string[],
  directive: FieldValidation,
): void {
  const { unknownFields, typeErrors } = checkStructure(object, kind.schema);
  const [typeError] = typeErrors;
  if (typeError !== undefined) throw cannotHandle(kind, typeError);
  if (directive === "Ignore" || (unknownFields.length === 0 && duplicates.length === 0)) return;
  const problems = strictProblems(unknownFields, duplicates);
  if (directive === "Strict") throw cannotHandle(kind, strictDecodingText(problems));
  exchange.warnings.push(...problems);
}

/** What is wrong with a patch itself: texts of fields that it has twice, or that its operations do not have. */
export interface PatchFaults {
  readonly problems: readonly string[];
  /** How wrong types in what it made are told; see `checkStructure`. */
  readonly words?: "conversion";
  /** How a refusal shows the patch. */
  readonly shown: (patched: KubeObject) => string;
}

/** The same for an object that a patch made, whose refusals are about the patch. */
export function checkPatchedFields(
  kind: BodyKind,
  exchange: Exchange,
  object: KubeObject,
  faults: PatchFaults,
  directive: FieldValidation,
): void {
  const refuse = (cause: string): ApiError => invalid({ group: "", kind: "" }, "", [field.invalid("patch", faults.shown(object), cause)]);
  const { unknownFields, typeErrors } = checkStructure(object, kind.schema, faults.words);
  const [typeError] = typeErrors;
  if (typeError !== undefined) throw refuse(typeError);
  if (directive === "Ignore" || (unknownFields.length === 0 && faults.problems.length === 0)) return;
  const problems = [...faults.problems, ...strictProblems(unknownFields, [])];
  if (directive === "Strict") throw refuse(strictDecodingText(problems));
  exchange.warnings.push(...problems);
}
