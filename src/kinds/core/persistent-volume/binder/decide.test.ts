import assert from "node:assert/strict";
import { test } from "node:test";
import type { PersistentVolume, PersistentVolumeClaim } from "#kinds/api/core-v1.gen.ts";
import type { StorageClass } from "#kinds/api/storage-v1.gen.ts";
import { claimForVolume, claimInPhase, volumeForClaim, withoutClaim } from "./bound.ts";
import { type ClaimDecision, decideClaim } from "./decide-claim.ts";
import { decideVolume, whyNotReclaimed } from "./decide-volume.ts";

const UID = "claim-uid";
const RWO = ["ReadWriteOnce"];

interface ClaimOptions {
  readonly spec?: NonNullable<PersistentVolumeClaim["spec"]>;
  readonly annotations?: Record<string, string>;
}

function claim({ spec, annotations }: ClaimOptions = {}): PersistentVolumeClaim {
  return {
    metadata: { name: "c", namespace: "ns", uid: UID, ...(annotations ? { annotations } : {}) },
    spec: { accessModes: RWO, resources: { requests: { storage: "5Gi" } }, storageClassName: "", ...spec },
    status: { phase: "Pending" },
  };
}

type VolumeSpec = NonNullable<PersistentVolume["spec"]>;

function volume(name: string, size: string, spec: VolumeSpec = {}, metadata: PersistentVolume["metadata"] = {}): PersistentVolume {
  return {
    metadata: { name, uid: `${name}-uid`, ...metadata },
    spec: { capacity: { storage: size }, accessModes: RWO, persistentVolumeReclaimPolicy: "Retain", hostPath: { path: "/x" }, ...spec },
    status: { phase: "Available" },
  };
}

const refTo = (uid?: string, name = "c") => ({ namespace: "ns", name, ...(uid === undefined ? {} : { uid }) });
const CLASSES: StorageClass[] = [
  {
    metadata: { name: "slow", creationTimestamp: "2026-01-01T00:00:00Z" },
    provisioner: "example.com/disk",
    volumeBindingMode: "Immediate",
  },
  { metadata: { name: "lazy" }, provisioner: "example.com/disk", volumeBindingMode: "WaitForFirstConsumer" },
  { metadata: { name: "none" }, provisioner: "kubernetes.io/no-provisioner", volumeBindingMode: "Immediate" },
];

function decide(
  of: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  pods: string[] = [],
  defaultClass?: string,
): ClaimDecision {
  return decideClaim(of, {
    volume: (name) => volumes.find(({ metadata }) => metadata?.name === name),
    candidates: () => volumes,
    storageClass: (name) => CLASSES.find(({ metadata }) => metadata?.name === name),
    defaultClass: () => CLASSES.find(({ metadata }) => metadata?.name === defaultClass),
    waitingPods: () => pods,
  });
}

/** What was decided, in a word or two. */
function word(decision: ClaimDecision): string {
  if (decision.do === "bind") return `bind ${decision.volume.metadata?.name ?? ""}`;
  if (decision.do === "assignClass") return `assign ${decision.className}`;
  if (decision.do === "askProvisioner") return `ask ${decision.provisioner}`;
  return `${decision.do} ${decision.notice?.reason ?? ""}`.trim();
}

const bound = { "pv.kubernetes.io/bind-completed": "yes" };
const gone = { deletionTimestamp: "2026-01-01T00:00:00Z" };

