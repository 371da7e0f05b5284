import assert from "node:assert/strict";
import { test } from "node:test";
import { garbageCollector } from "#controllers/garbage-collector/garbage-collector.ts";
import { ConfigMap, Namespace, Secret } from "#kinds/api/core-v1.gen.ts";
import type { OwnerReference } from "#meta/object.ts";
import { startStory, type StoryCluster } from "./cluster.ts";

const start = async () => {
  const story = await startStory({ loops: [garbageCollector({ startDelayMs: 0 })] });
  await story.client.create(Namespace, { metadata: { name: "a" } });
  await story.client.create(Namespace, { metadata: { name: "b" } });
  await story.clock.advance(100);
  return story;
};

const owner = (of: { metadata?: { name?: string; uid?: string } }, more: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  name: of.metadata?.name ?? "",
  uid: of.metadata?.uid ?? "",
  ...more,
});

const make = (story: StoryCluster, name: string, owners: OwnerReference[] = [], finalizers: string[] = []) =>
  story.make(ConfigMap, { metadata: { name, namespace: "a", ownerReferences: owners, finalizers } });

const gone = (story: StoryCluster, name: string) =>
  story.eventually(`${name} is gone`, async () => !(await story.exists(ConfigMap, `a/${name}`)));

test("dependents go after their owner, and theirs after them, across kinds", async () => {
  await using story = await start();
  const parent = await make(story, "parent");
  const child = await make(story, "child", [owner(parent)]);
  await story.make(Secret, { metadata: { name: "grandchild", namespace: "a", ownerReferences: [owner(child)] } });
  await make(story, "stranger");
  await story.client.delete(ConfigMap, "a/parent", { propagationPolicy: "Background" });
  assert.equal(await story.exists(ConfigMap, "a/parent"), false);
  await gone(story, "child");
  await story.eventually("grandchild is gone", async () => !(await story.exists(Secret, "a/grandchild")));
  assert.equal(await story.exists(ConfigMap, "a/stranger"), true);
});

test("a foreground deletion waits for blocking dependents, and only for those", async () => {
  await using story = await start();
  const parent = await make(story, "parent");
  await make(story, "blocker", [owner(parent, { blockOwnerDeletion: true })], ["example.com/hold"]);
  await make(story, "other", [owner(parent)], ["example.com/hold"]);
  await story.client.delete(ConfigMap, "a/parent", { propagationPolicy: "Foreground" });
  await story.eventually("blocker is being deleted", async () => {
    const blocker = await story.client.get(ConfigMap, "a/blocker");
    return blocker.metadata?.deletionTimestamp !== undefined;
  });
  await story.clock.advance(30_000);
  assert.equal(await story.exists(ConfigMap, "a/parent"), true);
  await story.client.patch(ConfigMap, "a/blocker", { metadata: { finalizers: null } });
  await gone(story, "blocker");
  await gone(story, "parent");
  const other = await story.client.get(ConfigMap, "a/other");
  assert.notEqual(other.metadata?.deletionTimestamp, undefined);
});

test("orphaned dependents stay and forget their owner", async () => {
  await using story = await start();
  const parent = await make(story, "parent");
  await make(story, "child", [owner(parent)]);
  await story.client.delete(ConfigMap, "a/parent", { propagationPolicy: "Orphan" });
  await gone(story, "parent");
  await story.clock.advance(30_000);
  const child = await story.client.get(ConfigMap, "a/child");
  assert.deepEqual(child.metadata?.ownerReferences ?? [], []);
});

test("an object with one living owner stays and forgets the one that is gone", async () => {
  await using story = await start();
  const one = await make(story, "one");
  const two = await make(story, "two");
  await make(story, "child", [owner(one), owner(two)]);
  await story.client.delete(ConfigMap, "a/one");
  await story.eventually("the reference is gone", async () => {
    const child = await story.client.get(ConfigMap, "a/child");
    return child.metadata?.ownerReferences?.length === 1;
  });
  const child = await story.client.get(ConfigMap, "a/child");
  assert.equal(child.metadata?.ownerReferences?.[0]?.name, "two");
  await story.client.delete(ConfigMap, "a/two");
  await gone(story, "child");
});

