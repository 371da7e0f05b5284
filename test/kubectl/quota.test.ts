// Quotas and limit ranges as people meet them: kubectl create quota, its describe, and what it says when there is no more.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { until } from "#harness/until.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster({ runtime: "simulated", nodes: 1 });
  kubectl = testCluster.kubectl;
});
after(() => testCluster[Symbol.asyncDispose]());

void test("a quota shows what is used, and a Deployment that wants more says so", async () => {
  await kubectl("create", "namespace", "small");
  await kubectl("create", "quota", "q", "--hard=pods=2,requests.cpu=1,count/configmaps=5", "-n", "small");
  const range = {
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: { name: "sizes", namespace: "small" },
    spec: { limits: [{ type: "Container", defaultRequest: { cpu: "100m" } }] },
  };
  await kubectl("create", "-f", kubectl.file("range.json", range));
  // kube-root-ca.crt is there already.
  await until("it is counted", async () => {
    assert.match(await kubectl("get", "quota", "q", "-n", "small"), /count\/configmaps: 1\/5, pods: 0\/2, requests.cpu: 0\/1/);
    return true;
  });
  await kubectl("create", "deployment", "web", "--image=web", "--replicas=3", "-n", "small");
  await until("two of three run", async () => {
    assert.match(await kubectl("get", "deployment", "web", "-n", "small", "--no-headers"), /web +2\/3 +2/);
    return true;
  });
  assert.match(await kubectl("describe", "quota", "q", "-n", "small"), /\npods +2 +2\nrequests.cpu +200m +1\n/);
  await until("the event tells", async () => {
    assert.match(
      await kubectl("get", "events", "-n", "small", "--field-selector", "reason=FailedCreate"),
      /pods "web-[^"]*" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2/,
    );
    return true;
  });
  assert.match(
    await kubectl.fails("run", "one", "--image=one", "-n", "small"),
    /^Error from server \(Forbidden\): pods "one" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2\n$/,
  );
  await kubectl("scale", "deployment", "web", "--replicas=1", "-n", "small");
  await until("there is room again", async () => {
    assert.match(await kubectl("get", "quota", "q", "-n", "small"), /pods: 1\/2, requests.cpu: 100m\/1/);
    return true;
  });
  await kubectl("run", "one", "--image=one", "-n", "small");
});
