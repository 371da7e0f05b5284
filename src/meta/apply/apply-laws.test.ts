// Laws that hold for any structure and any objects of it. A failure prints its seed.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isConflict } from "../errors.ts";
import type { AnyObject } from "../object.ts";
import type { Field, Schema } from "../schema.ts";
import { createFieldManager } from "./create-field-manager.ts";
import type { FieldManager } from "./field-manager.ts";

/** A structure, and what makes two values of it that share no field unless told so. */
interface Shape {
  readonly schema: Schema;
  readonly value: fc.Arbitrary<unknown>;
}

const SCALAR: Shape = { schema: { type: "string" }, value: fc.constantFrom("x", "y", "z") };
const NAMES = ["a", "b", "c", "constructor"];

const shapes: fc.Arbitrary<Shape> = fc.letrec<{ shape: Shape }>((tie) => ({
  shape: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constant(SCALAR),
    fc.record({ items: tie("shape"), atomic: fc.boolean() }).map(({ items, atomic }) => mapOf(items, atomic)),
    fc.dictionary(fc.constantFrom(...NAMES), tie("shape"), { minKeys: 1, noNullPrototype: true }).map(structOf),
    fc.dictionary(fc.constantFrom(...NAMES), tie("shape"), { noNullPrototype: true }).map(listOf),
    fc.constantFrom<Shape>(
      { schema: { type: "array", listType: "set", items: SCALAR.schema }, value: fc.uniqueArray(SCALAR.value) },
      { schema: { type: "array", items: SCALAR.schema }, value: fc.array(SCALAR.value, { maxLength: 3 }) },
      {
        schema: { type: "any" },
        value: fc.dictionary(
          fc.constantFrom(...NAMES),
          fc.anything({ maxDepth: 1, values: [fc.integer(), fc.constant("t")], key: fc.constantFrom("p", "q") }),
          { noNullPrototype: true },
        ),
      },
    ),
  ),
})).shape;

function mapOf({ schema, value }: Shape, atomic: boolean): Shape {
  return {
    schema: { type: "map", items: schema, ...(atomic ? { mapType: "atomic" as const } : {}) },
    value: fc.dictionary(fc.constantFrom(...NAMES), value, { noNullPrototype: true }),
  };
}

function structOf(fields: Record<string, Shape>): Shape {
  const entries = Object.entries(fields);
  return {
    schema: {
      type: "object",
      fields: new Map(entries.map(([name, { schema }]): [string, Field] => [name, { name, schema, required: false }])),
    },
    value: fc.record(Object.fromEntries(entries.map(([name, { value }]) => [name, value])), { requiredKeys: [], noNullPrototype: true }),
  };
}

function listOf(fields: Record<string, Shape>): Shape {
  const { schema, value } = structOf({ ...fields, key: SCALAR });
  return {
    schema: { type: "array", listType: "map", listMapKeys: ["key"], items: schema },
    value: fc.uniqueArray(
      fc.tuple(value, SCALAR.value).map(([item, key]) => ({ ...(item as object), key })),
      { selector: (item) => item.key },
    ),
  };
}

interface World {
  readonly root: Schema;
  readonly fields: FieldManager;
  readonly left: AnyObject;
  readonly right: AnyObject;
}

const STRING: Schema = { type: "string" };

/** Two configurations of one random kind. */
const worlds: fc.Arbitrary<World> = shapes.chain(({ schema, value }) =>
  fc.tuple(value, value).map(([left, right]) => {
    const field = (name: string, type: Schema): [string, Field] => [name, { name, schema: type, required: false }];
    const metadata: Schema = { type: "object", fields: new Map([field("name", STRING)]) };
    const root: Schema = {
      type: "object",
      fields: new Map([field("apiVersion", STRING), field("kind", STRING), field("metadata", metadata), field("spec", schema)]),
    };
    const object = (spec: unknown): AnyObject => ({ apiVersion: "test/v1", kind: "Thing", metadata: { name: "x" }, spec });
    return {
      root,
      fields: createFieldManager({ apiVersion: "test/v1", schema: root, resetFields: () => [] }),
      left: object(left),
      right: object(right),
    };
  }),
);

const by = (manager: string, second = 0) => ({ manager, subresource: "", now: `2026-01-01T00:00:0${second}Z` });
const copy = <T>(value: T): T => structuredClone(value);
const law = (holds: (world: World) => void): void => fc.assert(fc.property(worlds, holds), { numRuns: 300 });

function conflictFree(act: () => AnyObject | object): AnyObject | undefined {
  try {
    return act() as AnyObject; // of the random kind
  } catch (error) {
    if (isConflict(error)) return undefined;
    throw error;
  }
}

test("apply is idempotent", () => {
  law(({ fields, left }) => {
    const once = fields.apply(undefined, left, by("a"), false);
    // Nobody owns an empty list: such an object counts as one that was never applied.
    fc.pre(once.metadata?.managedFields !== undefined);
    assert.deepEqual(fields.apply(once, left, by("a", 1), false), once);
  });
});

