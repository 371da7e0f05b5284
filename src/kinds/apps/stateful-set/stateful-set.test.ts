import assert from "node:assert/strict";
import { test } from "node:test";
import type { StatefulSet, StatefulSetSpec, StatefulSetStatus } from "#kinds/api/apps-v1.gen.ts";
import type { PersistentVolumeClaim, Pod } from "#kinds/api/core-v1.gen.ts";
import type { OwnerReference } from "#meta/object.ts";
import { hasUnexpectedController, isStaleClaim, ownersToBe } from "./claims.ts";
import { claimsFor, isMember, makePod, parentOf, repairedPod, storageMatches } from "./identity.ts";
import { planStatefulSet, type Step, type View } from "./plan.ts";
import { observe, statusChanged } from "./status.ts";

const NOW = Date.UTC(2026, 0, 1);
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

function setOf(spec: Partial<StatefulSetSpec> = {}, status: Partial<StatefulSetStatus> = {}): StatefulSet {
  return {
    metadata: { name: "web", namespace: "default", uid: "set", generation: 4 },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: "web" } },
      serviceName: "svc",
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [] } },
      podManagementPolicy: "OrderedReady",
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
      ...spec,
    },
    status: { replicas: 0, availableReplicas: 0, ...status },
  };
}

/** A state in short: o old, n new revision; capital: not ready; trailing `-`: being deleted, `!`: failed, `p`: pending. */
function pod(ordinal: number, state: string, readyFor = 3600): Pod {
  const revision = state[0]?.toLowerCase() === "n" ? "web-new" : "web-old";
  const ended = state.includes("!");
  const ready = state[0] === state[0]?.toLowerCase() && !ended && !state.includes("p");
  const name = `web-${ordinal}`;
  return {
    metadata: {
      name,
      uid: name,
      labels: { app: "web", "statefulset.kubernetes.io/pod-name": name, "controller-revision-hash": revision },
      ...(state.includes("-") ? { deletionTimestamp: ago(0) } : {}),
    },
    spec: { containers: [] },
    status: {
      phase: ended ? "Failed" : state.includes("p") ? "Pending" : "Running",
      conditions: [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime: ago(readyFor) }],
    },
  };
}

function viewOf(set: StatefulSet, pods: readonly Pod[], claims: readonly PersistentVolumeClaim[] = []): View {
  const claimOf = (name: string) => claims.find(({ metadata }) => metadata?.name === name);
  return { set, currentRevision: "web-old", updateRevision: "web-new", pods, claimOf, now: NOW };
}

/** `0 1`: pods of these numbers and states, `_`: none there. */
const podsOf = (states: string, first = 0) =>
  states.split(" ").flatMap((state, position) => (state === "_" || state === "" ? [] : [pod(first + position, state)]));

function inShort(step: Step): string {
  return step.action === "create" ? `+${step.ordinal}${step.revision[0]}` : `${step.action} ${step.pod.metadata?.name?.slice(4)}`;
}

const planned = (view: View) =>
  planStatefulSet(view)
    .groups.map((group) => group.map(inShort).join(" "))
    .join("; ");

const partition = (number: number): Partial<StatefulSetSpec> => ({
  updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: number } },
});
const PARALLEL: Partial<StatefulSetSpec> = { podManagementPolicy: "Parallel" };
const maxUnavailable = (value: number | string): Partial<StatefulSetSpec> => ({
  updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0, maxUnavailable: value } },
});

