import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  difference,
  EMPTY,
  has,
  included,
  intersection,
  isEmpty,
  isSubset,
  pathsOf,
  readFields,
  recursiveDifference,
  showPath,
  union,
  type FieldSet,
} from "./field-set.ts";
import { compareElements, FieldPathError, readElement, showElement } from "./path-element.ts";

const ELEMENTS = ["f:a", "f:b", "f:constructor", 'k:{"name":"a"}', 'k:{"name":"b","port":80}', "v:1", 'v:"x"', "i:2"];

/** Sets as lists of paths, which tell what the trie must hold. */
const paths = fc.array(fc.array(fc.constantFrom(...ELEMENTS), { minLength: 1, maxLength: 3 }), { maxLength: 8 });

function setOf(list: readonly (readonly string[])[]): FieldSet {
  return list.reduce<FieldSet>(
    (set, path) =>
      union(
        set,
        path.reduceRight<FieldSet>((node, step) => ({ [step]: node }), {}),
      ),
    EMPTY,
  );
}
const texts = (set: FieldSet): string[] => pathsOf(set).map((path) => JSON.stringify(path));
const textSet = (list: readonly (readonly string[])[]): Set<string> => new Set(list.map((path) => JSON.stringify(path)));
const sorted = (values: Iterable<string>): string[] => [...values].toSorted();

describe("path elements", () => {
  const canonical: [string, string | undefined][] = [
    ["f:name", "f:name"],
    ['k:{"protocol":"TCP","containerPort":80}', 'k:{"containerPort":80,"protocol":"TCP"}'],
    ['k:{"name":"a<b"}', 'k:{"name":"a\\u003cb"}'],
    ["v:1.0", "v:1"],
    ["i:07", "i:7"],
    ["x:later", undefined],
  ];
  for (const [text, expected] of canonical) test(`${text} reads as ${expected}`, () => assert.equal(readElement(text), expected));

  for (const wrong of ["f", "name", "v:{", "k:[1]", "i:x"]) {
    test(`${wrong} is refused`, () => assert.throws(() => readElement(wrong), FieldPathError));
  }

  const shown: [string, string][] = [
    ["f:name", ".name"],
    ['k:{"containerPort":80,"protocol":"TCP"}', '[containerPort=80,protocol="TCP"]'],
    ['v:"x"', '[="x"]'],
    ["i:3", "[3]"],
  ];
  for (const [element, text] of shown) test(`${element} shows as ${text}`, () => assert.equal(showElement(element), text));

  test("stand in upstream's order: fields, keys, values, indexes, numbers by size", () => {
    const order = [
      "f:B",
      "f:a",
      "f:\uffff",
      "f:\u{1f600}",
      'k:{"name":"a b"}',
      'k:{"name":"a!"}',
      'k:{"port":9}',
      'k:{"port":80}',
      "v:9",
      "v:10",
      'v:"1"',
      "i:9",
      "i:10",
    ];
    assert.deepEqual(order.toReversed().toSorted(compareElements), order);
    assert.equal(compareElements('k:{"name":"a"}', 'k:{"name":"a b"}'), -2, "the shorter text first, though a quote comes after a blank");
  });
});

describe("field sets", () => {
  test("fieldsV1 in canonical form is taken as it is", () => {
    const fields = { "f:metadata": { "f:labels": { ".": {}, "f:app": {} } } };
    assert.equal(readFields(fields), fields);
  });

  test("fieldsV1 in another form gets the same bytes", () => {
    const read = readFields({ "f:b": {}, "f:a": { 'k:{"b":1,"a":2}': { "f:x": {}, ".": {} }, "z:unknown": {} }, ".": {} });
    assert.equal(JSON.stringify(read), JSON.stringify({ "f:a": { 'k:{"a":2,"b":1}': { ".": {}, "f:x": {} } }, "f:b": {} }));
  });

  for (const wrong of [[], "x", { "f:a": 1 }, { name: {} }]) {
    test(`${JSON.stringify(wrong)} is no fieldsV1`, () => assert.throws(() => readFields(wrong), FieldPathError));
  }

  test("a difference keeps parents and children apart, a recursive one does not", () => {
    const parent = setOf([["f:a"], ["f:a", "f:b"], ["f:c", "f:d"]]);
    assert.deepEqual(difference(parent, setOf([["f:a"], ["f:c"]])), { "f:a": { "f:b": {} }, "f:c": { "f:d": {} } });
    assert.deepEqual(recursiveDifference(parent, setOf([["f:a"], ["f:c"]])), {});
  });

  test("paths list a level before what is below it", () => {
    const set = setOf([["f:a", "f:b"], ["f:c"], ["f:a"]]);
    assert.deepEqual(pathsOf(set).map(showPath), [".a", ".c", ".a.b"]);
  });

  test("algebra is that of sets of paths", () => {
    fc.assert(
      fc.property(paths, paths, (left, right) => {
        const [a, b] = [setOf(left), setOf(right)];
        const [inA, inB] = [textSet(left), textSet(right)];
        assert.deepEqual(sorted(texts(a)), sorted(inA));
        assert.deepEqual(sorted(texts(union(a, b))), sorted(inA.union(inB)));
        assert.deepEqual(sorted(texts(intersection(a, b))), sorted(inA.intersection(inB)));
        assert.deepEqual(sorted(texts(difference(a, b))), sorted(inA.difference(inB)));
        assert.equal(isSubset(a, b), inA.isSubsetOf(inB));
        const below = left.filter((path) => !right.some((other) => other.every((step, index) => path[index] === step)));
        assert.deepEqual(sorted(texts(recursiveDifference(a, b))), sorted(textSet(below)));
        for (const path of left) assert.ok(has(a, path));
        assert.equal(isEmpty(a), left.length === 0);
      }),
    );
  });

  test("equal sets have equal bytes, however they were made, and read back as they are", () => {
    fc.assert(
      fc.property(paths, paths, (left, right) => {
        const [a, b] = [setOf(left), setOf(right)];
        const text = JSON.stringify(union(a, b));
        assert.equal(JSON.stringify(setOf([...right, ...left].toReversed())), text);
        assert.equal(JSON.stringify(union(difference(a, b), b)), text);
        const json = JSON.parse(text) as unknown;
        assert.equal(readFields(json), json);
      }),
    );
  });
});

test("included keeps what lies on the way to a path, at its end and below", () => {
  const set = {
    "f:metadata": { "f:labels": {} },
    "f:spec": {
      "f:containers": {
        'k:{"name":"a"}': { ".": {}, "f:name": {}, "f:resources": { "f:limits": {} } },
        'k:{"name":"b"}': { "f:image": {} },
      },
      "f:nodeName": {},
    },
  };
  assert.deepEqual(included(set, [["spec", "containers", "*", "resources"]]), {
    "f:spec": { "f:containers": { 'k:{"name":"a"}': { ".": {}, "f:resources": { "f:limits": {} } } } },
  });
  assert.deepEqual(included(set, [["status"]]), {});
  assert.deepEqual(included(set, [["metadata"], ["spec", "nodeName"]]), {
    "f:metadata": { "f:labels": {} },
    "f:spec": { "f:nodeName": {} },
  });
});
