import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Field, Schema } from "../schema.ts";
import { applyStrategicMergePatch } from "./strategic-merge-patch.ts";

const object = (name: string, fields: Record<string, Schema | [Schema, Partial<Field>]>): Schema => ({
  type: "object",
  name: `io.example.v1.${name}`,
  fields: new Map(
    Object.entries(fields).map(([field, entry]) => {
      const [schema, marks] = Array.isArray(entry) ? entry : [entry, {}];
      return [field, { name: field, schema, required: false, ...marks }];
    }),
  ),
});
const text: Schema = { type: "string" };
const list = (items: Schema): Schema => ({ type: "array", items });
const item = object("Item", {
  name: text,
  value: text,
  tags: [list(text), { patchStrategy: "merge" }],
  cm: object("Cm", { name: text }),
  dir: object("Dir", {}),
});
const schema = object("Thing", {
  name: text,
  items: [list(item), { patchStrategy: "merge", patchMergeKey: "name" }],
  volumes: [list(item), { patchStrategy: "merge,retainKeys", patchMergeKey: "name" }],
  plain: list(item),
  finalizers: [list(text), { patchStrategy: "merge" }],
  labels: { type: "map", items: text },
  strategy: [object("Strategy", { type: text, rolling: object("Rolling", { max: text }) }), { patchStrategy: "retainKeys" }],
  whole: [object("Whole", { a: text, b: text }), { patchStrategy: "replace" }],
});
const named = (...names: string[]) => names.map((name) => ({ name }));

const cases: readonly { name: string; original: object; patch: object; want: object }[] = [
  {
    name: "fields merge, null deletes",
    original: { name: "a", labels: { x: "1", y: "2" } },
    patch: { labels: { x: null, z: "3" } },
    want: { name: "a", labels: { y: "2", z: "3" } },
  },
  { name: "nulls in what is new are dropped", original: {}, patch: { labels: { x: null, y: "1" } }, want: { labels: { y: "1" } } },
  {
    name: "a list with a merge key merges by it",
    original: { items: [{ name: "a", value: "1", cm: {} }] },
    patch: { items: [{ name: "a", value: "2" }, { name: "b" }] },
    want: { items: [{ name: "a", value: "2", cm: {} }, { name: "b" }] },
  },
  {
    name: "new items go before those only the server has",
    original: { items: named("s1", "s2") },
    patch: { items: named("n") },
    want: { items: named("n", "s1", "s2") },
  },
  {
    name: "the patch's order wins over the server's",
    original: { items: named("a", "b", "c") },
    patch: { items: named("c", "a") },
    want: { items: named("b", "c", "a") },
  },
  {
    name: "a list without a strategy is replaced",
    original: { plain: named("a") },
    patch: { plain: named("b") },
    want: { plain: named("b") },
  },
  {
    name: "an object with strategy replace is replaced",
    original: { whole: { a: "1" } },
    patch: { whole: { b: "2" } },
    want: { whole: { b: "2" } },
  },
  {
    name: "lists of scalars merge as sets",
    original: { finalizers: ["a", "b"] },
    patch: { finalizers: ["b", "c"] },
    want: { finalizers: ["a", "b", "c"] },
  },
  {
    name: "$deleteFromPrimitiveList takes out",
    original: { finalizers: ["a", "b", "a"] },
    patch: { "$deleteFromPrimitiveList/finalizers": ["a"] },
    want: { finalizers: ["b"] },
  },
  {
    name: "$patch: delete takes out an item",
    original: { items: named("a", "b") },
    patch: { items: [{ name: "a", $patch: "delete" }] },
    want: { items: named("b") },
  },
  {
    name: "$patch: delete of what is not there does nothing",
    original: { items: named("a") },
    patch: { items: [{ name: "q", $patch: "delete" }] },
    want: { items: named("a") },
  },
  {
    name: "$patch: delete in a list that is new leaves nothing behind",
    original: {},
    patch: { items: [{ name: "q", $patch: "delete" }, { name: "a" }] },
    want: { items: named("a") },
  },
  {
    name: "$patch: replace in a list replaces it",
    original: { items: named("a", "b") },
    patch: { items: [{ name: "c" }, { $patch: "replace" }] },
    want: { items: named("c") },
  },
  {
    name: "$patch: replace in an object replaces it",
    original: { labels: { a: "1" } },
    patch: { labels: { b: "2", $patch: "replace" } },
    want: { labels: { b: "2" } },
  },
  {
    name: "$patch: delete in an object empties it",
    original: { labels: { a: "1" } },
    patch: { labels: { $patch: "delete" } },
    want: { labels: {} },
  },
  {
    name: "$setElementOrder orders without a change",
    original: { items: named("a", "b", "c") },
    patch: { "$setElementOrder/items": named("c", "b", "a") },
    want: { items: named("c", "b", "a") },
  },
  {
    name: "$setElementOrder orders together with the change; the server's own items keep their place",
    original: { items: named("s", "a", "b") },
    patch: { "$setElementOrder/items": named("b", "n", "a"), items: [{ name: "n" }] },
    want: { items: named("s", "b", "n", "a") },
  },
  {
    name: "$setElementOrder orders scalars",
    original: { finalizers: ["a", "b", "c"] },
    patch: { "$setElementOrder/finalizers": ["c", "d", "a"], finalizers: ["d"] },
    want: { finalizers: ["b", "c", "d", "a"] },
  },
  {
    name: "$retainKeys clears the other fields",
    original: { strategy: { type: "Rolling", rolling: { max: "1" } } },
    patch: { strategy: { $retainKeys: ["type"], type: "Recreate" } },
    want: { strategy: { type: "Recreate" } },
  },
  {
    name: "$retainKeys works in items",
    original: { volumes: [{ name: "v", cm: { name: "c" } }] },
    patch: { volumes: [{ name: "v", dir: {}, $retainKeys: ["name", "dir"] }] },
    want: { volumes: [{ name: "v", dir: {} }] },
  },
  { name: "another form replaces", original: { labels: { a: "1" } }, patch: { labels: "x" }, want: { labels: "x" } },
];
for (const { name, original, patch, want } of cases) {
  test(name, () => {
    const before = JSON.stringify([original, patch]);
    assert.deepEqual(applyStrategicMergePatch(original, patch, schema), want);
    assert.equal(JSON.stringify([original, patch]), before);
  });
}

