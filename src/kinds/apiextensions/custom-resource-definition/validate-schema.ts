// What a custom resource's schema may say beyond being structural, with upstream's paths and words.

import type { ValidationRule } from "#kinds/api/apiextensions-v1.gen.ts";
import { checkOneOf, type Errors } from "#kinds/shared/checks.ts";
import type { CheckExpression } from "#kinds/shared/expressions.ts";
import { field } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { schemaAt } from "./field-path.ts";
import { itemsOf, type Schema, valuesOf } from "./validate-structural.ts";

const TYPES = ["array", "boolean", "integer", "number", "object", "string"];
const UNSUPPORTED = ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"] as const;
const REASONS = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
const META = new Set(["metadata", "kind", "apiVersion"]);

export interface SchemaChecks {
  readonly check: CheckExpression;
  /** Texts of rules and messages that are stored already. */
  readonly stored: ReadonlySet<string>;
  /** Whether the schema is structural, so that its expressions can be compiled. */
  readonly isStructural: boolean;
}

interface Place {
  /** Why there may be no defaults here. */
  readonly noDefaults?: string;
  readonly isInMeta: boolean;
  readonly isRoot: boolean;
  /** How often a value of this schema can occur in one object; undefined: without bound. */
  readonly cardinality: number | undefined;
}

export const ROOT: Place = { isInMeta: false, isRoot: true, cardinality: 1 };

/** How many values there can be inside one value; an object has each of its fields once. */
function maxInside({ type, additionalProperties, maxItems, maxProperties }: Schema): number | undefined {
  if (type === "array") return maxItems;
  return type === "object" && additionalProperties !== undefined ? maxProperties : 1;
}

export function checkSchema(errors: Errors, path: string, schema: Schema, place: Place, checks: SchemaChecks): void {
  checkStandard(errors, path, schema, place);
  if (schema.uniqueItems) {
    const detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
    errors.push(field.forbidden(`${path}.uniqueItems`, detail));
  }
  const most = maxInside(schema);
  const cardinality = place.cardinality === undefined || most === undefined ? undefined : place.cardinality * Math.max(most, 0);
  const inside = { ...place, isRoot: false, cardinality };
  const values = valuesOf(schema);
  if (schema.additionalProperties !== undefined) {
    if (Object.keys(schema.properties ?? {}).length > 0 && schema.additionalProperties !== true) {
      errors.push(field.forbidden(`${path}.additionalProperties`, "additionalProperties and properties are mutual exclusive"));
    }
    const noDefaults = "inside additionalProperties applying to object metadata";
    if (values) checkSchema(errors, `${path}.additionalProperties`, values, place.isInMeta ? { ...inside, noDefaults } : inside, checks);
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const isMeta = (place.isRoot || schema["x-kubernetes-embedded-resource"] === true) && META.has(name);
    const there = {
      ...inside,
      ...(isMeta ? { isInMeta: true } : {}),
      ...(isMeta && place.isRoot ? { noDefaults: `in top-level ${name}` } : {}),
    };
    checkSchema(errors, `${path}.properties[${name}]`, property, there, checks);
  }
  const within = { ...checks, isStructural: false };
  if (schema.not) checkSchema(errors, `${path}.not`, schema.not, inside, within);
  for (const name of ["allOf", "oneOf", "anyOf"] as const) {
    for (const [index, one] of (schema[name] ?? []).entries()) checkSchema(errors, `${path}.${name}[${index}]`, one, inside, within);
  }
  for (const [name, one] of Object.entries(schema.definitions ?? {})) {
    checkSchema(errors, `${path}.definitions[${name}]`, one, inside, within);
  }
  const items = itemsOf(schema);
  if (items) checkSchema(errors, `${path}.items`, items, inside, checks);
  checkExtensions(errors, path, schema);
  checkMapKeys(errors, path, schema);
  checkRules(errors, path, schema, place, checks);
}

