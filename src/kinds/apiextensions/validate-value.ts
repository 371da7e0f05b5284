// Whether a value is as a schema says, with the paths and words of the library that upstream checks custom resources with.

import { equal } from "#lib/equal.ts";
import type { Errors } from "#kinds/shared/checks.ts";
import { field, type FieldError, quote } from "#meta/errors.ts";
import { itemsOf, type Schema, valuesOf } from "./custom-resource-definition/validate-structural.ts";
import { isOfFormat } from "./value-formats.ts";

interface Result {
  readonly errors: FieldError[];
  /** How much of the schema was looked at: of several schemas that fail, the one that got furthest is told. */
  matches: number;
}

/** `path` is the field that holds the value. */
export function checkValue(errors: Errors, path: string, value: unknown, schema: Schema): void {
  errors.push(...check(path, "", value, schema).errors);
}

/** `name` is the value's path below the field. */
function check(root: string, name: string, value: unknown, schema: Schema): Result {
  const result: Result = { errors: [], matches: 1 };
  const { errors } = result;
  const at = name === "" ? root : `${root}.${name.replace(/^\./, "")}`;
  const says = (text: string) => `${name} in body ${text}`;
  const wrong = (shown: unknown, text: string) => errors.push(field.invalid(at, shown ?? "", says(text)));
  if (hasTypes(schema)) {
    result.matches += 2;
    checkType(errors, at, name, value, schema);
  }
  if (value === null || value === undefined) {
    checkEnum(errors, at, value, schema);
    return result;
  }
  checkCombinations(result, root, name, value, schema);
  if (typeof value === "string") {
    checkText(errors, at, name, value, schema);
    result.matches += 2;
  }
  if (typeof value === "number") {
    checkNumber(wrong, value, schema);
    result.matches += 2;
  }
  if (Array.isArray(value)) {
    const items = itemsOf(schema);
    if (items) for (const [index, item] of value.entries()) merge(result, check(root, `${name}[${index}]`, item, items));
    const { minItems, maxItems } = schema;
    if (minItems !== undefined && value.length < minItems) wrong(value.length, `should have at least ${minItems} items`);
    if (maxItems !== undefined && value.length > maxItems) errors.push(field.tooMany(at, value.length, maxItems));
    result.matches += 2;
  }
  checkEnum(errors, at, value, schema);
  if (typeof value === "object" && !Array.isArray(value)) {
    checkObject(result, root, name, value as Readonly<Record<string, unknown>>, schema); // what is an object and no list
    result.matches++;
  }
  return result;
}

function merge(result: Result, other: Result): void {
  result.errors.push(...other.errors);
  result.matches += other.matches;
}

const hasTypes = (schema: Schema): boolean => Boolean(schema.type) || Boolean(schema.format);

/** Upstream checks defaults with a form of the schema in which what is an integer or a string has no type. */
function typesOf({ type }: Schema): string[] {
  return type ? [type] : [];
}

function typeOf(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value === "number" ? (Number.isInteger(value) ? "integer" : "number") : typeof value;
}

function checkType(errors: Errors, at: string, name: string, value: unknown, schema: Schema): void {
  const types = typesOf(schema);
  const actual = typeOf(value);
  const fail = (wanted: string, shown: string) =>
    errors.push(field.typeInvalid(at, shown, `${name} in body must be of type ${wanted}: ${quote(shown)}`));
  if (actual === "null") {
    if (types.length > 0 && !schema.nullable) fail(types.join(","), actual);
    return;
  }
  const fits = types.includes(actual) || (actual === "integer" && types.includes("number"));
  const isListOrText = actual === "string" || actual === "array";
  if (schema.format && !isListOrText && !fits) {
    fail(schema.format, actual === "integer" ? "int64" : actual === "number" ? "double" : "");
    return;
  }
  const isNumeric = types.includes("number") || types.includes("integer");
  if (schema.format && isListOrText && !isNumeric) return;
  if (!fits) fail(types.join(","), actual);
}

function checkEnum(errors: Errors, at: string, value: unknown, { enum: allowed }: Schema): void {
  if (!allowed || allowed.length === 0 || allowed.some((one) => equal(one, value ?? null))) return;
  const shown = allowed.map((one) => (typeof one === "string" ? one : JSON.stringify(one)));
  errors.push(field.notSupported(at, value, shown, "given"));
}