const CLAIMS: readonly [string, string, PersistentVolumeClaim, readonly PersistentVolume[]][] = [
  ["the smallest that is large enough", "bind m", claim(), [volume("l", "20Gi"), volume("m", "6Gi"), volume("s", "1Gi")]],
  ["the first by name of equals", "bind a", claim(), [volume("b", "6Gi"), volume("a", "6Gi")]],
  [
    "fewer access modes before a smaller size",
    "bind few",
    claim(),
    [volume("many", "5Gi", { accessModes: [...RWO, "ReadOnlyMany"] }), volume("few", "9Gi")],
  ],
  [
    "what was meant for it, whatever its class",
    "bind mine",
    claim(),
    [volume("a", "6Gi"), volume("mine", "9Gi", { claimRef: refTo(), storageClassName: "x" })],
  ],
  ["not what is meant for it and too small", "wait FailedBinding", claim(), [volume("mine", "1Gi", { claimRef: refTo() })]],
  ["not what was a namesake's", "wait FailedBinding", claim(), [volume("v", "6Gi", { claimRef: refTo("other") })]],
  ["not another class's", "wait FailedBinding", claim(), [volume("v", "6Gi", { storageClassName: "slow" })]],
  ["not another mode's", "wait FailedBinding", claim({ spec: { volumeMode: "Block" } }), [volume("v", "6Gi")]],
  ["not with too few access modes", "wait FailedBinding", claim({ spec: { accessModes: ["ReadWriteMany"] } }), [volume("v", "6Gi")]],
  ["not one that is going", "wait FailedBinding", claim(), [volume("v", "6Gi", {}, gone)]],
  ["not one that is released", "wait FailedBinding", claim(), [{ ...volume("v", "6Gi"), status: { phase: "Released" } }]],
  [
    "what its selector takes",
    "bind b",
    claim({ spec: { selector: { matchLabels: { disk: "fast" } } } }),
    [volume("a", "6Gi"), volume("b", "6Gi", {}, { labels: { disk: "fast" } })],
  ],
  ["a class that makes volumes", "ask example.com/disk", claim({ spec: { storageClassName: "slow" } }), []],
  ["a class that is not there", "tell ProvisioningFailed", claim({ spec: { storageClassName: "unknown" } }), []],
  ["a class that makes none", "tell ProvisioningFailed", claim({ spec: { storageClassName: "none" } }), []],
  [
    "a consumer to come",
    "wait WaitForFirstConsumer",
    claim({ spec: { storageClassName: "lazy" } }),
    [volume("v", "6Gi", { storageClassName: "lazy" })],
  ],
  [
    "a consumer that has a node",
    "ask example.com/disk",
    claim({ spec: { storageClassName: "lazy" }, annotations: { "volume.kubernetes.io/selected-node": "n" } }),
    [],
  ],
  [
    "a volume that the scheduler chose",
    "bind v",
    claim({ spec: { storageClassName: "lazy" } }),
    [volume("v", "6Gi", { storageClassName: "lazy", claimRef: refTo(UID) })],
  ],
  ["asked for by name: not there", "wait", claim({ spec: { volumeName: "v" } }), []],
  ["asked for by name: free", "bind v", claim({ spec: { volumeName: "v" } }), [volume("v", "6Gi")]],
  ["asked for by name: too small", "wait VolumeMismatch", claim({ spec: { volumeName: "v" } }), [volume("v", "1Gi")]],
  [
    "asked for by name: another's",
    "wait FailedBinding",
    claim({ spec: { volumeName: "v" } }),
    [volume("v", "6Gi", { claimRef: refTo("u", "d") })],
  ],
  ["asked for by name: meant for it", "bind v", claim({ spec: { volumeName: "v" } }), [volume("v", "1Gi", { claimRef: refTo() })]],
  [
    "bound: all is well",
    "bind v",
    claim({ spec: { volumeName: "v" }, annotations: bound }),
    [volume("v", "6Gi", { claimRef: refTo(UID) })],
  ],
  ["bound: the volume was freed", "bind v", claim({ spec: { volumeName: "v" }, annotations: bound }), [volume("v", "6Gi")]],
  ["bound: to nothing", "lose ClaimLost", claim({ annotations: bound }), []],
  ["bound: the volume is gone", "lose ClaimLost", claim({ spec: { volumeName: "v" }, annotations: bound }), []],
  [
    "bound: to another's",
    "lose ClaimMisbound",
    claim({ spec: { volumeName: "v" }, annotations: bound }),
    [volume("v", "6Gi", { claimRef: refTo("u") })],
  ],
];

for (const [name, wanted, of, volumes] of CLAIMS) test(`a claim gets ${name}`, () => assert.equal(word(decide(of, volumes)), wanted));

void test("a claim that names no class gets the default class once there is one, and a volume without a class before", () => {
  const plain = claim();
  delete plain.spec?.storageClassName;
  assert.equal(word(decide(plain, [])), "wait FailedBinding");
  assert.equal(word(decide(plain, [], [], "slow")), "assign slow");
  assert.equal(word(decide(plain, [volume("v", "6Gi")], [], "slow")), "bind v");
  assert.equal(word(decide(claim(), [], [], "slow")), "wait FailedBinding", "it wants none");
});

