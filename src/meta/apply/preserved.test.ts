import assert from "node:assert/strict";
import { test } from "node:test";
import type { Schema } from "../schema.ts";
import { createFieldManager } from "./create-field-manager.ts";
import { inheritPreservation } from "./preserved.ts";

const text: Schema = { type: "string" };
const struct = (fields: Record<string, Schema>, more: Partial<Schema> = {}): Schema => ({
  type: "object",
  fields: new Map(Object.entries(fields).map(([name, schema]) => [name, { name, schema, required: false }])),
  ...more,
});

test("what is declared below a node that preserves unknown fields preserves them too, for apply", () => {
  const schema = inheritPreservation(
    struct({
      apiVersion: text,
      kind: text,
      metadata: struct({ name: text }),
      spec: struct({ inner: struct({ known: text }) }, { preserveUnknownFields: true }),
    }),
  );
  const manager = createFieldManager({ apiVersion: "g/v1", schema, resetFields: () => [] });
  const configuration = { apiVersion: "g/v1", kind: "K", metadata: { name: "n" }, spec: { inner: { known: "a", unknown: "b" } } };
  const applied = manager.apply(undefined, configuration, { manager: "m", subresource: "", now: "2026-01-01T00:00:00Z" }, false);
  assert.deepEqual(applied.metadata?.managedFields?.[0]?.fieldsV1, {
    "f:spec": { "f:inner": { "f:known": {}, "f:unknown": {} } },
  });
});

test("a structure without the mark stays the same object, and Kubernetes' own are not walked", () => {
  const plain = struct({ spec: struct({ list: { type: "array", items: text } }) });
  assert.equal(inheritPreservation(plain), plain);
  const own = struct({}, { name: "io.k8s.api.core.v1.PodSpec" });
  assert.equal(inheritPreservation(own, true), own);
});