function checkText(errors: Errors, at: string, name: string, value: string, { minLength, maxLength, pattern, format }: Schema): void {
  const length = minLength === undefined && maxLength === undefined ? 0 : Array.from(value).length;
  if (maxLength !== undefined && length > maxLength) errors.push(field.tooLong(at, maxLength));
  if (minLength !== undefined && length < minLength) {
    errors.push(field.invalid(at, value, `${name} in body should be at least ${minLength} chars long`));
  }
  if (pattern && compile(pattern)?.test(value) === false) {
    errors.push(field.invalid(at, value, `${name} in body should match '${pattern}'`));
  }
  if (format && !isOfFormat(format, value)) {
    errors.push(field.typeInvalid(at, value, `${name} in body must be of type ${format}: ${quote(value)}`));
  }
}

function compile(pattern: string): RegExp | undefined {
  const flags = /^\(\?([ims]+)\)/.exec(pattern);
  try {
    return new RegExp(pattern.slice(flags?.[0].length ?? 0).replaceAll("(?P<", "(?<"), `${flags?.[1] ?? ""}u`);
  } catch {
    return undefined;
  }
}

function checkNumber(wrong: (shown: unknown, text: string) => void, value: number, schema: Schema): void {
  const { multipleOf, maximum, exclusiveMaximum = false, minimum, exclusiveMinimum = false } = schema;
  if (multipleOf !== undefined && !Number.isInteger(value / multipleOf)) wrong(value, `should be a multiple of ${multipleOf}`);
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) {
    wrong(value, `should be less than ${exclusiveMaximum ? "" : "or equal to "}${maximum}`);
  }
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) {
    wrong(value, `should be greater than ${exclusiveMinimum ? "" : "or equal to "}${minimum}`);
  }
}

function checkObject(result: Result, root: string, name: string, value: Readonly<Record<string, unknown>>, schema: Schema): void {
  const { properties = {}, required = [], minProperties, maxProperties } = schema;
  const { errors } = result;
  const at = name === "" ? root : `${root}.${name.replace(/^\./, "")}`;
  const keys = Object.keys(value);
  if (minProperties !== undefined && keys.length < minProperties) {
    errors.push(field.invalid(at, keys.length, `${name} in body should have at least ${minProperties} properties`));
  }
  if (maxProperties !== undefined && keys.length > maxProperties) errors.push(field.tooMany(at, keys.length, maxProperties));
  const values = valuesOf(schema);
  for (const key of keys) {
    const own = properties[key];
    if (own) merge(result, check(root, name === "" ? key : `${name}.${key}`, value[key], own));
    else if (values) merge(result, check(root, `${name}.${key}`, value[key], values));
    else if (schema.additionalProperties === false) {
      errors.push(field.invalid(at, key, `${name}.${key} in body is a forbidden property`));
    }
  }
  for (const key of required) if (!(key in value)) errors.push(field.required(`${at}.${key}`));
}

function checkCombinations(result: Result, root: string, name: string, value: unknown, schema: Schema): void {
  const { anyOf, oneOf, allOf, not } = schema;
  const fail = (text: string) => result.errors.push(field.invalid(root, "", `${quote(name)} must${text}`));
  if (anyOf?.length) {
    const results = anyOf.map((one) => check(root, name, value, one));
    const good = results.find(({ errors }) => errors.length === 0);
    if (!good) fail(" validate at least one schema (anyOf)");
    merge(result, good ?? furthest(results));
  }
  if (oneOf?.length) {
    const results = oneOf.map((one) => check(root, name, value, one));
    const good = results.filter(({ errors }) => errors.length === 0);
    const [first] = good;
    if (good.length !== 1) {
      const found = good.length === 0 ? "Found none valid" : `Found ${good.length} valid alternatives`;
      fail(` validate one and only one schema (oneOf). ${found}`);
      if (good.length === 0) merge(result, furthest(results));
    } else if (first) merge(result, first);
  }
  if (allOf?.length) {
    const results = allOf.map((one) => check(root, name, value, one));
    for (const one of results) merge(result, one);
    const good = results.filter(({ errors }) => errors.length === 0).length;
    if (good !== results.length) fail(` validate all the schemas (allOf)${good === 0 ? ". None validated" : ""}`);
  }
  if (not && check(root, name, value, not).errors.length === 0) fail(" not validate the schema (not)");
  result.matches++;
}

function furthest(results: readonly Result[]): Result {
  return results.reduce((best, one) => (one.matches > best.matches ? one : best));
}
