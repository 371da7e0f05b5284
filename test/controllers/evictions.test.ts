// Evictions from outside, many at once: a budget is never overspent.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestCluster } from "#harness/cluster.ts";
import { until } from "#harness/until.ts";
import { createClient } from "#client/create-client.ts";
import { transportFromKubeconfig } from "#client/node/kubeconfig.ts";
import { Deployment } from "#kinds/api/apps-v1.gen.ts";
import { Pod } from "#kinds/api/core-v1.gen.ts";
import { type Eviction, PodDisruptionBudget } from "#kinds/api/policy-v1.gen.ts";
import { type ApiError, isApiError } from "#meta/errors.ts";
import { makeKey } from "#meta/object.ts";

const NAMESPACE = "default";
const PODS = 50;
const KEEP = 43;

test("of fifty evictions sent at once over HTTPS as many are granted as the budget allows, the others say which budget refused", async () => {
  await using cluster = await startTestCluster({ nodes: 1, runtime: "simulated" });
  const { transport, close } = await transportFromKubeconfig(`${cluster.kubectl.home}/kubeconfig`);
  const client = createClient(transport);
  const selector = { matchLabels: { app: "web" } };
  await client.create(Deployment, {
    metadata: { name: "web", namespace: NAMESPACE },
    spec: {
      replicas: PODS,
      selector,
      // Those that go take their time, so that nothing comes back while the budget is spent.
      template: {
        metadata: { labels: selector.matchLabels, annotations: { "kobune.dev/stop-ms": "30000" } },
        spec: { containers: [{ name: "c", image: "x" }] },
      },
    },
  });
  await client.create(PodDisruptionBudget, { metadata: { name: "web", namespace: NAMESPACE }, spec: { selector, minAvailable: KEEP } });
  const status = async () => (await client.get(PodDisruptionBudget, makeKey(NAMESPACE, "web"))).status;
  await until("all are healthy", async () => (await status())?.disruptionsAllowed === PODS - KEEP, 30_000);
  const pods = (await client.list(Pod, { namespace: NAMESPACE, labelSelector: "app=web" })).items;
  // Nothing that is evicted is replaced before the count is over.
  const answers = await Promise.allSettled(
    pods.map(({ metadata }) => {
      const name = metadata?.name ?? "";
      const eviction: Eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace: NAMESPACE } };
      return client.createSubresource(Pod, makeKey(NAMESPACE, name), "eviction", eviction);
    }),
  );
  const refusals = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason as unknown] : []));
  const going = (await client.list(Pod, { namespace: NAMESPACE, labelSelector: "app=web" })).items.filter(
    ({ metadata }) => metadata?.deletionTimestamp !== undefined,
  );
  assert.equal(PODS - refusals.length, PODS - KEEP, String(refusals[0]));
  assert.ok(going.length <= PODS - KEEP, `${going.length} go`);
  for (const error of refusals) {
    assert.ok(isApiError(error), String(error));
    assert.deepEqual([error.code, error.reason], [429, "TooManyRequests"]);
    assert.equal(error.message, "Cannot evict pod as it would violate the pod's disruption budget.");
    const [cause] = (error as ApiError).status.details?.causes ?? [];
    assert.equal(cause?.reason, "DisruptionBudget");
    assert.match(cause?.message ?? "", /^The disruption budget web (needs 43 healthy pods and has|does not allow evicting pods currently)/);
  }
  await close();
});