for (const [what, spec, states, plan] of [
  ["the first of none", {}, "", "+0u"],
  ["the next after a ready one", {}, "n", "+1u"],
  ["waits for one that is not ready", {}, "N", ""],
  ["waits for one that goes", {}, "n-", ""],
  ["fills a gap first", {}, "n _ n", "+1u"],
  ["a gap waits for what is before it", {}, "N _ n", ""],
  ["replaces one that failed", {}, "n n! n", "delete 1"],
  ["waits for a failed one that goes", {}, "n n!- n", ""],
  ["nothing to do", {}, "n n n", ""],
  ["scales down from the last", { replicas: 1 }, "n n n", "delete 2"],
  ["scaling down waits for one that goes", { replicas: 1 }, "n n n-", ""],
  ["scaling down, an unhealthy one waits for another below it", { replicas: 1 }, "n N N", ""],
  ["scaling down, the first unhealthy one may go", { replicas: 1 }, "n n N", "delete 2"],
  ["scaling down waits for the ones that stay", { replicas: 1 }, "N n n", ""],
  ["updates the last first", {}, "o o o", "replace 2"],
  ["updates the next when the last serves", {}, "o o n", "replace 1"],
  ["waits for the updated one", {}, "o o N", ""],
  ["scaling comes before updates", { replicas: 2 }, "o o o", "delete 2"],
  ["an outdated one that goes is waited for", {}, "o o o-", ""],
  ["a partition keeps what is below", partition(2), "o o n", ""],
  ["below the partition, the old revision is made", partition(2), "_ o n", "+0c"],
  ["from the partition on, the new one", partition(2), "o o", "+2u"],
  ["a partition beyond the end", partition(9), "o o o", ""],
  ["OnDelete updates nothing", { updateStrategy: { type: "OnDelete" } }, "o o o", ""],
  ["OnDelete makes new ones of the new revision", { updateStrategy: { type: "OnDelete" } }, "o _ o", "+1u"],
  ["parallel: all at once", PARALLEL, "", "+0u +1u +2u"],
  ["parallel: around those that are not ready", PARALLEL, "N _ n!", "+1u delete 2"],
  ["parallel: down all at once", { ...PARALLEL, replicas: 0 }, "N n- n", "delete 2 delete 0"],
  ["parallel: updates one by one", PARALLEL, "o o o", "replace 2"],
  ["parallel: updates wait for what does not serve", PARALLEL, "o N n", ""],
  ["two may be unavailable", maxUnavailable(2), "o o o", "replace 2 replace 1"],
  ["of two that may be unavailable one is", { ...maxUnavailable(2), ...PARALLEL }, "o o N", "replace 1"],
  ["a share of less than one is one", maxUnavailable("10%"), "o o o", "replace 2"],
  ["none may be unavailable any more", { ...maxUnavailable(1), ...PARALLEL }, "N o o", ""],
] as const) {
  test(`plan: ${what}`, () => assert.equal(planned(viewOf(setOf(spec), podsOf(states))), plan));
}

test("plan: without a partition, those not reached by the rollout yet are made of the current revision", () => {
  const set = setOf({ updateStrategy: { type: "RollingUpdate" } }, { currentReplicas: 2 });
  assert.equal(planned(viewOf(set, podsOf("o _ n"))), "+1c");
  assert.equal(planned(viewOf(set, podsOf("o o"))), "+2u");
});

test("plan: ordinals that begin at 5", () => {
  const set = setOf({ ordinals: { start: 5 } });
  assert.equal(planned(viewOf(set, podsOf("n n", 5))), "+7u");
  assert.equal(planned(viewOf(set, [...podsOf("n", 4), ...podsOf("n n n", 5)])), "delete 4");
});

test("plan: of very many, a part in a run", () => {
  const parallel = setOf({ ...PARALLEL, replicas: 2_000_000_000 });
  assert.equal(planStatefulSet(viewOf(parallel, podsOf("n n _ n"))).groups[0]?.length, 501);
  assert.equal(planned(viewOf(setOf({ replicas: 2_000_000_000 }), podsOf("n n"))), "+2u");
});

test("plan: minReadySeconds makes the next wait", () => {
  const set = setOf({ minReadySeconds: 30 });
  assert.equal(planned(viewOf(set, [pod(0, "n", 20)])), "");
  assert.equal(planned(viewOf(set, [pod(0, "n", 31)])), "+1u");
});

test("plan: a set that is scaled to nothing has nothing to do once all are gone", () => {
  assert.equal(planned(viewOf(setOf({ replicas: 0 }), [])), "");
});

const withClaims = (whenDeleted: string, whenScaled: string, more: Partial<StatefulSetSpec> = {}) =>
  setOf({
    persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled },
    volumeClaimTemplates: [{ metadata: { name: "data", labels: { tier: "db" } }, status: { phase: "Pending" } }],
    ...more,
  });