function checkStandard(errors: Errors, path: string, schema: Schema, { noDefaults, isInMeta }: Place): void {
  if (schema.type) checkOneOf(errors, `${path}.type`, schema.type, TYPES);
  if (schema.default !== undefined && noDefaults !== undefined) {
    errors.push(field.forbidden(`${path}.default`, `must not be set ${noDefaults}`));
  }
  for (const name of UNSUPPORTED) {
    const value: unknown = schema[name];
    const isEmptyMap = typeof value === "object" && value !== null && Object.keys(value).length === 0 && name !== "dependencies";
    if (value !== undefined && value !== "" && !(isEmptyMap && name !== "additionalItems")) {
      errors.push(field.forbidden(`${path}.${name}`, `${name} is not supported`));
    }
  }
  if (schema.type === "null") {
    errors.push(field.forbidden(`${path}.type`, "type cannot be set to null, use nullable as an alternative"));
  }
  if (Array.isArray(schema.items) && schema.items.length > 0) {
    errors.push(field.forbidden(`${path}.items`, "items must be a schema object and not an array"));
  }
  if (isInMeta && schema["x-kubernetes-embedded-resource"]) {
    errors.push(field.forbidden(`${path}.x-kubernetes-embedded-resource`, "must not be used inside of resource meta"));
  }
}

function checkExtensions(errors: Errors, path: string, schema: Schema): void {
  const mapType = schema["x-kubernetes-map-type"];
  const listType = schema["x-kubernetes-list-type"];
  if (schema["x-kubernetes-preserve-unknown-fields"] === false) {
    errors.push(field.invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, "must be true or undefined"));
  }
  if (mapType !== undefined) {
    checkTypeIs(errors, path, schema, "object", "x-kubernetes-map-type");
    if (!["atomic", "granular"].includes(mapType)) {
      errors.push(field.notSupported(`${path}.x-kubernetes-map-type`, mapType, ["atomic", "granular"]));
    }
  }
  if (listType === undefined) return;
  checkTypeIs(errors, path, schema, "array", "x-kubernetes-list-type");
  if (schema.type === "array" && listType === "set") checkSetItems(errors, path, itemsOf(schema));
  const supported = ["atomic", "set", "map"];
  if (!supported.includes(listType)) errors.push(field.notSupported(`${path}.x-kubernetes-list-type`, listType, supported, "given"));
}

function checkTypeIs(errors: Errors, path: string, { type = "" }: Schema, wanted: string, extension: string): void {
  if (type === wanted) return;
  const detail = `must be ${wanted} if ${extension} is specified`;
  errors.push(type === "" ? field.required(`${path}.type`, detail) : field.invalid(`${path}.type`, type, detail));
}

function checkSetItems(errors: Errors, path: string, items: Schema | undefined): void {
  const detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
  const listType = items?.["x-kubernetes-list-type"];
  if (items?.type === "array" && listType !== undefined && listType !== "atomic") {
    errors.push(field.invalid(`${path}.items.x-kubernetes-list-type`, listType, detail));
  }
  if (items?.type === "object" && items["x-kubernetes-map-type"] !== "atomic") {
    // Upstream shows the list type here.
    errors.push(field.invalid(`${path}.items.x-kubernetes-map-type`, listType ?? null, detail));
  }
}

function checkMapKeys(errors: Errors, path: string, schema: Schema): void {
  const listType = schema["x-kubernetes-list-type"];
  const keys = schema["x-kubernetes-list-map-keys"] ?? [];
  const at = `${path}.x-kubernetes-list-map-keys`;
  const items = itemsOf(schema);
  if (keys.length > 0 && listType !== "map") {
    const detail = "must be map if x-kubernetes-list-map-keys is non-empty";
    const typePath = `${path}.x-kubernetes-list-type`;
    errors.push(listType === undefined ? field.required(typePath, detail) : field.invalid(typePath, listType, detail));
  }
  if ((listType === "set" || listType === "map") && items?.nullable) {
    errors.push(field.forbidden(`${path}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${listType}`));
  }
  if (listType !== "map") return;
  if (keys.length === 0) errors.push(field.required(at, "must not be empty if x-kubernetes-list-type is map"));
  if (schema.items === undefined) errors.push(field.required(`${path}.items`, "must have a schema if x-kubernetes-list-type is map"));
  else if (!items) {
    errors.push(field.invalid(`${path}.items`, schema.items, "must only have a single schema if x-kubernetes-list-type is map"));
  } else if (items.type !== "object") {
    const detail = "must be object if parent array's x-kubernetes-list-type is map";
    errors.push(field.invalid(`${path}.items.type`, items.type ?? "", detail));
  }
  if (!items) return;
  const seen = new Set<string>();
  for (const key of keys) {
    checkMapKey(errors, path, items, key, keys);
    if (items.type === "object" && seen.has(key)) errors.push(field.invalid(at, keys, "must not contain duplicate entries"));
    seen.add(key);
  }
}

