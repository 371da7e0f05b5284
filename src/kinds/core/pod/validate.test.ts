import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#kinds/api/core-v1.gen.ts";
import { podHooks } from "./kind.ts";

const valid = (): Pod => {
  const pod: Pod = {
    metadata: { name: "p", namespace: "default" },
    spec: {
      initContainers: [{ name: "side", image: "s:1", restartPolicy: "Always", readinessProbe: { httpGet: { port: 80 } } }],
      containers: [
        {
          name: "c",
          image: "i:1",
          ports: [{ name: "http", containerPort: 80 }],
          env: [
            { name: "A", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
            { name: "B", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
          ],
          resources: { requests: { cpu: "100m" }, limits: { cpu: "1", memory: "1Gi" } },
          volumeMounts: [{ name: "v", mountPath: "/v" }],
          lifecycle: { preStop: { sleep: { seconds: 5 } } },
        },
      ],
      volumes: [{ name: "v" }, { name: "cm", configMap: { name: "cm", items: [{ key: "k", path: "p" }] } }],
      tolerations: [{ operator: "Exists" }],
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { a: "b" } } },
          ],
        },
      },
      topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" }],
    },
  };
  podHooks.default?.(pod);
  return pod;
};

const check = (next: Pod, previous?: Pod, subresource = "") =>
  (podHooks.validate?.(next, previous, { subresource }) ?? []).map(
    ({ field, detail, type }) => `${field}: ${detail === "" ? type : detail}`,
  );

test("a pod with something of everything is valid", () => assert.deepEqual(check(valid()), []));

const container = (pod: Pod) => pod.spec!.containers[0]!;
const cases: readonly (readonly [string, (pod: Pod) => void, string])[] = [
  ["no containers", (pod) => (pod.spec!.containers = []), "spec.containers: FieldValueRequired"],
  ["no image", (pod) => delete container(pod).image, "spec.containers[0].image: FieldValueRequired"],
  ["two containers of one name", (pod) => pod.spec!.containers.push(container(pod)), "spec.containers[1].name: FieldValueDuplicate"],
  [
    "a port out of range",
    (pod) => (container(pod).ports![0]!.containerPort = 70000),
    "spec.containers[0].ports[0].containerPort: must be between 1 and 65535, inclusive",
  ],
  [
    "an unknown mount",
    (pod) => (container(pod).volumeMounts![0]!.name = "x"),
    "spec.containers[0].volumeMounts[0].name: FieldValueNotFound",
  ],
  [
    "a request above its limit",
    (pod) => (container(pod).resources!.requests!["cpu"] = "2"),
    "spec.containers[0].resources.requests: must be less than or equal to cpu limit of 1",
  ],
  [
    "two handlers",
    (pod) => (container(pod).livenessProbe = { exec: { command: ["a"] }, tcpSocket: { port: 1 }, successThreshold: 1 }),
    "spec.containers[0].livenessProbe.tcpSocket: may not specify more than 1 handler type",
  ],
  ["no handler", (pod) => (container(pod).readinessProbe = {}), "spec.containers[0].readinessProbe: must specify a handler type"],
  [
    "two volume types",
    (pod) => (pod.spec!.volumes![1]!.secret = { secretName: "s" }),
    "spec.volumes[1].configMap: may not specify more than 1 volume type",
  ],
  [
    "a sleep beyond the grace period",
    (pod) => (container(pod).lifecycle!.preStop!.sleep!.seconds = 31),
    "spec.containers[0].lifecycle.preStop.sleep: must be non-negative and less than terminationGracePeriodSeconds (30)",
  ],
  [
    "a toleration of nothing",
    (pod) => (pod.spec!.tolerations = [{}]),
    'spec.tolerations[0].operator: operator must be Exists when `key` is empty, which means "match all values and all keys"',
  ],
  [
    "an affinity without a topology",
    (pod) => (pod.spec!.affinity!.podAntiAffinity!.requiredDuringSchedulingIgnoredDuringExecution![0]!.topologyKey = ""),
    "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: can not be empty",
  ],
  [
    "a skew of zero",
    (pod) => (pod.spec!.topologySpreadConstraints![0]!.maxSkew = 0),
    "spec.topologySpreadConstraints[0].maxSkew: must be greater than zero",
  ],
  [
    "an unknown restart policy",
    (pod) => (pod.spec!.restartPolicy = "Maybe"),
    'spec.restartPolicy: supported values: "Always", "OnFailure", "Never"',
  ],
  [
    "ephemeral containers",
    (pod) => (pod.spec!.ephemeralContainers = [{ name: "e", image: "e", imagePullPolicy: "Always", terminationMessagePolicy: "File" }]),
    "spec.ephemeralContainers: cannot be set on create",
  ],
  [
    "a deadline of zero",
    (pod) => (pod.spec!.activeDeadlineSeconds = 0),
    "spec.activeDeadlineSeconds: must be between 1 and 2147483647, inclusive",
  ],
  [
    "escalation forbidden and privileged",
    (pod) => (container(pod).securityContext = { privileged: true, allowPrivilegeEscalation: false }),
    "spec.containers[0].securityContext: cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
  ],
];
for (const [name, change, expected] of cases) {
  test(`a pod with ${name} is refused`, () => {
    const pod = valid();
    change(pod);
    assert(check(pod).includes(expected), check(pod).join("\n"));
  });
}

test("an update may change images and add tolerations", () => {
  const next = valid();
  container(next).image = "i:2";
  next.spec!.tolerations!.push({ key: "k", operator: "Exists" });
  assert.deepEqual(check(next, valid()), []);
});

test("an update of anything else is refused", () => {
  const next = valid();
  next.spec!.nodeName = "n";
  const [error = ""] = check(next, valid());
  assert.match(error, /^spec: pod updates may not change fields other than `spec.containers\[\*\].image`,`spec.initContainers/);
  assert.deepEqual(check(next, valid(), "binding"), []);
});

test("a container that ended stays so under restartPolicy Never", () => {
  const pod = valid();
  pod.spec!.restartPolicy = "Never";
  const status = (state: object) =>
    ({
      ...pod,
      status: { qosClass: "Burstable", containerStatuses: [{ name: "c", image: "i", imageID: "", ready: false, restartCount: 0, state }] },
    }) as Pod;
  const ended = status({ terminated: { exitCode: 1 } });
  assert.deepEqual(check(status({ running: {} }), ended, "status"), [
    "status.containerStatuses[0].state: may not be transitioned to non-terminated state",
  ]);
  pod.spec!.restartPolicy = "OnFailure";
  assert.deepEqual(check(status({ running: {} }), status({ terminated: { exitCode: 1 } }), "status"), []);
});
