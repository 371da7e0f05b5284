// Where expressions in objects are to be compiled. Validation knows which texts are expressions and what each may see;
// what is wrong with the text itself is for the function that is handed in.

import type { FieldError } from "#meta/errors.ts";

/** What an expression is for, which settles the variables it may use and the type it must have. */
export type ExpressionPurpose =
  | "matchCondition"
  | "variable"
  | "validation"
  | "message"
  | "auditAnnotation"
  | "applyConfiguration"
  | "jsonPatch"
  | "deviceSelector"
  | "customResourceRule"
  | "customResourceMessage";

export interface ExpressionUse {
  readonly path: string;
  readonly text: string;
  readonly purpose: ExpressionPurpose;
  /** Whether `params` is declared. */
  readonly hasParams?: boolean;
  /** Whether `authorizer` is declared. */
  readonly hasAuthorizer?: boolean;
  /** Variables declared before this one, in order. */
  readonly variables?: readonly { readonly name: string; readonly expression: string }[];
  /** The same text is already stored: what is new since then in the rules of the language must not refuse it. */
  readonly stored: boolean;
  /** Of a custom resource's rule: the schema that it stands in. */
  readonly schema?: unknown;
  /** Of a custom resource's rule: whether it stands at the root of the schema. */
  readonly isRoot?: boolean;
  /** Of a custom resource's rule: how often the checked value can occur in one object; undefined: without bound. */
  readonly maxCardinality?: number | undefined;
}

/** All that is wrong with an expression. */
export type CheckExpression = (use: ExpressionUse) => readonly FieldError[];

/** Lets every text pass. */
export const acceptExpression: CheckExpression = () => [];
