// Stories of pods on a virtual clock: the real API server, the agent, simulated containers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startAgentServer } from "#harness/agent-server.ts";
import { Lease } from "#kinds/api/coordination-v1.gen.ts";
import { Event, Node, Pod, type Container } from "#kinds/api/core-v1.gen.ts";
import { createVirtualClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/log.ts";
import { isNotFound } from "#meta/errors.ts";
import { startNodeAgent, type NodeAgentOptions } from "./agent.ts";
import { createSimulatedRuntime } from "./simulated-runtime/simulated-runtime.ts";

async function startStory(more: Partial<NodeAgentOptions> = {}) {
  const clock = createVirtualClock();
  const server = await startAgentServer(clock);
  const { client } = server;
  const runtime = createSimulatedRuntime({ clock, podCidr: "10.1.0.0/24" });
  let seed = 3;
  const start = (over: Partial<NodeAgentOptions> = {}) =>
    startNodeAgent({
      nodeName: "n1",
      client: server.nodeClient("n1"),
      runtime,
      clock,
      log: silentLogger,
      random: () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647,
      dataDir: "/nowhere",
      ...more,
      ...over,
    });
  let agent = await start();
  await clock.advance(10);
  const pod = () => client.get(Pod, "default/p");
  return {
    clock,
    client,
    runtime,
    pod,
    container: async () => (await pod()).status?.containerStatuses?.[0],
    condition: async (type: string) => (await pod()).status?.conditions?.find((condition) => condition.type === type),
    async run(annotations: Record<string, string>, container: Partial<Container> = {}, spec: Partial<NonNullable<Pod["spec"]>> = {}) {
      const prefixed = Object.fromEntries(Object.entries(annotations).map(([name, value]) => [`kobune.dev/${name}`, value]));
      await client.create(Pod, {
        metadata: { name: "p", namespace: "default", annotations: prefixed },
        spec: { nodeName: "n1", containers: [{ name: "c", image: "i", ...container }], automountServiceAccountToken: false, ...spec },
      });
      await clock.advance(20);
    },
    async events() {
      return (await client.list(Event, { namespace: "default" })).items.map(
        ({ reason, message, count }) => `${count ?? 0}x ${reason}: ${message}`,
      );
    },
    exists: () =>
      pod().then(
        () => true,
        (error: unknown) => {
          if (isNotFound(error)) return false;
          throw error;
        },
      ),
    async restartAgent(over: Partial<NodeAgentOptions> = {}) {
      await agent.stop();
      agent = await start(over);
      await clock.advance(20);
    },
    async [Symbol.asyncDispose]() {
      await agent.stop();
      await runtime[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const HTTP = { httpGet: { port: 80 } };

void test("a node renews its lease every ten seconds and its status every five minutes", async () => {
  await using story = await startStory();
  const { client, clock } = story;
  const renewed = async () => Date.parse((await client.get(Lease, "kube-node-lease/n1")).spec?.renewTime ?? "");
  const first = await renewed();
  await clock.advance(11_000);
  const second = await renewed();
  assert.ok(second - first >= 10_000 && second - first < 11_000);
  const before = (await client.get(Node, "/n1")).metadata?.resourceVersion;
  await clock.advance(200_000);
  assert.equal((await client.get(Node, "/n1")).metadata?.resourceVersion, before);
  await clock.advance(120_000);
  assert.notEqual((await client.get(Node, "/n1")).metadata?.resourceVersion, before);
});

void test("a crashing container waits 10, 20, 40 seconds and so on up to five minutes", async () => {
  await using story = await startStory();
  await story.run({ "exit-after-ms": "1000", "exit-code": "1" });
  const waits: number[] = [];
  for (let attempt = 0; attempt < 8; attempt++) {
    let waited = 0;
    while ((await story.container())?.restartCount === attempt && waited < 400) {
      await story.clock.advance(1000);
      waited++;
    }
    waits.push(waited);
  }
  // Each includes the second that the container ran.
  assert.deepEqual(waits, [1, 11, 21, 41, 81, 161, 301, 301]);
  const events = await story.events();
  assert.ok(events.some((event) => event.includes("BackOff: Back-off restarting failed container c in pod p_default(")));
});

void test("readiness comes and goes with its probe, and the conditions say so", async () => {
  await using story = await startStory();
  await story.run(
    { "ready-after-ms": "3000", "unready-after-ms": "60000" },
    { readinessProbe: { ...HTTP, periodSeconds: 5, failureThreshold: 2 } },
  );
  assert.equal((await story.pod()).status?.phase, "Running");
  const before = await story.condition("Ready");
  assert.deepEqual(
    [before?.status, before?.reason, before?.message],
    ["False", "ContainersNotReady", "containers with unready status: [c]"],
  );
  await story.clock.advance(3000);
  const ready = await story.condition("Ready");
  assert.deepEqual([ready?.status, ready?.reason, ready?.message], ["True", undefined, undefined]);
  await story.clock.advance(58_000);
  assert.equal((await story.condition("Ready"))?.status, "True", "one failure is not enough");
  await story.clock.advance(10_000);
  assert.equal((await story.condition("ContainersReady"))?.status, "False");
});

void test("a startup probe holds the others back, and kills when its failures are used up", async () => {
  await using story = await startStory();
  await story.run(
    { "ready-after-ms": "60000" },
    { startupProbe: { ...HTTP, periodSeconds: 10, failureThreshold: 3 }, livenessProbe: { ...HTTP }, readinessProbe: { ...HTTP } },
  );
  await story.clock.advance(15_000);
  assert.deepEqual([(await story.container())?.started, (await story.container())?.restartCount], [false, 0]);
  await story.clock.advance(10_000);
  assert.equal((await story.container())?.restartCount, 1);
  assert.ok((await story.events()).some((event) => event.endsWith("Killing: Container c failed startup probe, will be restarted")));
});

void test("a failing liveness probe restarts the container, with SIGTERM and the probe's grace period", async () => {
  await using story = await startStory();
  await story.run(
    { "sick-after-ms": "20000", "stop-ms": "60000", "fail-attempts": "1" },
    { livenessProbe: { ...HTTP, periodSeconds: 10, failureThreshold: 1, terminationGracePeriodSeconds: 5 } },
  );
  await story.clock.advance(19_000);
  assert.equal((await story.container())?.restartCount, 0);
  await story.clock.advance(7000);
  const status = await story.container();
  assert.deepEqual(
    [status?.restartCount, status?.lastState?.terminated?.exitCode, status?.lastState?.terminated?.reason],
    [1, 137, "Error"],
  );
  await story.clock.advance(100_000);
  assert.equal((await story.container())?.restartCount, 1);
});

void test("a deleted pod leaves the balancers, then gets SIGTERM, then its grace period, then SIGKILL", async () => {
  const steps: string[] = [];
  let release = () => {};
  await using story = await startStory({
    waitForEndpointRemoval: () => {
      steps.push("wait");
      return new Promise((resolve) => (release = resolve));
    },
  });
  await story.run({ "stop-ms": "100000" }, {}, { terminationGracePeriodSeconds: 20 });
  await story.client.delete(Pod, "default/p");
  await story.clock.advance(1000);
  assert.deepEqual(steps, ["wait"]);
  assert.ok(!(await story.events()).some((event) => event.includes("Killing")));
  release();
  await story.clock.advance(19_000);
  assert.ok((await story.events()).includes("1x Killing: Stopping container c"));
  assert.equal(await story.exists(), true);
  await story.clock.advance(2000);
  assert.equal(await story.exists(), false);
});

void test("waiting for balancers is bounded, whoever is slow", async () => {
  await using story = await startStory({ waitForEndpointRemoval: () => new Promise(() => {}) });
  await story.run({});
  await story.client.delete(Pod, "default/p");
  await story.clock.advance(6000);
  assert.equal(await story.exists(), false);
});

void test("a later, shorter grace period holds", async () => {
  await using story = await startStory();
  await story.run({ "stop-ms": "1000000" }, {}, { terminationGracePeriodSeconds: 600 });
  await story.client.delete(Pod, "default/p");
  await story.clock.advance(5000);
  assert.equal(await story.exists(), true);
  await story.client.delete(Pod, "default/p", { gracePeriodSeconds: 1 });
  await story.clock.advance(2000);
  assert.equal(await story.exists(), false);
});

void test("a pod removed by force is ended on the node, too", async () => {
  await using story = await startStory();
  await story.run({});
  const { uid } = (await story.pod()).metadata ?? {};
  await story.client.delete(Pod, "default/p", { gracePeriodSeconds: 0 });
  await story.clock.advance(1000);
  assert.equal(await story.exists(), false);
  assert.deepEqual(await story.runtime.listContainers(uid), []);
  assert.deepEqual(await story.runtime.listSandboxes(), []);
});

void test("init containers run in order before the rest, again when they fail", async () => {
  await using story = await startStory();
  await story.run(
    { "exit-after-ms.one": "5000", "exit-after-ms.two": "1000", "exit-code.two": "1", "fail-attempts": "1" },
    {},
    {
      initContainers: [
        { name: "one", image: "i" },
        { name: "two", image: "i" },
      ],
    },
  );
  const initialized = async () => (await story.condition("Initialized"))?.message;
  assert.equal(await initialized(), "containers with incomplete status: [one two]");
  assert.equal((await story.container())?.state?.waiting?.reason, "PodInitializing");
  await story.clock.advance(5000);
  assert.equal(await initialized(), "containers with incomplete status: [two]");
  await story.clock.advance(1000);
  await story.clock.advance(10);
  assert.equal((await story.pod()).status?.initContainerStatuses?.[1]?.restartCount, 1);
  assert.equal((await story.pod()).status?.phase, "Running");
});

void test("a failed init container of a pod that never restarts fails the pod", async () => {
  await using story = await startStory();
  await story.run({ "exit-code.one": "2" }, {}, { restartPolicy: "Never", initContainers: [{ name: "one", image: "i" }] });
  const { status } = await story.pod();
  assert.deepEqual([status?.phase, status?.containerStatuses?.[0]?.state?.waiting?.reason], ["Failed", "PodInitializing"]);
});

void test("a pod of one run succeeds or fails by its exit code", async () => {
  for (const [code, phase, reason] of [
    ["0", "Succeeded", "PodCompleted"],
    ["4", "Failed", "PodFailed"],
  ] as const) {
    await using story = await startStory();
    await story.run({ "exit-after-ms": "1000", "exit-code": code }, {}, { restartPolicy: "Never" });
    await story.clock.advance(2000);
    assert.equal((await story.pod()).status?.phase, phase);
    assert.equal((await story.condition("Ready"))?.reason, reason);
  }
});

void test("OnFailure restarts failures and lets a success be the end", async () => {
  await using story = await startStory();
  await story.run(
    { "exit-after-ms": "1000", "exit-code": "1", "fail-attempts": "1", "exit-reason": "OOMKilled" },
    {},
    { restartPolicy: "OnFailure" },
  );
  await story.clock.advance(1100);
  const status = await story.container();
  assert.deepEqual([status?.restartCount, status?.lastState?.terminated?.reason], [1, "OOMKilled"]);
});

void test("a failing image is told of, and its back-off once for each wait", async () => {
  await using story = await startStory();
  await story.run({ "start-error": "ErrImagePull: no such image" });
  await story.clock.advance(8000);
  const count = (events: readonly string[], text: string) => events.filter((event) => event.includes(text)).length;
  const events = await story.events();
  for (const text of ['BackOff: Back-off pulling image "i"', "Failed: Error: ErrImagePull", "Failed: Error: ImagePullBackOff"])
    assert.equal(count(events, text), 1, `${text} in ${events.join("; ")}`);
  assert.ok(events.includes('1x BackOff: Back-off pulling image "i"'));
});

void test("a failing image shows ErrImagePull, then ImagePullBackOff, and is tried again", async () => {
  await using story = await startStory();
  await story.run({ "start-error": "ErrImagePull: no such image" });
  assert.deepEqual((await story.container())?.state?.waiting, { reason: "ErrImagePull", message: "no such image" });
  await story.clock.advance(1500);
  assert.deepEqual((await story.container())?.state?.waiting, {
    reason: "ImagePullBackOff",
    message: 'Back-off pulling image "i": ErrImagePull: no such image',
  });
  assert.equal((await story.pod()).status?.phase, "Pending");
});

void test("readiness gates keep a pod unready until somebody else says so", async () => {
  await using story = await startStory();
  await story.run({}, {}, { readinessGates: [{ conditionType: "example.com/gate" }] });
  assert.equal((await story.condition("ContainersReady"))?.status, "True");
  assert.deepEqual((await story.condition("Ready"))?.reason, "ReadinessGatesNotReady");
  await story.client.patch(
    Pod,
    "default/p",
    { status: { conditions: [{ type: "example.com/gate", status: "True" }] } },
    { type: "strategic", subresource: "status" },
  );
  await story.clock.advance(100);
  assert.equal((await story.condition("Ready"))?.status, "True");
  assert.equal((await story.condition("example.com/gate"))?.status, "True");
});

void test("an agent that starts again goes on with what runs, and removes what nobody knows", async () => {
  await using story = await startStory();
  await story.run({});
  const before = await story.container();
  await story.runtime.createSandbox({
    namespace: "x",
    name: "y",
    uid: "stray",
    hostname: "y",
    labels: {},
    annotations: {},
    hostNetwork: false,
  });
  await story.restartAgent();
  const now = await story.container();
  assert.deepEqual([now?.containerID, now?.restartCount], [before?.containerID, 0]);
  assert.deepEqual(
    (await story.runtime.listSandboxes()).map(({ podUid }) => podUid),
    [(await story.pod()).metadata?.uid],
  );
});

void test("containers that are gone with their runtime count as ended: they run again, unless the pod says never", async () => {
  await using story = await startStory();
  await story.run({}, {}, { initContainers: [{ name: "one", image: "i" }] });
  await story.client.create(Pod, {
    metadata: { name: "once", namespace: "default" },
    spec: { nodeName: "n1", restartPolicy: "Never", containers: [{ name: "c", image: "i" }], automountServiceAccountToken: false },
  });
  await story.clock.advance(50);
  assert.equal((await story.pod()).status?.phase, "Running");
  const runtime = createSimulatedRuntime({ clock: story.clock, podCidr: "10.1.0.0/24" });
  await story.restartAgent({ runtime });
  await story.clock.advance(50);
  const { status } = await story.pod();
  const [container] = status?.containerStatuses ?? [];
  assert.deepEqual(
    [status?.phase, container?.restartCount, container?.lastState?.terminated?.reason, container?.lastState?.terminated?.exitCode],
    ["Running", 1, "ContainerStatusUnknown", 137],
  );
  assert.ok(container?.state?.running, "it runs again");
  assert.equal(status?.initContainerStatuses?.[0]?.state?.terminated?.reason, "Completed", "its init container does not");
  const once = await story.client.get(Pod, "default/once");
  assert.deepEqual([once.status?.phase, once.status?.containerStatuses?.[0]?.restartCount], ["Failed", 0]);
  assert.deepEqual(
    (await runtime.listContainers()).map(({ name, attempt }) => [name, attempt]),
    [["c", 1]],
  );
});

void test("a settled pod costs no writes and no timers", async () => {
  await using story = await startStory();
  await story.run({}, { readinessProbe: { ...HTTP, periodSeconds: 1 } });
  await story.clock.advance(100);
  const version = (await story.pod()).metadata?.resourceVersion;
  await story.clock.advance(3_600_000);
  assert.equal((await story.pod()).metadata?.resourceVersion, version);
});
