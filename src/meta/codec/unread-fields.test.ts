import assert from "node:assert/strict";
import { test } from "node:test";
import { JsonText, parseUnreadFields } from "./unread-fields.ts";

const FIELDS = { "f:spec": { 'k:{"name":"a}b\\\\"}': { ".": {}, "f:x": {} }, "v:{": {} } };
const entry = (manager: string) => ({ manager, operation: "Update", apiVersion: "v1", fieldsType: "FieldsV1", fieldsV1: FIELDS });
const parse = (object: object) => parseUnreadFields(JSON.stringify(object)) as { metadata: { managedFields: { fieldsV1: unknown }[] } };

test("managed fields stay text, all else is read", () => {
  const object = {
    kind: "Pod",
    apiVersion: "v1",
    metadata: {
      name: "a",
      annotations: { note: '"managedFields":[{"fieldsV1":{', managedFields: "[" },
      managedFields: [entry("a"), { ...entry("b"), subresource: "status" }],
    },
    spec: { note: 'x"fieldsV1":{' },
  };
  const read = parse(object);
  for (const one of read.metadata.managedFields) {
    assert.ok(one.fieldsV1 instanceof JsonText);
    assert.equal(one.fieldsV1.text, JSON.stringify(FIELDS));
    one.fieldsV1 = FIELDS;
  }
  assert.deepEqual(read, object);
});

test("what only looks like managed fields is read as usual", () => {
  const metadata = { name: "a" };
  for (const object of [
    { metadata },
    { metadata, data: { metadata: { managedFields: [entry("a")] } } },
    { metadata: { ...metadata, managedFields: [entry("a")] }, data: { fieldsV1: { a: 1 } } },
    { metadata: { ...metadata, managedFields: [{ ...entry("a"), fieldsV1: undefined }] }, data: { fieldsV1: { a: 1 } } },
    { metadata: { ...metadata, managedFields: [] } },
  ]) {
    assert.deepEqual(parse(object), JSON.parse(JSON.stringify(object)));
  }
  assert.throws(() => parseUnreadFields('{"metadata":{"managedFields":[{"fieldsV1":{"a'), SyntaxError);
});
