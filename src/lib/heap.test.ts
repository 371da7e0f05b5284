import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createHeap } from "./heap.ts";

interface Item {
  readonly key: number;
  readonly rank: number;
}

const create = () => createHeap<number, Item>({ keyOf: (item) => item.key, before: (a, b) => a.rank < b.rank });

test("a heap behaves as a sorted map under any sequence of pushes, removals and pops", () => {
  const step = fc.oneof(
    fc.record({ op: fc.constant("push" as const), key: fc.nat(12), rank: fc.nat(50) }),
    fc.record({ op: fc.constant("remove" as const), key: fc.nat(12), rank: fc.constant(0) }),
    fc.record({ op: fc.constant("pop" as const), key: fc.constant(0), rank: fc.constant(0) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const heap = create();
      const model = new Map<number, Item>();
      const lowest = () => Math.min(...[...model.values()].map((item) => item.rank));
      for (const { op, key, rank } of steps) {
        if (op === "push") {
          heap.push({ key, rank });
          model.set(key, { key, rank });
        } else if (op === "remove") {
          assert.deepEqual(heap.remove(key), model.get(key));
          model.delete(key);
        } else {
          const popped = heap.pop();
          assert.equal(popped?.rank, model.size === 0 ? undefined : lowest());
          if (popped) assert.ok(model.delete(popped.key));
        }
        assert.equal(heap.size, model.size);
        assert.equal(heap.peek()?.rank, model.size === 0 ? undefined : lowest());
        assert.deepEqual(heap.get(key), model.get(key));
      }
      assert.deepEqual([...heap.items()].map((item) => item.key).toSorted(), [...model.keys()].toSorted());
    }),
  );
});
