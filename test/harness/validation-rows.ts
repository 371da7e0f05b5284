// Table tests of a kind's validation: a valid object, changed in one place per row, and what is then wrong.

import assert from "node:assert/strict";
import { test } from "node:test";
import { clone } from "#lib/clone.ts";
import { fieldErrorText } from "#meta/errors.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { KubeObject } from "#meta/object.ts";

/** Where (names and indexes), what stands there instead (undefined: nothing), and the `path: message` lines. */
export type Row = readonly [path: string, value: unknown, wrong: readonly string[]];

/** Hooks are handed over as they are; `previous`: the rows are updates of the valid object. */
export function testRows<T extends KubeObject>(
  name: string,
  hooks: KindHooks<T>,
  valid: object,
  rows: readonly Row[],
  { subresource = "", update = false }: { readonly subresource?: string; readonly update?: boolean } = {},
): void {
  const lines = (object: object): string[] => {
    const next = clone(object) as T; // what a client might have sent
    const previous = update ? (clone(valid) as T) : undefined; // likewise
    hooks.default?.(next);
    if (previous) hooks.default?.(previous);
    // T is data: what is read only of it is the same.
    return (hooks.validate?.(next as never, previous as never, { subresource }) ?? []).map(fieldErrorText).toSorted();
  };
  test(`${name}: the valid one has nothing wrong`, () => assert.deepEqual(lines(valid), []));
  for (const [path, value, wrong] of rows) {
    test(`${name}: ${path} = ${JSON.stringify(value)?.slice(0, 60) ?? "absent"}`, () => {
      assert.deepEqual(lines(changed(valid, path.split("."), value)), wrong.toSorted());
    });
  }
}

function changed(object: object, path: readonly string[], value: unknown): object {
  const copy = clone(object) as Record<string, unknown>; // JSON data
  let target = copy;
  for (const name of path.slice(0, -1)) target = target[name] as Record<string, unknown>; // rows name what is there
  const last = path.at(-1) ?? "";
  if (value === undefined) delete target[last];
  else target[last] = value;
  return copy;
}
