import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, Service } from "#kinds/api/core-v1.gen.ts";
import type { EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import { planEndpoints } from "#kinds/core/endpoints/plan.ts";
import { planSlices } from "./plan.ts";

const service = (more: Partial<NonNullable<Service["spec"]>> = {}): Service => ({
  metadata: { name: "s", namespace: "a", uid: "su", labels: { team: "x" } },
  spec: {
    clusterIP: "10.0.0.1",
    ipFamilies: ["IPv4"],
    selector: { a: "b" },
    ports: [{ name: "http", port: 80, targetPort: "http" }],
    ...more,
  },
});

interface PodOptions {
  ready?: boolean;
  port?: number;
  terminating?: boolean;
  phase?: string;
  node?: string;
  spec?: object;
}

function pod(
  index: number,
  { ready = true, port = 8080, terminating = false, phase = "Running", node = "n", spec = {} }: PodOptions = {},
): Pod {
  return {
    metadata: {
      name: `p${index}`,
      namespace: "a",
      uid: `u${index}`,
      ...(terminating ? { deletionTimestamp: "2026-01-01T00:00:00Z" } : {}),
    },
    spec: { nodeName: node, containers: [{ name: "c", ports: [{ name: "http", containerPort: port }] }], ...spec },
    status: {
      phase,
      podIPs: [{ ip: `10.1.${index >> 8}.${index & 255}` }],
      podIP: `10.1.${index >> 8}.${index & 255}`,
      conditions: [{ type: "Ready", status: ready ? "True" : "False" }],
    },
  };
}

const pods = (count: number, options?: PodOptions) => Array.from({ length: count }, (_, index) => pod(index, options));

function plan(input: { service?: Service; pods: Pod[]; slices?: EndpointSlice[] }) {
  const nodeOf = (name: string) => (name === "gone" ? undefined : { metadata: { name, labels: { "topology.kubernetes.io/zone": "z" } } });
  return planSlices({ service: input.service ?? service(), pods: input.pods, slices: input.slices ?? [], nodeOf });
}

/** What the server would hold after the plan. */
function stored(slices: readonly EndpointSlice[], { create, update, remove }: ReturnType<typeof plan>): EndpointSlice[] {
  const nameOf = (slice: { metadata?: { name?: string } }) => slice.metadata?.name;
  const kept = slices
    .filter((slice) => !remove.some((gone) => nameOf(gone) === nameOf(slice)))
    .map((slice) => update.find((next) => nameOf(next) === nameOf(slice)) ?? slice);
  return [...kept, ...create.map((slice, index) => ({ ...slice, metadata: { ...slice.metadata, name: `s-${slices.length + index}` } }))];
}

const sizes = (slices: readonly EndpointSlice[]) => slices.map(({ endpoints }) => endpoints?.length ?? 0);
const writes = ({ create, update, remove }: ReturnType<typeof plan>) => [create.length, update.length, remove.length];

test("an endpoint tells address, conditions, node, zone and pod", () => {
  const [slice] = plan({ pods: [pod(1)] }).create;
  assert.deepEqual(slice?.ports, [{ name: "http", protocol: "TCP", port: 8080 }]);
  assert.deepEqual(slice?.endpoints, [
    {
      addresses: ["10.1.0.1"],
      conditions: { ready: true, serving: true, terminating: false },
      targetRef: { kind: "Pod", namespace: "a", name: "p1", uid: "u1" },
      nodeName: "n",
      zone: "z",
    },
  ]);
  assert.deepEqual(slice?.metadata?.labels, {
    team: "x",
    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    "kubernetes.io/service-name": "s",
  });
});

for (const [what, options, publish, expected] of [
  ["ready", {}, false, { ready: true, serving: true, terminating: false }],
  ["not ready", { ready: false }, false, { ready: false, serving: false, terminating: false }],
  ["terminating and serving", { terminating: true }, false, { ready: false, serving: true, terminating: true }],
  ["terminating, published always", { terminating: true, ready: false }, true, { ready: true, serving: false, terminating: true }],
] as const) {
  test(`conditions of a pod that is ${what}`, () => {
    const [slice] = plan({ service: service({ publishNotReadyAddresses: publish }), pods: [pod(1, options)] }).create;
    assert.deepEqual(slice?.endpoints?.[0]?.conditions, expected);
  });
}

test("left out: ended pods, pods without address, pods of unknown nodes", () => {
  const result = plan({ pods: [pod(1, { phase: "Succeeded" }), { ...pod(2), status: { phase: "Pending" } }, pod(3, { node: "gone" })] });
  assert.deepEqual(sizes(result.create), [0], "one empty slice says that there is nothing");
  assert.equal(result.nodesMissing, true);
  assert.deepEqual(sizes(plan({ service: service({ publishNotReadyAddresses: true }), pods: [pod(3, { node: "gone" })] }).create), [1]);
});

test("100 endpoints to a slice; ports that differ per pod have slices of their own", () => {
  assert.deepEqual(sizes(plan({ pods: pods(250) }).create), [100, 100, 50]);
  const mixed = plan({ pods: [pod(1), pod(2, { port: 9090 }), pod(3)] }).create;
  assert.deepEqual(
    mixed.map(({ ports, endpoints }) => [ports?.[0]?.port, endpoints?.length]),
    [
      [8080, 2],
      [9090, 1],
    ],
  );
});

test("a pod without the named port is in a slice without ports", () => {
  const [slice] = plan({ pods: [pod(1, { spec: { containers: [{ name: "c" }] } })] }).create;
  assert.deepEqual([slice?.ports, slice?.endpoints?.length], [[], 1]);
});

test("headless: label, hostname of pods in the Service's subdomain, ports may be missing", () => {
  const headless = service({ clusterIP: "None", ports: [] });
  const [slice] = plan({
    service: headless,
    pods: [pod(1, { spec: { hostname: "h", subdomain: "s" } }), pod(2, { spec: { hostname: "h", subdomain: "t" } })],
  }).create;
  assert.equal(slice?.metadata?.labels?.["service.kubernetes.io/headless"], "");
  assert.deepEqual(
    slice?.endpoints?.map(({ hostname }) => hostname),
    ["h", undefined],
  );
});

test("nothing is written when nothing changed, one slice when one pod did", () => {
  const slices = stored([], plan({ pods: pods(250) }));
  assert.deepEqual(writes(plan({ pods: pods(250).toReversed(), slices })), [0, 0, 0]);
  const next = plan({ pods: pods(250).map((one, index) => (index === 120 ? pod(120, { ready: false }) : one)), slices });
  assert.deepEqual(writes(next), [0, 1, 0]);
  assert.deepEqual(sizes(stored(slices, next)), [100, 100, 50]);
});

test("new endpoints go into one slice with room; slices that empty go; the last one stays, empty", () => {
  const slices = stored([], plan({ pods: pods(250) }));
  const grown = plan({ pods: pods(260), slices });
  assert.deepEqual(
    [writes(grown), sizes(stored(slices, grown))],
    [
      [0, 1, 0],
      [100, 100, 60],
    ],
  );
  const shrunk = plan({ pods: pods(100), slices });
  assert.deepEqual([writes(shrunk), sizes(stored(slices, shrunk))], [[0, 0, 2], [100]]);
  const none = plan({ pods: [], slices });
  assert.deepEqual(sizes(stored(slices, none)), [0]);
  assert.deepEqual(writes(plan({ pods: [], slices: stored(slices, none) })), [0, 0, 0]);
});

test("the empty slice is changed into the first real one, not replaced", () => {
  const slices = stored([], plan({ pods: [] }));
  const first = plan({ pods: [pod(1)], slices });
  assert.deepEqual(writes(first), [0, 1, 0]);
  assert.deepEqual([first.update[0]?.metadata?.name, first.update[0]?.ports?.[0]?.port], [slices[0]?.metadata?.name, 8080]);
});

test("labels of the Service are carried over to slices that hold nothing new", () => {
  const slices = stored([], plan({ pods: pods(3) }));
  const renamed = service();
  renamed.metadata = { ...renamed.metadata, labels: { team: "y", "service.kubernetes.io/headless": "" } };
  const next = plan({ service: renamed, pods: pods(3), slices });
  assert.deepEqual(writes(next), [0, 1, 0]);
  assert.equal(next.update[0]?.metadata?.labels?.["team"], "y");
  assert.equal(next.update[0]?.metadata?.labels?.["service.kubernetes.io/headless"], undefined);
});

test("Endpoints: one subset per set of ports, ready and not ready apart, terminating ones gone", () => {
  const { subsets, metadata } = planEndpoints(
    service(),
    [pod(2), pod(1), pod(3, { ready: false }), pod(4, { port: 9090 }), pod(5, { terminating: true })],
    undefined,
  );
  assert.deepEqual(
    subsets?.map(({ addresses, notReadyAddresses, ports }) => [
      ports?.[0]?.port,
      addresses?.map(({ ip }) => ip),
      notReadyAddresses?.map(({ ip }) => ip),
    ]),
    [
      [8080, ["10.1.0.1", "10.1.0.2"], ["10.1.0.3"]],
      [9090, ["10.1.0.4"], undefined],
    ],
  );
  assert.equal(metadata?.labels?.["endpoints.kubernetes.io/managed-by"], "endpoint-controller");
  const crowded = planEndpoints(
    service(),
    [...pods(900), ...Array.from({ length: 200 }, (_, index) => pod(2000 + index, { ready: false }))],
    undefined,
  );
  assert.equal(crowded.metadata?.annotations?.["endpoints.kubernetes.io/over-capacity"], "truncated");
  assert.deepEqual([crowded.subsets?.[0]?.addresses?.length, crowded.subsets?.[0]?.notReadyAddresses?.length], [900, 100]);
});
