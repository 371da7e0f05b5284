// Whether a schema is structural: each value's type stands in the schema itself, and what `allOf` and its like hold only
// narrows values that the schema names. Paths and words are upstream's.

import type { JSONSchemaProps } from "#kinds/api/apiextensions-v1.gen.ts";
import type { Errors } from "#kinds/shared/checks.ts";
import { equal } from "#lib/equal.ts";
import { wrongPattern } from "#lib/re2-syntax.ts";
import { field } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

export type Schema = DeepReadonly<JSONSchemaProps>;
type Level = "root" | "item" | "field";

const INT_OR_STRING = [{ type: "integer" }, { type: "string" }];
const EMPTY_TYPE: Readonly<Record<Level, string>> = {
  root: "must not be empty at the root",
  item: "must not be empty for specified array items",
  field: "must not be empty for specified object fields",
};

/** The one schema of a list's items; a list of schemas is none. */
export function itemsOf({ items }: Schema): Schema | undefined {
  return items === undefined || Array.isArray(items) ? undefined : (items as Schema); // what is no list is a schema
}

/** The schema of a map's values; true and false are none. */
export function valuesOf({ additionalProperties: values }: Schema): Schema | undefined {
  return typeof values === "object" ? values : undefined;
}

/** A schema and all in it. */
export function* eachSchema(schema: Schema): Generator<Schema> {
  yield schema;
  const items = itemsOf(schema);
  const lists = [Array.isArray(schema.items) ? (schema.items as readonly Schema[]) : [], schema.allOf, schema.anyOf, schema.oneOf];
  const maps = [schema.properties, schema.patternProperties, schema.definitions];
  const values = valuesOf(schema);
  for (const one of [items, ...lists.flat(), schema.not, ...maps.flatMap((map) => Object.values(map ?? {})), values]) {
    if (one) yield* eachSchema(one);
  }
}

export function checkStructural(errors: Errors, path: string, schema: Schema): void {
  checkNode(errors, path, schema, "root");
  checkCompleteness(errors, path, path, schema, schema);
}

function checkNode(errors: Errors, path: string, schema: Schema, level: Level): void {
  const items = itemsOf(schema);
  const isEmbedded = schema["x-kubernetes-embedded-resource"] === true;
  // Even false counts here, which is refused elsewhere.
  const keepsUnknown = schema["x-kubernetes-preserve-unknown-fields"] !== undefined;
  const isIntOrString = schema["x-kubernetes-int-or-string"] === true;
  if (schema.type === "array" && !items) errors.push(field.required(`${path}.items`, "must be specified"));
  if (items) checkNode(errors, `${path}.items`, items, "item");
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    checkNode(errors, `${path}.properties[${name}]`, property, "field");
  }
  const values = valuesOf(schema);
  if (schema.additionalProperties !== undefined && level === "root") {
    errors.push(field.forbidden(`${path}.additionalProperties`, "must not be used at the root"));
  }
  if (values) checkNode(errors, `${path}.additionalProperties`, values, "field");
  if (isIntOrString && keepsUnknown) {
    errors.push(field.invalid(`${path}.x-kubernetes-preserve-unknown-fields`, true, "must be false if x-kubernetes-int-or-string is true"));
  }
  if (isIntOrString && isEmbedded) {
    errors.push(field.invalid(`${path}.x-kubernetes-embedded-resource`, true, "must be false if x-kubernetes-int-or-string is true"));
  }
  const skipsAnyOf = isIntOrStringPattern(schema.anyOf);
  checkValueRules(errors, path, schema, skipsAnyOf, isIntOrStringPattern(schema.allOf?.[0]?.anyOf));
  checkType(errors, path, schema, level);
  if (isEmbedded && schema.additionalProperties !== undefined) {
    errors.push(field.forbidden(`${path}.additionalProperties`, "must not be used if x-kubernetes-embedded-resource is set"));
  }
  checkMetadata(errors, path, schema, level);
  if (isEmbedded && !keepsUnknown && Object.keys(schema.properties ?? {}).length === 0) {
    const detail = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
    errors.push(field.required(`${path}.properties`, detail));
  }
}

const isIntOrStringPattern = (anyOf: Schema["anyOf"]): boolean => equal(anyOf, INT_OR_STRING);

function checkType(errors: Errors, path: string, schema: Schema, level: Level): void {
  const { type = "" } = schema;
  if (schema["x-kubernetes-embedded-resource"] === true && type !== "object") {
    const detail = "must be object if x-kubernetes-embedded-resource is true";
    errors.push(type === "" ? field.required(`${path}.type`, detail) : field.invalid(`${path}.type`, type, detail));
  } else if (type === "" && !schema["x-kubernetes-int-or-string"] && schema["x-kubernetes-preserve-unknown-fields"] === undefined) {
    errors.push(field.required(`${path}.type`, EMPTY_TYPE[level]));
  }
  if (level === "root" && type !== "" && type !== "object") errors.push(field.invalid(`${path}.type`, type, "must be object at the root"));
}

