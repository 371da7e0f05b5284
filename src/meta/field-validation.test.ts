import assert from "node:assert/strict";
import { test } from "node:test";
import { cannotHandle, checkStructure, strictDecodingText, strictProblems } from "./field-validation.ts";
import type { Schema } from "./schema.ts";

const object = (name: string, fields: Record<string, Schema>, more: Partial<Schema> = {}): Schema => ({
  type: "object",
  name: `io.k8s.api.core.v1.${name}`,
  fields: new Map(Object.entries(fields).map(([field, schema]) => [field, { name: field, schema, required: false }])),
  ...more,
});
const text: Schema = { type: "string" };
const container = object("Container", {
  name: text,
  port: { type: "integer", format: "int32" },
  limits: { type: "map", items: { type: "string", format: "quantity" } },
});
const schema = object("Pod", {
  metadata: object("ObjectMeta", {
    name: text,
    labels: { type: "map", items: text },
    creationTimestamp: { type: "string", format: "date-time" },
  }),
  spec: object("PodSpec", {
    containers: { type: "array", items: container },
    replicas: { type: "integer", format: "int64" },
    weight: { type: "number", format: "double" },
    on: { type: "boolean" },
    max: { type: "intOrString" },
    data: { type: "string", format: "byte" },
    raw: { type: "any" },
    free: object("Free", { known: text }, { preserveUnknownFields: true }),
    at: { type: "string", format: "date-time-micro" },
    byName: { type: "map", items: container },
  }),
});

test("what is sound is left as it is", () => {
  const value = {
    metadata: { name: "a", labels: { x: "y" } },
    spec: {
      containers: [{ name: "c", port: 80, limits: { cpu: "1" } }],
      raw: { any: [null] },
      free: { other: 1 },
      max: "5%",
      on: false,
      weight: 0.5,
    },
  };
  const before = structuredClone(value);
  assert.deepEqual(checkStructure(value, schema), { unknownFields: [], typeErrors: [] });
  assert.deepEqual(value, before);
});

test("unknown fields are named by their paths and dropped", () => {
  const value = { foo: 1, spec: { containers: [{ name: "a" }, { bar: 1 }], byName: { k: { baz: 1 } } } };
  const { unknownFields } = checkStructure(value, schema);
  assert.deepEqual(unknownFields, ["foo", "spec.containers[1].bar", "spec.byName.k.baz"]);
  assert.deepEqual(value, { spec: { containers: [{ name: "a" }, {}], byName: { k: {} } } });
  assert.equal(
    cannotHandle({ kind: "Pod", version: "v1" }, strictDecodingText(strictProblems(unknownFields.slice(1, 2), ["spec"]))).message,
    'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.containers[1].bar", duplicate field "spec"',
  );
});

const wrong: readonly [string, object, string][] = [
  [
    "a text for a list",
    { spec: { containers: "x" } },
    "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container",
  ],
  [
    "a text for a number",
    { spec: { containers: [{ port: "80" }] } },
    "json: cannot unmarshal string into Go struct field Container.spec.containers.port of type int32",
  ],
  [
    "a number too large",
    { spec: { containers: [{ port: 3000000000 }] } },
    "json: cannot unmarshal number 3000000000 into Go struct field Container.spec.containers.port of type int32",
  ],
  [
    "a fraction for an integer",
    { spec: { replicas: 1.5 } },
    "json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.replicas of type int64",
  ],
  [
    "a number for a text in a map",
    { metadata: { labels: { a: 1 } } },
    "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
  ],
  [
    "a list for a map",
    { metadata: { labels: [] } },
    "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string",
  ],
  ["a text for an object", { spec: "x" }, "json: cannot unmarshal string into Go struct field Pod.spec of type v1.PodSpec"],
  ["a text for a boolean", { spec: { on: "true" } }, "json: cannot unmarshal string into Go struct field PodSpec.spec.on of type bool"],
  ["a boolean for an integer or text", { spec: { max: true } }, "json: cannot unmarshal bool into Go value of type int32"],
  [
    "no quantity",
    { spec: { containers: [{ limits: { cpu: "1x" } }] } },
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  ],
  [
    "no time",
    { metadata: { creationTimestamp: "now" } },
    'parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"',
  ],
  ["no base64", { spec: { data: "a*b=" } }, "illegal base64 data at input byte 1"],
];
for (const [name, value, want] of wrong) {
  test(`${name} is a type error in Go's words`, () => assert.deepEqual(checkStructure(value, schema).typeErrors, [want]));
}

test("what is no object at all is a type error", () => {
  assert.deepEqual(checkStructure([], schema).typeErrors, ["json: cannot unmarshal array into Go value of type v1.Pod"]);
});

test("what a strategic merge made is told in the words of a conversion", () => {
  const faults = (spec: object, metadata: object = {}) => checkStructure({ metadata, spec }, schema, "conversion").typeErrors;
  assert.deepEqual(faults({}, { labels: "a" }), ["cannot restore map from string"]);
  assert.deepEqual(faults({ containers: {} }), ["cannot restore slice from map"]);
  assert.deepEqual(faults({ containers: [1] }), ["cannot restore struct from: int64"]);
  assert.deepEqual(faults({ on: "yes", replicas: 1.5 }), ["cannot convert string to bool", "cannot convert float64 to int64"]);
  assert.deepEqual(faults({}, { name: {} }), ["cannot convert map[string]interface {} to string"]);
});

test("null is absent, in maps and lists the zero value", () => {
  const value = { metadata: { name: null, labels: { a: null } }, spec: { containers: [null], replicas: null } };
  assert.deepEqual(checkStructure(value, schema), { unknownFields: [], typeErrors: [] });
  assert.deepEqual(value, { metadata: { labels: { a: "" } }, spec: { containers: [{}] } });
});

test("quantities and times take their canonical form", () => {
  const value = {
    metadata: { creationTimestamp: "2026-01-01T01:00:00.5+01:00" },
    spec: { at: "2026-01-01T00:00:00.123456Z", containers: [{ limits: { cpu: "1000m", memory: 1024 } }] },
  };
  assert.deepEqual(checkStructure(value, schema).typeErrors, []);
  assert.deepEqual(value, {
    metadata: { creationTimestamp: "2026-01-01T00:00:00Z" },
    spec: { at: "2026-01-01T00:00:00.123456Z", containers: [{ limits: { cpu: "1", memory: "1024" } }] },
  });
});

test("names that objects inherit are no fields", () => {
  const value = JSON.parse('{"constructor":1,"__proto__":{"x":1}}') as object;
  assert.deepEqual(checkStructure(value, schema).unknownFields, ["constructor", "__proto__"]);
  assert.deepEqual(Object.keys(value), []);
});
