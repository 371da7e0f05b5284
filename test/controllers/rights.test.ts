// Every control loop acts with the account and the role that upstream gives it: in a cluster that has a bit of everything, none is refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "#lib/clock.ts";
import { createLogger } from "#lib/log.ts";
import type { KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
import { DaemonSet, Deployment, StatefulSet } from "#kinds/api/apps-v1.gen.ts";
import { HorizontalPodAutoscaler } from "#kinds/api/autoscaling-v2.gen.ts";
import { CronJob, Job } from "#kinds/api/batch-v1.gen.ts";
import {
  ConfigMap,
  Endpoints,
  LimitRange,
  Namespace,
  Node,
  PersistentVolumeClaim,
  Pod,
  ReplicationController,
  ResourceQuota,
  Secret,
  Service,
  ServiceAccount,
} from "#kinds/api/core-v1.gen.ts";
import { PodDisruptionBudget } from "#kinds/api/policy-v1.gen.ts";
import { ClusterRole } from "#kinds/api/rbac-v1.gen.ts";
import { startCluster } from "#main/cluster.ts";

const NS = "harbour";

function template(app: string) {
  return {
    metadata: { labels: { app } },
    spec: { containers: [{ name: "c", image: "x", resources: { requests: { cpu: "10m", memory: "1Mi" } } }] },
  };
}

const selector = (app: string) => ({ matchLabels: { app } });
const claim = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } };
const jobTemplate = { ...template("job"), spec: { ...template("job").spec, restartPolicy: "Never" } };

void test("no control loop is refused what it does", async () => {
  const lines: string[] = [];
  const clock = createVirtualClock();
  const log = createLogger({ level: "info", write: (line) => void lines.push(line), now: () => clock.now() });
  let seed = 3;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647; // Park and Miller: repeatable
  await using cluster = await startCluster({ runtime: "simulated", nodes: 3, clock, log, random });
  const { client } = cluster;
  const make = <T extends KubeObject>(resource: Resource<T>, name: string, rest: object = {}): Promise<T> =>
    client.create(resource, { metadata: { name, ...(resource.namespaced ? { namespace: NS } : {}) }, ...rest } as T); // each is checked by the server
  const minutes = async (count: number) => {
    for (let step = 0; step < count * 6; step++) await clock.advance(10_000);
  };

  await make(Namespace, NS);
  await minutes(1);
  await make(ResourceQuota, "all", { spec: { hard: { pods: "100", "count/secrets": "10" } } });
  await make(LimitRange, "small", { spec: { limits: [{ type: "Container", defaultRequest: { cpu: "1m" } }] } });
  await make(Deployment, "web", { spec: { replicas: 3, selector: selector("web"), template: template("web") } });
  await make(StatefulSet, "db", {
    spec: {
      replicas: 2,
      serviceName: "db",
      selector: selector("db"),
      template: template("db"),
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec: claim }],
    },
  });
  await make(DaemonSet, "agent", { spec: { selector: selector("agent"), template: template("agent") } });
  await make(ReplicationController, "old", { spec: { replicas: 1, selector: { app: "old" }, template: template("old") } });
  await make(Job, "once", {
    spec: {
      completions: 2,
      ttlSecondsAfterFinished: 60,
      template: { ...jobTemplate, metadata: { labels: { app: "job" }, annotations: { "kobune.dev/exit-after": "5s" } } },
    },
  });
  await make(CronJob, "often", { spec: { schedule: "*/5 * * * *", jobTemplate: { spec: { template: jobTemplate } } } });
  await make(Service, "web", { spec: { selector: { app: "web" }, ports: [{ port: 80 }] } });
  await make(Service, "outside", { spec: { ports: [{ port: 80 }] } });
  await make(Endpoints, "outside", { subsets: [{ addresses: [{ ip: "192.0.2.1" }], ports: [{ port: 80 }] }] });
  await make(PodDisruptionBudget, "web", { spec: { minAvailable: 1, selector: selector("web") } });
  await make(HorizontalPodAutoscaler, "web", {
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
      minReplicas: 1,
      maxReplicas: 5,
      metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } }],
    },
  });
  await make(PersistentVolumeClaim, "scratch", { spec: claim });
  await make(Pod, "eph", {
    spec: { ...template("eph").spec, volumes: [{ name: "v", ephemeral: { volumeClaimTemplate: { spec: claim } } }] },
  });
  await make(ServiceAccount, "robot");
  await make(Secret, "robot-token", {
    type: "kubernetes.io/service-account-token",
    metadata: { name: "robot-token", namespace: NS, annotations: { "kubernetes.io/service-account.name": "robot" } },
  });
  await make(ClusterRole, "sum", { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part: "of-sum" } }] } });
  await client.patch(ConfigMap, `${NS}/kube-root-ca.crt` as never, { data: { "ca.crt": "" } }); // a key by its form
  await minutes(12);
  const published = await client.get(ConfigMap, `${NS}/kube-root-ca.crt` as never); // as above
  assert.equal(published.data?.["ca.crt"], cluster.ca, "the CA is published again");

  await client.patch(Deployment, `${NS}/web` as never, { spec: { template: { metadata: { annotations: { again: "1" } } } } });
  await client.patch(StatefulSet, `${NS}/db` as never, { spec: { replicas: 1, template: { metadata: { annotations: { again: "1" } } } } });
  await client.patch(DaemonSet, `${NS}/agent` as never, { spec: { template: { metadata: { annotations: { again: "1" } } } } });
  await minutes(5);
  const [node] = (await client.list(Node)).items;
  await client.delete(Node, `/${node?.metadata?.name ?? ""}` as never);
  await client.delete(ServiceAccount, `${NS}/robot` as never);
  await client.delete(StatefulSet, `${NS}/db` as never, { propagationPolicy: "Foreground" });
  await client.delete(Deployment, `${NS}/web` as never, { propagationPolicy: "Orphan" });
  await minutes(5);
  await client.delete(Namespace, `/${NS}` as never);
  await minutes(15);

  const refused = lines.filter((line) => line.includes("is forbidden") && !line.includes("is being terminated"));
  assert.deepEqual(
    [...new Set(refused.map((line) => /[^"\\]*\\?" is forbidden: .{0,200}/.exec(line)?.[0] ?? line.slice(0, 400)))],
    [],
    "what was refused",
  );
  assert.equal(
    (await client.list(Namespace)).items.some(({ metadata }) => metadata?.name === NS),
    false,
    "the namespace is gone",
  );
});