test("apply changes neither the object nor the configuration", () => {
  law(({ fields, left, right }) => {
    const live = fields.apply(undefined, left, by("a"), false);
    const [liveBefore, rightBefore] = [copy(live), copy(right)];
    fields.apply(live, right, by("b"), true);
    assert.deepEqual([live, right], [liveBefore, rightBefore]);
  });
});

test("by force every applied field is there, so that applying again changes nothing and conflicts with nobody", () => {
  law(({ fields, left, right }) => {
    const live = fields.apply(undefined, left, by("a"), false);
    const forced = fields.apply(live, right, by("b"), true);
    assert.deepEqual(fields.apply(forced, right, by("b", 1), false), forced);
    const third = fields.apply(forced, right, by("c", 2), false) as AnyObject;
    assert.deepEqual(third["spec"], (forced as AnyObject)["spec"]);
  });
});

test("without force an apply either conflicts or does what force does", () => {
  law(({ fields, left, right }) => {
    const live = fields.apply(undefined, left, by("a"), false);
    const free = conflictFree(() => fields.apply(live, right, by("b"), false));
    if (free) assert.deepEqual(free, fields.apply(live, right, by("b"), true));
  });
});

test("managers that do not conflict own the same fields in whichever order they apply", () => {
  law(({ fields, left, right }) => {
    const ab = conflictFree(() => fields.apply(fields.apply(undefined, left, by("a"), false), right, by("b"), false));
    const ba = conflictFree(() => fields.apply(fields.apply(undefined, right, by("b"), false), left, by("a"), false));
    if (!ab || !ba || [ab, ba].some(({ metadata }) => metadata?.managedFields?.some(({ operation }) => operation === "Update"))) return;
    const owned = (object: AnyObject) =>
      object.metadata?.managedFields?.map(({ manager, fieldsV1 }) => `${manager} ${JSON.stringify(fieldsV1)}`).toSorted();
    assert.deepEqual(owned(ab), owned(ba));
  });
});

test("a manager that gives up all leaves what the other one applied", () => {
  law(({ fields, left, right }) => {
    const { spec: _, ...nothing } = right;
    const live = fields.apply(undefined, left, by("a"), false);
    const both = fields.apply(live, right, by("b"), true);
    const alone = fields.apply(both, nothing, by("b", 1), true) as AnyObject;
    assert.equal(alone.metadata?.managedFields?.some(({ manager }) => manager === "b") ?? false, false);
    const again = conflictFree(() => fields.apply(alone, left, by("a", 2), false));
    assert.ok(again, "a still may apply what it applied");
  });
});

test("track then apply of one's own values conflicts only with the name that updated", () => {
  law(({ fields, left }) => {
    const live = copy(left);
    fields.track(undefined, live, by("a"));
    const applied = fields.apply(live, left, by("b"), false) as AnyObject;
    assert.deepEqual(applied["spec"], left["spec"]);
  });
});

test("an update takes each changed field from all others, and equal inputs give equal bytes", () => {
  law(({ fields, left, right }) => {
    const live = fields.apply(undefined, left, by("a"), false);
    const next = { ...copy(right), metadata: { ...copy(live.metadata) } };
    const again = copy(next);
    fields.track(live, next, by("b", 1));
    fields.track(copy(live), again, by("b", 1));
    assert.equal(JSON.stringify(again.metadata), JSON.stringify(next.metadata));
    const back = copy(next);
    fields.track(next, back, by("c", 2));
    assert.deepEqual(back, next, "a write that changes nothing owns nothing");
  });
});

test("a manager that made an object answers as one that reads it for the first time", () => {
  const cold = (schema: Schema) => createFieldManager({ apiVersion: "test/v1", schema, resetFields: () => [] });
  law(({ root, fields, left, right }) => {
    const first = fields.apply(undefined, left, by("a"), false);
    const second = fields.apply(first, right, by("b", 1), true);
    for (const [live, configuration, manager] of [
      [first, left, "a"],
      [second, left, "a"],
      [second, right, "b"],
      [second, { ...right, spec: left["spec"] } as AnyObject, "b"],
    ] as const) {
      const warm = fields.apply(live, configuration, by(manager, 2), true);
      const text = JSON.stringify(cold(root).apply(JSON.parse(JSON.stringify(live)) as AnyObject, configuration, by(manager, 2), true)); // JSON data
      assert.equal(JSON.stringify(warm), text);
      const next = { ...copy(right), metadata: copy(live.metadata) } as AnyObject;
      const again = copy(next);
      fields.track(live, next, by("c", 3));
      cold(root).track(copy(live), again, by("c", 3));
      assert.equal(JSON.stringify(next), JSON.stringify(again));
    }
  });
});