test("an owner that never was, or has another uid, is absent", async () => {
  await using story = await start();
  const real = await make(story, "real");
  await make(story, "child1", [owner(real, { uid: "00000000-0000-4000-8000-000000000000" })]);
  await make(story, "child2", [owner({ metadata: { name: "nobody", uid: "00000000-0000-4000-8000-000000000001" } })]);
  await gone(story, "child1");
  await gone(story, "child2");
  assert.equal(await story.exists(ConfigMap, "a/real"), true);
});

test("an owner in another namespace is no owner, and a warning says so", async () => {
  await using story = await start();
  const far = await story.make(ConfigMap, { metadata: { name: "far", namespace: "b" } });
  await make(story, "child", [owner(far)]);
  await gone(story, "child");
  assert.equal(await story.exists(ConfigMap, "b/far"), true);
  const { Event } = await import("#kinds/api/core-v1.gen.ts");
  await story.eventually("event", async () => {
    const events = await story.client.list(Event, { namespace: "a" });
    return events.items.some(
      ({ reason, message }) =>
        reason === "OwnerRefInvalidNamespace" &&
        /ownerRef \[v1\/ConfigMap, namespace: a, name: far, uid: .*\] does not exist in namespace "a"/.test(message ?? ""),
    );
  });
});

test("a circle under a foreground deletion comes apart", async () => {
  await using story = await start();
  const one = await make(story, "one");
  const two = await make(story, "two", [owner(one, { blockOwnerDeletion: true })]);
  await story.client.patch(ConfigMap, "a/one", { metadata: { ownerReferences: [owner(two, { blockOwnerDeletion: true })] } });
  await story.client.delete(ConfigMap, "a/one", { propagationPolicy: "Foreground" });
  await gone(story, "one");
  await gone(story, "two");
});

test("what was orphaned by a crash of the collector is found when it starts", async () => {
  const story = await startStory({ loops: [garbageCollector({ startDelayMs: 10_000 })] });
  await using _story = story;
  await story.make(Namespace, { metadata: { name: "a" } });
  const parent = await make(story, "parent");
  await make(story, "child", [owner(parent)]);
  await story.client.delete(ConfigMap, "a/parent", { propagationPolicy: "Background" });
  await story.clock.advance(5_000);
  assert.equal(await story.exists(ConfigMap, "a/child"), true);
  await gone(story, "child");
});

test("of thousands of objects exactly those go whose owners are gone", async () => {
  await using story = await start();
  const doomed = await make(story, "doomed");
  const living = await make(story, "living");
  const expected: string[] = ["living"];
  for (let from = 0; from < 3000; from += 100) {
    await Promise.all(
      Array.from({ length: 100 }, async (_, offset) => {
        const number = from + offset;
        const owners = [[owner(doomed)], [owner(living)], [owner(doomed), owner(living)]][number % 3] ?? [];
        await make(story, `c${number}`, owners);
        if (number % 3 !== 0) expected.push(`c${number}`);
      }),
    );
  }
  const names = async () => (await story.client.list(ConfigMap, { namespace: "a" })).items;
  await story.client.delete(ConfigMap, "a/doomed", { propagationPolicy: "Foreground" });
  await gone(story, "doomed");
  await story.eventually("owners that are gone are forgotten", async () => {
    const left = await names();
    return (
      left.length === expected.length &&
      left.every(({ metadata }) => metadata?.ownerReferences?.every(({ name }) => name === "living") ?? true)
    );
  });
  const left = (await names()).map(({ metadata }) => metadata?.name ?? "");
  assert.deepEqual(left.toSorted(), expected.toSorted());
});