void test("a claim whose consumers have no node says which", () => {
  const decision = decide(claim({ spec: { storageClassName: "lazy" } }), [], ["a", "b"]);
  assert.deepEqual("notice" in decision && decision.notice, {
    type: "Normal",
    reason: "WaitForPodScheduled",
    message: "waiting for pods a,b to be scheduled",
  });
});

const made = { annotations: { "pv.kubernetes.io/provisioned-by": "example.com/disk" } };
const of = (volumeName?: string): PersistentVolumeClaim => claim(volumeName === undefined ? {} : { spec: { volumeName } });

const VOLUMES: readonly [string, string, PersistentVolume, PersistentVolumeClaim | undefined][] = [
  ["without a claim", "phase Available", volume("v", "1Gi"), undefined],
  ["meant for a claim", "phase Available", volume("v", "1Gi", { claimRef: refTo() }), undefined],
  ["whose claim is gone", "reclaim", volume("v", "1Gi", { claimRef: refTo(UID) }), undefined],
  ["whose claim has it", "phase Bound", volume("v", "1Gi", { claimRef: refTo(UID) }), of("v")],
  ["whose claim does not know yet", "leave", volume("v", "1Gi", { claimRef: refTo(UID) }), of()],
  ["whose claim wants another mode", "tell", volume("v", "1Gi", { claimRef: refTo(UID), volumeMode: "Block" }), of()],
  ["whose claim went elsewhere", "unbind", volume("v", "1Gi", { claimRef: refTo(UID) }), of("w")],
  [
    "made for a claim that went elsewhere",
    "reclaim",
    volume("v", "1Gi", { claimRef: refTo(UID), persistentVolumeReclaimPolicy: "Delete" }, made),
    of("w"),
  ],
];

for (const [name, wanted, subject, its] of VOLUMES)
  test(`a volume ${name}`, () => {
    const decision = decideVolume(subject, its);
    assert.equal(decision.do === "phase" ? `phase ${decision.phase}` : decision.do, wanted);
  });

void test("reclaiming: what is kept, left to its maker, and not possible", () => {
  const reasonOf = (policy: string, spec: VolumeSpec = {}, metadata = {}) =>
    whyNotReclaimed(volume("v", "1Gi", { persistentVolumeReclaimPolicy: policy, ...spec }, metadata))?.reason;
  assert.equal(reasonOf("Retain"), undefined);
  assert.equal(reasonOf("Delete", {}, made), undefined);
  assert.equal(reasonOf("Delete", { csi: { driver: "d", volumeHandle: "h" } }), undefined);
  assert.equal(reasonOf("Delete"), "VolumeFailedDelete");
  assert.equal(reasonOf("Recycle"), "VolumeFailedRecycle");
  assert.equal(reasonOf("Burn"), "VolumeUnknownReclaimPolicy");
});

void test("a binding is written once: the second time there is nothing to write", () => {
  const free = volume("v", "6Gi");
  const promised = volumeForClaim(free, claim());
  assert.ok(promised);
  assert.equal(promised.spec?.claimRef?.uid, UID);
  assert.equal(promised.metadata?.annotations?.["pv.kubernetes.io/bound-by-controller"], "yes");
  assert.equal(volumeForClaim(promised, claim()), undefined);
  const told = claimForVolume(claim(), promised);
  assert.ok(told);
  assert.equal(told.spec?.volumeName, "v");
  assert.deepEqual(Object.keys(told.metadata?.annotations ?? {}).toSorted(), [
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
  ]);
  assert.equal(claimForVolume(told, promised), undefined);
  const status = claimInPhase(told, "Bound", promised);
  assert.deepEqual(status?.status, { phase: "Bound", accessModes: RWO, capacity: { storage: "6Gi" } });
  assert.ok(status);
  assert.equal(claimInPhase(status, "Bound", volume("v", "9Gi")), undefined, "its size is for the resizer to tell");
});

void test("a volume that its maker meant for the claim keeps that when it is unbound, and was not bound by us", () => {
  const promised = volumeForClaim(volume("v", "6Gi", { claimRef: refTo() }), claim());
  assert.ok(promised);
  assert.equal(promised.metadata?.annotations, undefined);
  const kept = withoutClaim(promised).spec?.claimRef;
  assert.deepEqual([kept?.name, kept?.uid], ["c", undefined]);
  const ours = volumeForClaim(volume("v", "6Gi"), claim());
  assert.ok(ours);
  const freed = withoutClaim(ours);
  assert.deepEqual([freed.spec?.claimRef, freed.metadata?.annotations], [undefined, undefined]);
});
