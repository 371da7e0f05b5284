// kubectl explain --recursive of every kind that discovery tells of, in every version.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApisApi, CoreV1Api, CustomObjectsApi, KubeConfig } from "@kubernetes/client-node";
import { startTestCluster } from "#harness/cluster.ts";

void test("every served kind is explained down to its last field", async () => {
  await using testCluster = await startTestCluster({ runtime: "simulated", nodes: 0 });
  const { kubectl } = testCluster;
  const config = new KubeConfig();
  config.loadFromString(testCluster.cluster.kubeconfig);
  const { groups } = await config.makeApiClient(ApisApi).getAPIVersions();
  const lists = [config.makeApiClient(CoreV1Api).getAPIResources()];
  const custom = config.makeApiClient(CustomObjectsApi);
  for (const { name: group, versions } of groups)
    for (const { version } of versions) lists.push(custom.getAPIResources({ group, version }));
  const kinds = (await Promise.all(lists)).flatMap(({ groupVersion, resources }) => {
    const [version = "", group = ""] = groupVersion.split("/").toReversed();
    return resources
      .filter(({ name }) => !name.includes("/"))
      .map(({ name, kind }) => ({ args: ["explain", name, `--api-version=${groupVersion}`, "--recursive"], kind, group, version }));
  });
  assert.ok(kinds.length > 60, `${kinds.length} kinds`);
  const queue = kinds.values();
  // Each says what it is, and fields with their types below it.
  const work = async () => {
    for (const { args, kind, group, version } of queue) {
      const text = await kubectl(...args);
      const heading = `${group === "" ? "" : `GROUP:      ${group}\n`}KIND:       ${kind}\nVERSION:    ${version}\n`;
      assert.ok(text.startsWith(heading), `${args.join(" ")}: ${text.slice(0, 200)}`);
      assert.match(text, /^FIELDS:\n(.*\n)* {2}metadata\t<ObjectMeta>( -required-)?\n/m, args.join(" "));
      assert.match(text, /^ {4}ownerReferences\t<\[\]OwnerReference>\n {6}apiVersion\t<string> -required-\n/m, args.join(" "));
    }
  };
  await Promise.all([work(), work(), work()]);
});
