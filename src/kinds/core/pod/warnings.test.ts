import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#kinds/api/core-v1.gen.ts";
import { fieldErrorText } from "#meta/errors.ts";
import { podHooks } from "./kind.ts";

const minimal = (): Pod => ({ metadata: { name: "p", namespace: "default" }, spec: { containers: [{ name: "c", image: "i:1" }] } });

function create(change: (pod: Pod) => void): {
  readonly pod: Pod;
  readonly warnings: readonly string[];
  readonly errors: readonly string[];
} {
  const pod = minimal();
  const warned: string[] = [];
  change(pod);
  podHooks.default?.(pod);
  podHooks.prepare?.(pod, undefined, {
    now: "2026-01-01T00:00:00Z",
    user: { name: "u", groups: [] },
    subresource: "",
    random: () => 0,
    warn: (text) => void warned.push(text),
  });
  return {
    pod,
    warnings: [...warned, ...(podHooks.warnings?.(pod, undefined, { subresource: "" }) ?? [])],
    errors: (podHooks.validate?.(pod, undefined, { subresource: "" }) ?? []).map(fieldErrorText),
  };
}

const WARNINGS: readonly (readonly [string, (pod: Pod) => void, readonly string[]])[] = [
  ["nothing odd", () => {}, []],
  [
    "an old node label",
    (pod) => (pod.spec!.nodeSelector = { "beta.kubernetes.io/os": "linux" }),
    ['spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'],
  ],
  [
    "a variable twice",
    (pod) =>
      (pod.spec!.containers[0]!.env = [
        { name: "A", value: "1" },
        { name: "A", value: "2" },
      ]),
    ['spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'],
  ],
  [
    "a variable that grows",
    (pod) =>
      (pod.spec!.containers[0]!.env = [
        { name: "A", value: "1" },
        { name: "A", value: "$(A)2" },
      ]),
    [],
  ],
  [
    "half a byte",
    (pod) => (pod.spec!.containers[0]!.resources = { limits: { memory: "100m" } }),
    [
      'spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer',
      'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer',
    ],
  ],
  [
    "files on top of one another",
    (pod) =>
      (pod.spec!.volumes = [
        {
          name: "v",
          configMap: {
            name: "m",
            items: [
              { key: "a", path: "x" },
              { key: "b", path: "x/y" },
            ],
          },
        },
      ]),
    ['volume "v" (ConfigMap "m"): overlapping paths: "x/y" with "x"'],
  ],
  [
    "a port twice",
    (pod) => (pod.spec!.containers[0]!.ports = [{ containerPort: 80 }, { containerPort: 80 }]),
    ["spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]"],
  ],
  [
    "AppArmor's old annotation",
    (pod) => (pod.metadata!.annotations = { "container.apparmor.security.beta.kubernetes.io/c": "runtime/default" }),
    [
      'metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead',
    ],
  ],
];
for (const [name, change, expected] of WARNINGS) {
  test(`a pod with ${name} is warned of`, () => assert.deepEqual(create(change).warnings, expected));
}

test("AppArmor's old annotation becomes the field", () => {
  const { pod } = create((made) => (made.metadata!.annotations = { "container.apparmor.security.beta.kubernetes.io/c": "localhost/p" }));
  assert.deepEqual(pod.spec?.containers[0]?.securityContext?.appArmorProfile, { type: "Localhost", localhostProfile: "p" });
});

test("fields of features that are off are dropped, but kept where they were", () => {
  const { pod, errors } = create((made) => {
    made.spec!.containers[0]!.lifecycle = { stopSignal: "SIGUSR1" };
    made.spec!.schedulingGroup = { podGroupName: "g" };
  });
  assert.deepEqual(errors, []);
  assert.equal(pod.spec?.containers[0]?.lifecycle, undefined);
  assert.equal(pod.spec?.schedulingGroup, undefined);
});

const REFUSED: readonly (readonly [string, (pod: Pod) => void, readonly string[]])[] = [
  [
    "an annotation against its field",
    (pod) => {
      pod.metadata!.annotations = { "seccomp.security.alpha.kubernetes.io/pod": "unconfined" };
      pod.spec!.securityContext = { seccompProfile: { type: "RuntimeDefault" } };
    },
    ["spec.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match"],
  ],
  [
    "a host process without the host's network",
    (pod) => (pod.spec!.securityContext = { windowsOptions: { hostProcess: true } }),
    ["spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers"],
  ],
  [
    "containers that need more than it has",
    (pod) => {
      pod.spec!.resources = { requests: { cpu: "1" } };
      pod.spec!.containers[0]!.resources = { requests: { cpu: "2" } };
    },
    ['spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 2'],
  ],
  [
    "a comparing toleration",
    (pod) => (pod.spec!.tolerations = [{ key: "k", operator: "Gt", value: "1" }]),
    ['spec.tolerations[0].operator: Unsupported value: "Gt": supported values: "Equal", "Exists", "Lt", "Gt"'],
  ],
  [
    "mounted SELinux labels",
    (pod) => (pod.spec!.securityContext = { seLinuxChangePolicy: "MountOption" }),
    ['spec.securityContext.seLinuxChangePolicy: Unsupported value: "MountOption": supported values: "Recursive"'],
  ],
];
for (const [name, change, expected] of REFUSED) {
  test(`a pod with ${name} is refused`, () => assert.deepEqual(create(change).errors, expected));
}

test("what was stored once is tolerated on update", () => {
  const before = create(() => {}).pod;
  before.spec!.tolerations = [{ key: "k", operator: "Gt", value: "1" }];
  const next = structuredClone(before);
  next.spec!.containers[0]!.image = "i:2";
  assert.deepEqual((podHooks.validate?.(next, before, { subresource: "" }) ?? []).map(fieldErrorText), []);
});

test("what an image is pulled by default", () => {
  const policyOf = (image: string) => create((pod) => (pod.spec!.containers[0]!.image = image)).pod.spec?.containers[0]?.imagePullPolicy;
  assert.equal(policyOf("nginx"), "Always");
  assert.equal(policyOf("registry.example:5000/team/app:latest"), "Always");
  assert.equal(policyOf("nginx:1.2"), "IfNotPresent");
  assert.equal(policyOf("Not An Image"), "IfNotPresent");
});