function checkMetadata(errors: Errors, path: string, { properties = {}, ...schema }: Schema, level: Level): void {
  const isObject = level === "root" || schema["x-kubernetes-embedded-resource"] === true;
  if (!isObject) return;
  for (const name of ["kind", "apiVersion"]) {
    const property = properties[name];
    if (property && property.type !== "string") {
      errors.push(field.invalid(`${path}.properties[${name}].type`, property.type ?? "", "must be string"));
    }
  }
  const { metadata } = properties;
  if (!metadata) return;
  const at = `${path}.properties[metadata]`;
  if (metadata.type !== "object") errors.push(field.invalid(`${at}.type`, metadata.type ?? "", "must be object"));
  if (level !== "root") return;
  const { type: _type, default: _default, properties: own = {}, ...rest } = metadata;
  const names = Object.keys(own);
  const onlyNames = names.every((name) => name === "name" || name === "generateName");
  if (!onlyNames || Object.keys(rest).length > 0) {
    errors.push(field.forbidden(at, "must not specify anything other than name and generateName, but metadata is implicitly specified"));
  }
}

function checkValueRules(errors: Errors, path: string, rules: Schema, skipsAnyOf: boolean, skipsAnyOfInFirst: boolean): void {
  if (!skipsAnyOf) for (const [index, rule] of (rules.anyOf ?? []).entries()) checkNested(errors, `${path}.anyOf[${index}]`, rule, false);
  for (const [index, rule] of (rules.allOf ?? []).entries()) {
    checkNested(errors, `${path}.allOf[${index}]`, rule, skipsAnyOfInFirst && index === 0);
  }
  for (const [index, rule] of (rules.oneOf ?? []).entries()) checkNested(errors, `${path}.oneOf[${index}]`, rule, false);
  if (rules.not) checkNested(errors, `${path}.not`, rules.not, false);
  if (rules.pattern) {
    const wrong = wrongPattern(rules.pattern);
    if (wrong !== undefined) {
      errors.push(field.invalid(`${path}.pattern`, rules.pattern, `must be a valid regular expression, but isn't: ${wrong}`));
    }
  }
}

const STRUCTURE: readonly (readonly [keyof JSONSchemaProps, string])[] = [
  ["type", "empty"],
  ["additionalProperties", "undefined"],
  ["default", "undefined"],
  ["title", "empty"],
  ["description", "empty"],
  ["nullable", "false"],
  ["x-kubernetes-preserve-unknown-fields", "false"],
  ["x-kubernetes-embedded-resource", "false"],
  ["x-kubernetes-int-or-string", "false"],
  ["x-kubernetes-list-map-keys", "empty"],
  ["x-kubernetes-list-type", "undefined"],
  ["x-kubernetes-map-type", "undefined"],
  ["x-kubernetes-validations", "empty"],
];

function checkNested(errors: Errors, path: string, rule: Schema, skipsAnyOf: boolean): void {
  checkValueRules(errors, path, rule, skipsAnyOf, false);
  const items = itemsOf(rule);
  if (items) checkNested(errors, `${path}.items`, items, false);
  for (const [name, property] of Object.entries(rule.properties ?? {})) {
    checkNested(errors, `${path}.properties[${name}]`, property, false);
  }
  for (const [name, wanted] of STRUCTURE) {
    const value = rule[name];
    const isUnset = value === undefined || value === "" || (value === false && name !== "additionalProperties");
    if (isUnset || (Array.isArray(value) && value.length === 0)) continue;
    errors.push(field.forbidden(`${path}.${name}`, `must be ${wanted} to be structural`));
  }
  if (rule.properties?.["metadata"]) {
    errors.push(field.forbidden(`${path}.properties[metadata]`, "must not be specified in a nested context"));
  }
}

/** Values that rules narrow must be named by the schema. Only rules at its top are followed, as upstream does. */
function checkCompleteness(errors: Errors, at: string, rulePath: string, schema: Schema, rules: Schema): void {
  if (rules.not) checkNamed(errors, at, `${rulePath}.not`, schema, rules.not);
  for (const name of ["allOf", "anyOf", "oneOf"] as const) {
    for (const [index, rule] of (rules[name] ?? []).entries()) checkNamed(errors, at, `${rulePath}.${name}[${index}]`, schema, rule);
  }
}

function checkNamed(errors: Errors, at: string, rulePath: string, schema: Schema | undefined, rule: Schema): void {
  if (!schema) {
    errors.push(field.required(at, `because it is defined in ${rulePath}`));
    return;
  }
  checkCompleteness(errors, at, rulePath, schema, rule);
  const items = itemsOf(rule);
  if (items) checkNamed(errors, `${at}.items`, `${rulePath}.items`, itemsOf(schema), items);
  for (const [name, property] of Object.entries(rule.properties ?? {})) {
    const child = `properties[${name}]`;
    checkNamed(errors, `${at}.${child}`, `${rulePath}.${child}`, schema.properties?.[name], property);
  }
}