function checkMapKey(errors: Errors, path: string, items: Schema, key: string, keys: readonly string[]): void {
  const property = items.properties?.[key];
  const at = `${path}.items.properties[${key}]`;
  if (items.type === "object") {
    if (!property) errors.push(field.invalid(`${path}.x-kubernetes-list-map-keys`, keys, "entries must all be names of item properties"));
    else if (property.type === "array" || property.type === "object") {
      const detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
      errors.push(field.invalid(`${at}.type`, items.type, detail));
    }
  }
  if (!property) return;
  if (property.default === undefined && !items.required?.includes(key)) {
    const detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
    errors.push(field.required(`${at}.default`, detail));
  }
  if (property.nullable) {
    errors.push(field.forbidden(`${at}.nullable`, "this property is in x-kubernetes-list-map-keys, so it cannot be nullable"));
  }
}

const hasLineBreak = (text: string): boolean => /[\n\r]/.test(text);

function checkRules(errors: Errors, path: string, schema: Schema, place: Place, { check, stored, isStructural }: SchemaChecks): void {
  const before = errors.length;
  const rules = schema["x-kubernetes-validations"] ?? [];
  for (const [index, rule] of rules.entries()) checkRule(errors, `${path}.x-kubernetes-validations[${index}]`, rule, schema);
  if (!isStructural || errors.length > before) return;
  const where = { schema, isRoot: place.isRoot, maxCardinality: place.cardinality };
  for (const [index, { rule, messageExpression }] of rules.entries()) {
    const at = `${path}.x-kubernetes-validations[${index}]`;
    errors.push(...check({ path: `${at}.rule`, text: rule, purpose: "customResourceRule", stored: stored.has(rule), ...where }));
    if (!messageExpression) continue;
    const use = { path: `${at}.messageExpression`, text: messageExpression, stored: stored.has(messageExpression), ...where };
    errors.push(...check({ ...use, purpose: "customResourceMessage" }));
  }
}

function checkRule(errors: Errors, at: string, given: DeepReadonly<Partial<ValidationRule>>, schema: Schema): void {
  const { rule = "", message = "", messageExpression = "", fieldPath = "", reason } = given;
  if (rule.trim() === "") errors.push(field.required(`${at}.rule`, "rule is not specified"));
  else if (message !== "" && message.trim() === "") errors.push(field.invalid(`${at}.message`, message, "must be non-empty if specified"));
  else if (hasLineBreak(message.trim())) errors.push(field.invalid(`${at}.message`, message, "must not contain line breaks"));
  else if (hasLineBreak(rule.trim()) && message.trim() === "") {
    errors.push(field.required(`${at}.message`, "message must be specified if rule contains line breaks"));
  }
  if (messageExpression !== "" && messageExpression.trim() === "") {
    errors.push(field.required(`${at}.messageExpression`, "messageExpression must be non-empty if specified"));
  }
  if (reason !== undefined) checkOneOf(errors, `${at}.reason`, reason, REASONS);
  if (fieldPath !== "" && fieldPath.trim() === "")
    errors.push(field.invalid(`${at}.fieldPath`, fieldPath, "must be non-empty if specified"));
  if (hasLineBreak(fieldPath)) errors.push(field.invalid(`${at}.fieldPath`, fieldPath, "must not contain line breaks"));
  if (fieldPath !== "" && typeof schemaAt(schema, fieldPath, true) === "string") {
    errors.push(field.invalid(`${at}.fieldPath`, fieldPath, "must be a valid path"));
  }
}
