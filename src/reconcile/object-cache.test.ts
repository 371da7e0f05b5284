import assert from "node:assert/strict";
import { test } from "node:test";
import type { KubeObject } from "#meta/object.ts";
import { parseLabelSelector } from "#meta/selectors.ts";
import { createObjectCache } from "./object-cache.ts";

const object = (namespace: string, name: string, labels: Record<string, string>): KubeObject => ({ metadata: { namespace, name, labels } });

void test("a compiled selector finds the same objects as a look at each, through changes of labels", () => {
  const cache = createObjectCache();
  const namesOf = (text: string, namespace?: string) =>
    cache
      .list({ matcher: parseLabelSelector(text), ...(namespace === undefined ? {} : { namespace }) })
      .map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`)
      .toSorted();
  cache.set(object("a", "one", { app: "web", tier: "front" }));
  cache.set(object("a", "two", { app: "web", tier: "back" }));
  cache.set(object("b", "three", { app: "web" }));
  cache.set(object("b", "four", {}));
  assert.deepEqual(namesOf("app=web"), ["a/one", "a/two", "b/three"]);
  assert.deepEqual(namesOf("app=web", "a"), ["a/one", "a/two"]);
  assert.deepEqual(namesOf("app in (web,db),tier=back"), ["a/two"]);
  assert.deepEqual(namesOf("tier!=front", "b"), ["b/four", "b/three"]);
  assert.deepEqual(namesOf("app=db"), []);
  cache.set(object("a", "one", { app: "db", tier: "front" }));
  cache.set(object("a", "two", { tier: "back", app: "web" }));
  cache.remove(object("b", "three", {}));
  assert.deepEqual(namesOf("app=web"), ["a/two"]);
  assert.deepEqual(namesOf("app=db"), ["a/one"]);
  assert.deepEqual(namesOf("", "a"), ["a/one", "a/two"]);
});
