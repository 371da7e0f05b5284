// Whether an applied configuration fits the structure: upstream refuses it before anything is merged.

import { isJsonObject } from "#lib/own-field.ts";
import { goFormat } from "../go-format.ts";
import type { Schema } from "../schema.ts";
import { FieldPathError, showElement } from "./path-element.ts";
import { childSchema, itemElement, itemSchema } from "./shape.ts";

/** All that does not fit, in upstream's words: `.spec.foo: field not declared in schema`. Undefined if all fits. */
export function configurationProblem(configuration: unknown, schema: Schema): string | undefined {
  const problems: Problem[] = [];
  check(configuration, schema, problems);
  const texts = problems.map(({ path, text }) => (path === "" ? text : `${path}: ${text}`));
  if (texts.length <= 1) return texts[0];
  return ["errors:", ...texts.map((text) => `  ${text}`)].join("\n");
}

interface Problem {
  /** From the value that is being checked; made on the way out, since there is hardly ever one to make. */
  path: string;
  readonly text: string;
}

/** What was found below a step lies behind it. */
function lead(problems: readonly Problem[], from: number, step: () => string): void {
  if (problems.length === from) return;
  const text = step();
  for (const problem of problems.slice(from)) problem.path = text + problem.path;
}

function check(value: unknown, schema: Schema, problems: Problem[]): void {
  if (value === null || value === undefined) return;
  const report = (text: string): void => void problems.push({ path: "", text });
  switch (schema.type) {
    case "integer":
    case "number":
      if (typeof value !== "number") report(`expected numeric (int or float), got ${goType(value)}`);
      return;
    case "boolean":
      if (typeof value !== "boolean") report(`expected boolean, got &{${goFormat(value)}}`);
      return;
    case "string":
      // A format is of a type with a JSON form of its own, such as a quantity, which may be a number.
      if (schema.format === undefined || schema.format === "byte") {
        if (typeof value !== "string") report(`expected string, got &value.valueUnstructured{Value:${goFormat(value)}}`);
      } else if (typeof value === "object") report(`expected any scalar, got &{${goFormat(value)}}`);
      return;
    case "intOrString":
      if (typeof value === "object") report(`expected any scalar, got &{${goFormat(value)}}`);
      return;
    case "array":
      if (Array.isArray(value)) checkItems(value, schema, problems);
      else report(`expected list, got &{${goFormat(value)}}`);
      return;
    case "object":
    case "map":
      if (isJsonObject(value)) checkFields(value, schema, problems);
      else report(`expected map, got &{${goFormat(value)}}`);
      return;
    case "any":
  }
}

function checkFields(map: Readonly<Record<string, unknown>>, schema: Schema, problems: Problem[]): void {
  for (const key in map) {
    const type = childSchema(schema, key);
    if (type === undefined) {
      problems.push({ path: `.${key}`, text: "field not declared in schema" });
      return;
    }
    const value = map[key];
    const from = problems.length;
    check(value, type, problems);
    lead(problems, from, () => `.${key}`);
  }
}

function checkItems(list: readonly unknown[], schema: Schema, problems: Problem[]): void {
  const items = itemSchema(schema);
  const keyed = schema.listType === "map" || schema.listType === "set";
  const seen = new Set<string>();
  for (const [index, item] of list.entries()) {
    let element = `i:${index}`;
    if (keyed) {
      try {
        element = itemElement(schema, item);
      } catch (error) {
        if (!(error instanceof FieldPathError)) throw error;
        problems.push({ path: "", text: `element ${index}: ${error.message}` });
        return;
      }
      if (seen.has(element)) problems.push({ path: "", text: `duplicate entries for key ${showElement(element)}` });
      seen.add(element);
    }
    const from = problems.length;
    check(item, items, problems);
    lead(problems, from, () => showElement(element));
  }
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return "[]interface {}";
  return typeof value === "object" ? "map[string]interface {}" : typeof value === "boolean" ? "bool" : typeof value;
}
