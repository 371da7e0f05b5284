import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { applyJsonPatch } from "./json-patch.ts";

const document = () => ({ a: { b: [1, 2, 3], c: null as unknown }, "x/y~z": 1 });

const applied: readonly { name: string; patch: unknown[]; want: unknown }[] = [
  { name: "add sets a field", patch: [{ op: "add", path: "/d", value: 4 }], want: { ...document(), d: 4 } },
  { name: "add without a value sets null", patch: [{ op: "add", path: "/d" }], want: { ...document(), d: null } },
  {
    name: "add inserts into a list",
    patch: [{ op: "add", path: "/a/b/1", value: 9 }],
    want: { ...document(), a: { b: [1, 9, 2, 3], c: null } },
  },
  {
    name: "add appends with -",
    patch: [{ op: "add", path: "/a/b/-", value: 9 }],
    want: { ...document(), a: { b: [1, 2, 3, 9], c: null } },
  },
  {
    name: "add takes negative indexes",
    patch: [{ op: "add", path: "/a/b/-1", value: 9 }],
    want: { ...document(), a: { b: [1, 2, 3, 9], c: null } },
  },
  { name: "escapes are undone", patch: [{ op: "replace", path: "/x~1y~0z", value: 2 }], want: { ...document(), "x/y~z": 2 } },
  { name: "remove takes out", patch: [{ op: "remove", path: "/a/b/0" }], want: { ...document(), a: { b: [2, 3], c: null } } },
  { name: "move moves", patch: [{ op: "move", from: "/a/b", path: "/n" }], want: { a: { c: null }, "x/y~z": 1, n: [1, 2, 3] } },
  {
    name: "copy copies",
    patch: [
      { op: "copy", from: "/a/b", path: "/n" },
      { op: "remove", path: "/n/0" },
    ],
    want: { ...document(), n: [2, 3] },
  },
  { name: "test passes on equal values", patch: [{ op: "test", path: "/a/b", value: [1, 2, 3] }], want: document() },
  { name: "test takes a missing field for null", patch: [{ op: "test", path: "/nope", value: null }], want: document() },
  {
    name: "a field called __proto__ is data",
    patch: [{ op: "add", path: "/__proto__", value: { z: 1 } }],
    want: JSON.parse('{"a":{"b":[1,2,3],"c":null},"x/y~z":1,"__proto__":{"z":1}}'),
  },
];
for (const { name, patch, want } of applied) {
  test(name, () => {
    const original = document();
    assert.equal(JSON.stringify(applyJsonPatch(original, patch)), JSON.stringify(want));
    assert.deepEqual(original, document());
  });
}

const failing: readonly { name: string; patch: unknown[]; detail: string }[] = [
  { name: "a failed test", patch: [{ op: "test", path: "/a/b/0", value: 2 }], detail: "testing value /a/b/0 failed: test failed" },
  {
    name: "a missing parent",
    patch: [{ op: "add", path: "/q/r", value: 1 }],
    detail: 'add operation does not apply: doc is missing path: "/q/r": missing value',
  },
  {
    name: "replacing what is not there",
    patch: [{ op: "replace", path: "/q", value: 1 }],
    detail: "replace operation does not apply: doc is missing key: /q: missing value",
  },
  {
    name: "removing what is not there",
    patch: [{ op: "remove", path: "/q" }],
    detail: "error in remove for path: '/q': Unable to remove nonexistent key: q: missing value",
  },
  {
    name: "an index beyond the end",
    patch: [{ op: "add", path: "/a/b/9", value: 1 }],
    detail: "error in add for path: '/a/b/9': Unable to access invalid index: 9: invalid index referenced",
  },
  { name: "an unknown operation", patch: [{ op: "swap", path: "/a" }], detail: "Unexpected kind: swap" },
  { name: "an operation without a path", patch: [{ op: "add", value: 1 }], detail: "add operation failed to decode path: missing value" },
  {
    name: "copies without bound",
    patch: [
      { op: "add", path: "/s", value: "x".repeat(1000) },
      ...Array.from({ length: 4000 }, () => ({ op: "copy", from: "/s", path: "/t" })),
    ],
    detail: "Unable to complete the copy, the accumulated size increase of copy is 3146280, exceeding the limit 3145728",
  },
];
for (const { name, patch, detail } of failing) {
  test(`${name} gives 422 and changes nothing`, () => {
    const original = document();
    assert.throws(
      () => applyJsonPatch(original, patch),
      (error: { code?: number; reason?: string; status?: { message?: string; details?: { causes?: { message?: string }[] } } }) => {
        assert.equal(error.code, 422);
        assert.equal(error.reason, "Invalid");
        assert.equal(error.status?.message, "the server rejected our request due to an error in our request");
        assert.equal(error.status?.details?.causes?.[0]?.message, detail);
        return true;
      },
    );
    assert.deepEqual(original, document());
  });
}

