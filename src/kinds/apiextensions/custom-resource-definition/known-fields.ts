// Schemas of items and of values of maps may be something else than a schema, so that the table of structures does not
// look into them: what is no field of a schema goes here, silently, as upstream's decoder drops it.

import type { JSONSchemaProps } from "#kinds/api/apiextensions-v1.gen.ts";

const FIELDS: ReadonlySet<string> = new Set(
  (
    "id $schema $ref description type format title default maximum exclusiveMaximum minimum exclusiveMinimum maxLength minLength pattern " +
    "maxItems minItems uniqueItems multipleOf enum maxProperties minProperties required items allOf oneOf anyOf not properties " +
    "additionalProperties patternProperties dependencies additionalItems definitions externalDocs example nullable " +
    "x-kubernetes-preserve-unknown-fields x-kubernetes-embedded-resource x-kubernetes-int-or-string x-kubernetes-list-map-keys " +
    "x-kubernetes-list-type x-kubernetes-map-type x-kubernetes-validations"
  ).split(" "),
);

/** `isLoose`: nothing has looked at the names of this schema's fields. */
export function dropUnknownFields(schema: JSONSchemaProps, isLoose = false): void {
  if (typeof schema !== "object" || schema === null) return;
  // The names are compared, whatever they are.
  if (isLoose) for (const name of Object.keys(schema)) if (!FIELDS.has(name)) delete (schema as Record<string, unknown>)[name];
  const { items, additionalProperties: values, additionalItems: more, not, allOf, anyOf, oneOf, properties, definitions } = schema;
  for (const one of Array.isArray(items) ? items : items ? [items] : []) dropUnknownFields(one, true);
  for (const one of [values, more]) if (typeof one === "object") dropUnknownFields(one, true);
  const inner = [not, allOf, anyOf, oneOf, ...[properties, definitions].map((map) => Object.values(map ?? {}))].flat();
  for (const one of inner) if (one) dropUnknownFields(one, isLoose);
}