const byPod = (uid = "web-1"): OwnerReference => ({
  apiVersion: "v1",
  kind: "Pod",
  name: "web-1",
  uid,
  controller: true,
  blockOwnerDeletion: true,
});
const bySet = (uid = "set"): OwnerReference => ({
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  name: "web",
  uid,
  controller: true,
  blockOwnerDeletion: true,
});
const stranger: OwnerReference = { apiVersion: "x/v1", kind: "Other", name: "o", uid: "o", controller: true };

function claimOwnedBy(...ownerReferences: OwnerReference[]): PersistentVolumeClaim {
  return { metadata: { name: "data-web-1", ...(ownerReferences.length > 0 ? { ownerReferences } : {}) } };
}

for (const [policy, replicas, before, after] of [
  ["Retain Retain", 3, [], undefined],
  ["Retain Retain", 3, [bySet()], []],
  ["Retain Retain", 1, [byPod()], []],
  ["Delete Retain", 3, [], [bySet()]],
  ["Delete Retain", 3, [bySet()], undefined],
  ["Delete Retain", 1, [bySet(), byPod()], [bySet()]],
  ["Retain Delete", 3, [], undefined],
  ["Retain Delete", 1, [], [byPod()]],
  ["Retain Delete", 3, [byPod()], []],
  ["Delete Delete", 3, [], [bySet()]],
  ["Delete Delete", 1, [bySet()], [byPod()]],
  ["Delete Delete", 3, [byPod()], [bySet()]],
  ["Delete Delete", 3, [{ ...bySet(), controller: false }], [bySet()]],
  // Owners of earlier days, and other controllers, are left alone; ours do not stand beside these.
  ["Delete Delete", 3, [bySet("earlier")], undefined],
  ["Delete Delete", 3, [stranger], undefined],
  ["Delete Delete", 3, [stranger, bySet()], [stranger]],
  ["Retain Retain", 3, [stranger], undefined],
] as const) {
  const owners = before.map(({ kind }) => kind).join("+") || "nobody";
  test(`claims: ${policy}, ${replicas === 1 ? "scaled down" : "in range"}, owned by ${owners}`, () => {
    const [whenDeleted = "", whenScaled = ""] = policy.split(" ");
    const set = withClaims(whenDeleted, whenScaled, { replicas });
    assert.deepEqual(ownersToBe(claimOwnedBy(...before), set, pod(1, "n")), after);
  });
}

test("claims: a stranger in control, or an earlier set, is worth an event unless all is retained", () => {
  const set = withClaims("Delete", "Delete");
  assert.equal(hasUnexpectedController(claimOwnedBy(stranger), set, pod(1, "n")), true);
  assert.equal(hasUnexpectedController(claimOwnedBy(bySet("earlier")), set, pod(1, "n")), true);
  assert.equal(hasUnexpectedController(claimOwnedBy(bySet(), byPod()), set, pod(1, "n")), false);
  assert.equal(hasUnexpectedController(claimOwnedBy(stranger), withClaims("Retain", "Retain"), pod(1, "n")), false);
});

test("claims: a new pod waits for the claim of its predecessor to be gone; one of the policy's kind only", () => {
  const set = withClaims("Retain", "Delete");
  assert.equal(isStaleClaim(claimOwnedBy(byPod("earlier")), set, "web-1"), true);
  assert.equal(isStaleClaim(claimOwnedBy(byPod("earlier")), withClaims("Delete", "Retain"), "web-1"), false);
  assert.equal(planned(viewOf(set, podsOf("n"), [claimOwnedBy(byPod("earlier"))])), "repair 0");
});

test("plan: claims that are missing come back for a pending pod, owners are put right for ready and condemned ones", () => {
  const set = withClaims("Delete", "Delete", { replicas: 1 });
  const mounted = (ordinal: number, state: string): Pod => {
    const made = pod(ordinal, state);
    return { ...made, spec: { containers: [], volumes: [{ name: "data", persistentVolumeClaim: { claimName: `data-web-${ordinal}` } }] } };
  };
  assert.equal(planned(viewOf(set, [mounted(0, "np")])), "claims 0");
  const claims = [{ metadata: { name: "data-web-0" } }, claimOwnedBy(bySet())];
  assert.equal(planned(viewOf(set, [mounted(0, "n"), mounted(1, "n")], claims)), "repair 0; claims 1; delete 1");
  const right = [{ metadata: { name: "data-web-0", ownerReferences: [bySet()] } }, claimOwnedBy(byPod())];
  assert.equal(planned(viewOf(set, [mounted(0, "n"), mounted(1, "n")], right)), "delete 1");
});

