import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterRole } from "#kinds/api/rbac-v1.gen.ts";
import { clusterRoleAggregationController } from "#kinds/rbac/cluster-role/controller.ts";
import { startStory } from "./cluster.ts";

const rule = (resource: string) => ({ verbs: ["get"], apiGroups: [""], resources: [resource] });
const role = (name: string, resource: string, label?: string): ClusterRole => ({
  metadata: { name, ...(label === undefined ? {} : { labels: { [label]: "true" } }) },
  rules: [rule(resource)],
});

test("an aggregated role holds the rules of the roles it selects, and follows them", async () => {
  await using story = await startStory({ controllers: [clusterRoleAggregationController] });
  const holds = (...resources: string[]) =>
    story.eventually(`rules are ${resources.join()}`, async () => {
      const { rules } = await story.client.get(ClusterRole, "/all");
      return (rules ?? []).flatMap((one) => one.resources ?? []).join() === resources.join();
    });
  await story.make(ClusterRole, role("b", "services", "part"));
  await story.make(ClusterRole, role("stranger", "secrets"));
  await story.make(ClusterRole, {
    metadata: { name: "all", labels: { part: "true" } },
    rules: [rule("nodes")],
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part: "true" } }, { matchLabels: { also: "true" } }] },
  });
  await holds("services");
  await story.make(ClusterRole, role("a", "pods", "part"));
  await story.make(ClusterRole, role("c", "configmaps", "also"));
  await story.make(ClusterRole, role("d", "pods", "also"));
  await holds("pods", "services", "configmaps");
  await story.client.patch(ClusterRole, "/b", { metadata: { labels: { part: null } } });
  await holds("pods", "configmaps");
  await story.client.delete(ClusterRole, "/a");
  await holds("configmaps", "pods");
  await story.client.patch(ClusterRole, "/all", { rules: [] });
  await holds("configmaps", "pods");
  const settled = await story.client.get(ClusterRole, "/all");
  await story.clock.advance(60_000);
  assert.equal((await story.client.get(ClusterRole, "/all")).metadata?.resourceVersion, settled.metadata?.resourceVersion, "then it rests");
});
