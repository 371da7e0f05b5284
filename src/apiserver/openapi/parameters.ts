// What requests may carry beside objects: names, places and types. Their texts come with the other texts, under PARAMETER_TEXTS.

import type { Schema } from "#meta/schema.ts";
import type { Json } from "./schemas.ts";

export interface Parameter {
  readonly name: string;
  readonly in: "query" | "path" | "body";
  readonly type?: string;
  readonly required?: true;
  /** Where its text is found: a definition's name, and a field. */
  readonly text?: readonly [string, string];
  /** A text that is known here. */
  readonly description?: string;
  /** Of a body. */
  readonly schema?: Json;
}

/** In place of a definition's name: the texts of parameters that many operations share. */
export const PARAMETER_TEXTS = "parameters";
/** The name of the text that a patch has in place of the other writes' one. */
export const PATCH_MANAGER_TEXT = "fieldManager of a patch";

function query(type: string, ...names: readonly string[]): Parameter[] {
  return names.map((name) => ({ name, in: "query", type, text: [PARAMETER_TEXTS, name] }));
}

export const PRETTY: Parameter = { name: "pretty", in: "query", type: "string", text: [PARAMETER_TEXTS, "pretty"] };
export const NAMESPACE: Parameter = {
  name: "namespace",
  in: "path",
  type: "string",
  required: true,
  description: "object name and auth scope, such as for teams and projects",
};
export const SUBPATH: Parameter = { name: "path", in: "path", type: "string", required: true, description: "path to the resource" };

export const WRITE_PARAMETERS: readonly Parameter[] = query("string", "dryRun", "fieldManager", "fieldValidation");
export const PATCH_PARAMETERS: readonly Parameter[] = [
  ...query("string", "dryRun", "fieldValidation"),
  { name: "fieldManager", in: "query", type: "string", text: [PARAMETER_TEXTS, PATCH_MANAGER_TEXT] },
  ...query("boolean", "force"),
];
export const DELETE_PARAMETERS: readonly Parameter[] = [
  ...query("string", "dryRun", "propagationPolicy"),
  ...query("integer", "gracePeriodSeconds"),
  ...query("boolean", "ignoreStoreReadErrorWithClusterBreakingPotential", "orphanDependents"),
];
export const SELECT_PARAMETERS: readonly Parameter[] = [
  ...query("string", "continue", "fieldSelector", "labelSelector", "resourceVersion", "resourceVersionMatch", "shardSelector"),
  ...query("integer", "limit", "timeoutSeconds"),
  ...query("boolean", "sendInitialEvents"),
];
export const LIST_PARAMETERS: readonly Parameter[] = [...SELECT_PARAMETERS, ...query("boolean", "allowWatchBookmarks", "watch")];

export function nameOf(kind: string): Parameter {
  return { name: "name", in: "path", type: "string", required: true, description: `name of the ${kind}` };
}

export function bodyOf(schema: Json, required: boolean): Parameter {
  return { name: "body", in: "body", schema, ...(required ? { required } : {}) };
}

/** The fields of options as a query has them: lists are repeated. */
export function queryOf(kind: string, options: Schema | undefined): Parameter[] {
  const parameters: Parameter[] = [];
  for (const { name, schema } of options?.fields?.values() ?? []) {
    const { type } = schema.type === "array" && schema.items ? schema.items : schema;
    // A time has no form in a query that upstream would document.
    if (name === "kind" || name === "apiVersion" || schema.format === "date-time") continue;
    parameters.push({ name, in: "query", type, text: [options?.name ?? kind, name] });
  }
  return parameters;
}