const refused: readonly { name: string; original: object; patch: object; code: number; message: string }[] = [
  {
    name: "an unknown directive",
    original: { labels: {} },
    patch: { labels: { $patch: "bogus" } },
    code: 500,
    message: "unknown patch type: bogus in map: map[$patch:bogus]",
  },
  {
    name: "an item without its key",
    original: { items: named("a") },
    patch: { items: [{ value: "1" }] },
    code: 500,
    message: "map: map[value:1] does not contain declared merge key: name",
  },
  {
    name: "$retainKeys that leave out a field of the patch",
    original: { strategy: {} },
    patch: { strategy: { $retainKeys: ["type"], rolling: {} } },
    code: 400,
    message: "invalid patch format of retainKeys",
  },
  {
    name: "an order that does not fit the change",
    original: {},
    patch: { "$setElementOrder/items": named("a", "b"), items: named("b", "a") },
    code: 500,
    message: "The order in patch list:\n[map[name:b] map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:a] map[name:b]]\n",
  },
  {
    name: "an order for a field that does not exist",
    original: {},
    patch: { "$setElementOrder/nope": [] },
    code: 500,
    message: 'unable to find api field in struct Thing for the json field "nope"',
  },
  {
    name: "$patch: merge in a list",
    original: { items: named("a") },
    patch: { items: [{ name: "a", $patch: "merge" }] },
    code: 500,
    message: "merging lists cannot yet be specified in the patch",
  },
  {
    name: "lists of lists",
    original: { finalizers: [["a"]] },
    patch: { finalizers: ["b"] },
    code: 422,
    message: "the server rejected our request due to an error in our request",
  },
  {
    name: "a parallel list without a name",
    original: {},
    patch: { $deleteFromPrimitiveList: [] },
    code: 400,
    message: "invalid patch format of primitive list",
  },
];
for (const { name, original, patch, code, message } of refused) {
  test(`${name} is refused`, () => assert.throws(() => applyStrategicMergePatch(original, patch, schema), { code, message }));
}

const names = () => fc.uniqueArray(fc.constantFrom<string[]>("a", "b", "c", "d", "e"));
const entry = (name: string) =>
  fc.record(
    { name: fc.constant(name), value: fc.constantFrom("1", "2"), tags: names() },
    { requiredKeys: ["name"], noNullPrototype: true },
  );
const entries = () => names().chain((keys) => fc.tuple(...keys.map(entry)));
const thing = () =>
  fc.record(
    {
      items: entries(),
      plain: entries(),
      finalizers: names(),
      labels: fc.dictionary(fc.constantFrom("x", "y"), fc.constantFrom("1", "2"), { noNullPrototype: true }),
    },
    { requiredKeys: [], noNullPrototype: true },
  );

test("a patch applied twice does no more than once", () => {
  fc.assert(
    fc.property(thing(), thing(), (original, patch) => {
      const once = applyStrategicMergePatch(original, patch, schema);
      assert.deepEqual(applyStrategicMergePatch(once, patch, schema), once);
    }),
  );
});

test("an object is not changed by itself as a patch", () => {
  fc.assert(fc.property(thing(), (original) => assert.deepEqual(applyStrategicMergePatch(original, original, schema), original)));
});

test("merging loses no item and keeps the order of the patch and of the server's own items", () => {
  fc.assert(
    fc.property(names(), names(), (server, patch) => {
      const merged = applyStrategicMergePatch({ items: named(...server) }, { items: named(...patch) }, schema) as {
        items: { name: string }[];
      };
      const result = merged.items.map((one) => one.name);
      assert.deepEqual(result.toSorted(), [...new Set([...server, ...patch])].toSorted());
      assert.deepEqual(
        result.filter((name) => patch.includes(name)),
        patch,
      );
      assert.deepEqual(
        result.filter((name) => !patch.includes(name)),
        server.filter((name) => !patch.includes(name)),
      );
    }),
  );
});
