// fieldValidation: what happens to fields the kind does not have, and to fields that occur twice.

import { badRequest } from "#meta/errors.ts";
import type { KubeObject } from "#meta/object.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import type { Exchange } from "../pipeline/exchange.ts";

export type FieldValidation = "Strict" | "Warn" | "Ignore";

/** The request's directive; Warn is the default. Throws 422 for another. */
export function fieldValidationOf(exchange: Exchange, _kind: string): FieldValidation {
  const asked = exchange.request.query.get("fieldValidation") ?? "";
  if (asked === "") return "Warn";
  if (asked === "Strict" || asked === "Warn" || asked === "Ignore") return asked;
  throw badRequest(`fieldValidation: Unsupported value: ${JSON.stringify(asked)}`);
}

export function checkFields(
  _kind: ServedKind,
  _exchange: Exchange,
  _object: KubeObject,
  _duplicates: readonly string[],
  _directive: FieldValidation,
): void {
  // filled in as soon as meta/field-validation.ts is there
}