test("names: of a pod, of its set, of its claims", () => {
  assert.deepEqual(parentOf("a-b-12"), { set: "a-b", ordinal: 12 });
  assert.deepEqual([parentOf("web"), parentOf("web-"), parentOf("web-x"), parentOf("web-99999999999")], Array(4).fill(undefined));
  assert.equal(isMember(setOf(), { metadata: { name: "web-1-1" } }), false);
  const [claim] = claimsFor(withClaims("Retain", "Retain"), 7, []);
  assert.deepEqual(claim, { metadata: { name: "data-web-7", namespace: "default", labels: { tier: "db", app: "web" } } });
});

test("a pod is made with its identity; the set's claims take the place of volumes with their names", () => {
  const set = withClaims("Retain", "Retain");
  const template = {
    metadata: { labels: { app: "web" }, annotations: { a: "b" } },
    spec: {
      containers: [],
      volumes: [
        { name: "data", emptyDir: {} },
        { name: "tmp", emptyDir: {} },
      ],
    },
  };
  const made = makePod(set, template, "web-abc", 2);
  assert.deepEqual(made.metadata, {
    name: "web-2",
    generateName: "web-",
    namespace: "default",
    annotations: { a: "b" },
    ownerReferences: [bySet()],
    labels: {
      app: "web",
      "statefulset.kubernetes.io/pod-name": "web-2",
      "apps.kubernetes.io/pod-index": "2",
      "controller-revision-hash": "web-abc",
    },
  });
  assert.deepEqual(made.spec, {
    containers: [],
    hostname: "web-2",
    subdomain: "svc",
    volumes: [
      { name: "data", persistentVolumeClaim: { claimName: "data-web-2" } },
      { name: "tmp", emptyDir: {} },
    ],
  });
  assert.equal(storageMatches(set, made), true);
  const broken = { ...made, metadata: { ...made.metadata, labels: { app: "web" } }, spec: { containers: [] } };
  const mended = repairedPod(set, broken);
  assert.equal(mended.metadata?.labels?.["statefulset.kubernetes.io/pod-name"], "web-2");
  assert.equal(storageMatches(set, mended), true);
});

test("status: counts, the end of a rollout, when to look again", () => {
  const during = observe(viewOf(setOf(), podsOf("o o- N")), 2, 0).status;
  assert.deepEqual(during, {
    observedGeneration: 4,
    replicas: 3,
    readyReplicas: 2,
    currentReplicas: 1,
    updatedReplicas: 1,
    currentRevision: "web-old",
    updateRevision: "web-new",
    collisionCount: 2,
    availableReplicas: 2,
  });
  assert.equal(observe(viewOf(setOf(), podsOf("o o n")), 0, 1).status.currentReplicas, 1);
  const complete = observe(viewOf(setOf(), podsOf("n n n")), 0, 0).status;
  assert.deepEqual([complete.currentRevision, complete.currentReplicas], ["web-new", 3]);
  const onDelete = setOf({ updateStrategy: { type: "OnDelete" } });
  assert.equal(observe(viewOf(onDelete, podsOf("n n n")), 0, 0).status.currentRevision, "web-old");
  const waiting = observe(viewOf(setOf({ minReadySeconds: 30 }), [pod(0, "n", 20), pod(1, "n", 5)]), 0, 0);
  assert.deepEqual([waiting.recheckInMs, waiting.status.readyReplicas, waiting.status.availableReplicas], [10_000, 2, 0]);
});

test("status: others' conditions alone are no reason to write", () => {
  const status: StatefulSetStatus = { observedGeneration: 4, replicas: 1, availableReplicas: 0, currentRevision: "a", updateRevision: "a" };
  assert.equal(statusChanged({ ...status, conditions: [{ type: "Mine", status: "True" }] }, status), false);
  assert.equal(statusChanged(status, { ...status, availableReplicas: 1 }), true);
  assert.equal(statusChanged(status, { ...status, observedGeneration: 5 }), true);
  assert.equal(statusChanged(undefined, status), true);
});
