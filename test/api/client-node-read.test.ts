// The JavaScript client that others use: informers, watches, typed deletes.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type ApiException, CoreV1Api, KubeConfig, makeInformer, type V1ConfigMap, type V1Status, Watch } from "@kubernetes/client-node";
import { startTestCluster, type TestCluster } from "#harness/cluster.ts";
import { until } from "#harness/until.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const namespace = "default";

let testCluster: TestCluster;
let config: KubeConfig;
let core: CoreV1Api;
before(async () => {
  testCluster = await startTestCluster({ runtime: "simulated" });
  config = new KubeConfig();
  config.loadFromString(testCluster.cluster.kubeconfig);
  core = config.makeApiClient(CoreV1Api);
});
after(() => testCluster[Symbol.asyncDispose]());

const make = (name: string, labels: Record<string, string> = {}) =>
  core.createNamespacedConfigMap({ namespace, body: { metadata: { name, labels } } });
const remove = (name: string) => core.deleteNamespacedConfigMap({ namespace, name });

test("an informer keeps up with what is there and goes on after its watch ended", async () => {
  const labelSelector = "set=informed";
  const list = () => core.listNamespacedConfigMap({ namespace, labelSelector });
  const informer = makeInformer<V1ConfigMap>(config, MAPS, list, labelSelector);
  const seen: string[] = [];
  let connects = 0;
  informer.on("add", ({ metadata }) => void seen.push(`add ${metadata?.name}`));
  informer.on("update", ({ metadata, data }) => void seen.push(`update ${metadata?.name} ${data?.["n"]}`));
  informer.on("delete", ({ metadata }) => void seen.push(`delete ${metadata?.name}`));
  informer.on("connect", () => void connects++);
  // It stands still after an error until it is started again.
  let errors = 0;
  informer.on("error", () => void errors++);
  await make("early", { set: "informed" });
  await informer.start();
  await until("the first watch", () => connects > 0);
  await make("late", { set: "informed" });
  await make("other");
  await until("the new one", () => informer.get("late", namespace) !== undefined);
  const body = { metadata: { name: "late", labels: { set: "informed" } }, data: { n: "1" } };
  await core.replaceNamespacedConfigMap({ namespace, name: "late", body });
  await until("the change", () => informer.get("late", namespace)?.data?.["n"] === "1");
  await core.replaceNamespacedConfigMap({ namespace, name: "early", body: { metadata: { name: "early" } } });
  await until("one that left the selection", () => informer.get("early", namespace) === undefined);
  assert.deepEqual(seen, ["add early", "add late", "update late 1", "delete early"]);
  assert.equal(errors, 0);
  await informer.stop();
  await remove("late");
  await make("later", { set: "informed" });
  await informer.start();
  await until("what happened meanwhile", () => informer.get("later", namespace) && informer.get("late", namespace) === undefined);
  await informer.stop();
  assert.deepEqual(
    informer.list().map(({ metadata }) => metadata?.name),
    ["later"],
  );
  await Promise.all(["early", "later", "other"].map(remove));
});

test("a watch by hand sees bookmarks and ends at its time", async () => {
  const seen: string[] = [];
  const done = Promise.withResolvers<unknown>();
  const query = { allowWatchBookmarks: true, timeoutSeconds: 1, fieldSelector: "metadata.name=watched" };
  await new Watch(config).watch(MAPS, query, (phase: string) => void seen.push(phase), done.resolve);
  await until("the end of the beginning", () => seen.includes("BOOKMARK"));
  await make("watched");
  await remove("watched");
  await done.promise;
  assert.deepEqual(seen, ["BOOKMARK", "ADDED", "DELETED"]);
});

test("pages of typed lists", async () => {
  await Promise.all(["p1", "p2", "p3"].map((name) => make(name, { set: "paged" })));
  const names: (string | undefined)[] = [];
  let _continue: string | undefined;
  const versions = new Set<string | undefined>();
  do {
    const { metadata, items } = await core.listNamespacedConfigMap({
      namespace,
      labelSelector: "set=paged",
      limit: 2,
      ...(_continue ? { _continue } : {}),
    });
    names.push(...items.map((item) => item.metadata?.name));
    versions.add(metadata?.resourceVersion);
    _continue = metadata?._continue;
  } while (_continue);
  assert.deepEqual([names, versions.size], [["p1", "p2", "p3"], 1]);
  await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: "set=paged" });
  assert.equal((await core.listNamespacedConfigMap({ namespace, labelSelector: "set=paged" })).items.length, 0);
});

test("typed deletes: a Status that names what is gone, and preconditions", async () => {
  const { metadata } = await make("typed");
  const code = (error: unknown) => (error as ApiException<unknown>).code;
  await assert.rejects(
    core.deleteNamespacedConfigMap({ namespace, name: "typed", body: { preconditions: { uid: "other" } } }),
    (error) => code(error) === 409,
  );
  const status: V1Status = await core.deleteNamespacedConfigMap({
    namespace,
    name: "typed",
    gracePeriodSeconds: 0,
    propagationPolicy: "Background",
  });
  assert.equal(status.status, "Success");
  const { name, kind, uid } = status.details ?? {};
  assert.deepEqual([name, kind, uid], ["typed", "configmaps", metadata?.uid]);
  await assert.rejects(remove("typed"), (error) => code(error) === 404);
});