test("what is no patch gives 400", () => {
  assert.throws(() => applyJsonPatch({}, {}), {
    code: 400,
    message: "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
  });
  assert.throws(() => applyJsonPatch({}, [1]), { code: 400 });
  assert.throws(() => applyJsonPatch({}, [{ op: "add", path: 5 }]), {
    code: 400,
    message: "error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.path of type string",
  });
});

test("more than 10,000 operations give 413", () => {
  const operations = Array.from({ length: 10_001 }, () => ({ op: "test", path: "/a", value: null }));
  assert.throws(() => applyJsonPatch({}, operations), {
    code: 413,
    message: "The allowed maximum operations in a JSON patch is 10000, got 10001",
  });
  assert.deepEqual(applyJsonPatch({}, operations.slice(1)), {});
});

const anyKey = fc.string({ maxLength: 4 });
const anyObject = () => fc.dictionary(anyKey, fc.jsonValue({ maxDepth: 3 }), { noNullPrototype: true });
const pointer = (key: string) => `/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
const same = (a: unknown, b: unknown) => assert.equal(JSON.stringify(a), JSON.stringify(b));

test("what is added is found, and removing it leaves the document as it was", () => {
  fc.assert(
    fc.property(anyObject(), anyKey, fc.jsonValue(), (before, key, value) => {
      fc.pre(!Object.hasOwn(before, key) && key !== "__proto__");
      const path = pointer(key);
      const text = JSON.stringify(before);
      const added: unknown = applyJsonPatch<unknown>(before, [
        { op: "add", path, value },
        { op: "test", path, value },
      ]);
      same(applyJsonPatch(added, [{ op: "remove", path }]), before);
      assert.equal(JSON.stringify(before), text, "the document itself stays");
    }),
  );
});

test("a list item that is moved there and back stays where it was", () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue({ maxDepth: 2 }), { minLength: 1 }), fc.nat(), fc.nat(), (list, a, b) => {
      const [from, to] = [`/list/${a % list.length}`, `/list/${b % list.length}`];
      const before: { list: unknown[] } = { list };
      const moved = applyJsonPatch(before, [{ op: "move", from, path: to }]);
      assert.equal(moved.list.length, list.length);
      same(applyJsonPatch(moved, [{ op: "move", from: to, path: from }]), before);
    }),
  );
});

test("several patches one after another are one patch", () => {
  const operation = fc.oneof(
    fc.record({ op: fc.constant("add"), path: fc.constantFrom("/a", "/b", "/list/0", "/list/-"), value: fc.jsonValue({ maxDepth: 1 }) }),
    fc.record({ op: fc.constant("copy"), from: fc.constantFrom("/a", "/list"), path: fc.constantFrom("/b", "/list/0") }),
    fc.record({ op: fc.constant("replace"), path: fc.constantFrom("/a", "/list/0"), value: fc.integer() }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 5 }), fc.array(operation, { maxLength: 5 }), (first, second) => {
      const before: unknown = { a: 1, list: [0] };
      let together: unknown;
      try {
        together = applyJsonPatch(before, [...first, ...second]);
      } catch {
        return; // adding to what became no list
      }
      same(applyJsonPatch(applyJsonPatch(before, first), second), together);
    }),
  );
});
