// x-kubernetes-preserve-unknown-fields counts, for apply, also for everything that is declared below the node that says so (unlike pruning, which begins again
// at a declared object).

import type { Field, Schema } from "../schema.ts";

/** The structure with the mark on all nodes below marked ones; the same one where there is none. Structures of Kubernetes itself have no marks. */
export function inheritPreservation(schema: Schema, inherited = false): Schema {
  if (schema.name?.startsWith("io.k8s.")) return schema;
  const preserved = inherited || schema.preserveUnknownFields === true;
  const items = schema.items && inheritPreservation(schema.items, preserved);
  let fields: Map<string, Field> | undefined;
  for (const [name, field] of schema.fields ?? []) {
    const inner = inheritPreservation(field.schema, preserved);
    if (inner !== field.schema) (fields ??= new Map(schema.fields)).set(name, { ...field, schema: inner });
  }
  const marks = preserved && schema.type === "object" && !schema.preserveUnknownFields;
  if (!fields && !marks && items === schema.items) return schema;
  return { ...schema, ...(items && { items }), ...(fields && { fields }), ...(marks && { preserveUnknownFields: true }) };
}
