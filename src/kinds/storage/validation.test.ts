// What is said of objects of storage that are wrong in one way, and of changes that they do not take.

import assert from "node:assert/strict";
import { test } from "node:test";
import { persistentVolumeClaimHooks } from "#kinds/core/persistent-volume-claim/kind.ts";
import { persistentVolumeHooks } from "#kinds/core/persistent-volume/kind.ts";
import { fieldErrorText } from "#meta/errors.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { KubeObject } from "#meta/object.ts";
import { csiDriverHooks } from "./csi-driver/kind.ts";
import { csiNodeHooks } from "./csi-node/kind.ts";
import { storageClassHooks } from "./storage-class/kind.ts";
import { volumeAttachmentHooks } from "./volume-attachment/kind.ts";
import { volumeAttributesClassHooks } from "./volume-attributes-class/kind.ts";

const HOOKS = {
  claim: persistentVolumeClaimHooks,
  volume: persistentVolumeHooks,
  driver: csiDriverHooks,
  node: csiNodeHooks,
  class: storageClassHooks,
  attachment: volumeAttachmentHooks,
  attributes: volumeAttributesClassHooks,
} as const;

const claim = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
const volume = { accessModes: ["ReadWriteOnce"], capacity: { storage: "1Gi" } };
const csi = { driver: "d.example.com", volumeHandle: "h" };

interface Row {
  readonly kind: keyof typeof HOOKS;
  readonly what: string;
  readonly next: object;
  readonly previous?: object;
  readonly expected: readonly string[];
}
const IMMUTABLE_CLAIM =
  "spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n";
const ROWS: readonly Row[] = [
  { kind: "claim", what: "valid", next: { spec: claim }, expected: [] },
  {
    kind: "claim",
    what: "without mode and size",
    next: {},
    expected: ["spec.accessModes: Required value: at least 1 access mode is required", "spec.resources[storage]: Required value"],
  },
  {
    kind: "claim",
    what: "with another source in the old field than in the new",
    next: {
      spec: {
        ...claim,
        dataSource: { kind: "PersistentVolumeClaim", name: "a" },
        dataSourceRef: { kind: "PersistentVolumeClaim", name: "b" },
      },
    },
    expected: ["spec: Invalid value: {}: must match dataSourceRef"],
  },
  {
    kind: "claim",
    what: "that grows before it is bound",
    next: { spec: { ...claim, resources: { requests: { storage: "2Gi" } } } },
    previous: { spec: claim },
    expected: [IMMUTABLE_CLAIM],
  },
  {
    kind: "claim",
    what: "that grows when it is bound",
    next: { spec: { ...claim, resources: { requests: { storage: "2Gi" } } }, status: { phase: "Bound" } },
    previous: { spec: claim, status: { phase: "Bound" } },
    expected: [],
  },
  {
    kind: "claim",
    what: "that shrinks below what it has",
    next: { spec: { ...claim, resources: { requests: { storage: "1Gi" } } }, status: { phase: "Bound" } },
    previous: { spec: { ...claim, resources: { requests: { storage: "3Gi" } } }, status: { phase: "Bound", capacity: { storage: "2Gi" } } },
    expected: ["spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"],
  },
  { kind: "claim", what: "that is bound", next: { spec: { ...claim, volumeName: "v" } }, previous: { spec: claim }, expected: [] },
  { kind: "volume", what: "valid", next: { spec: { ...volume, csi } }, expected: [] },
  { kind: "volume", what: "of no source", next: { spec: volume }, expected: ["spec: Required value: must specify a volume type"] },
  {
    kind: "volume",
    what: "of two sources",
    next: { spec: { ...volume, csi, nfs: { server: "s", path: "/" } } },
    expected: ["spec.csi: Forbidden: may not specify more than 1 volume type"],
  },
  {
    kind: "volume",
    what: "that is local and nowhere",
    next: { spec: { ...volume, local: { path: "/p" } } },
    expected: ["spec.nodeAffinity: Required value: Local volume requires node affinity"],
  },
  {
    kind: "volume",
    what: "with a class of attributes and no driver",
    next: { spec: { ...volume, nfs: { server: "s", path: "/" }, volumeAttributesClassName: "a" } },
    expected: ["spec.csi: Required value: has to be specified when using volumeAttributesClassName"],
  },
  {
    kind: "volume",
    what: "that becomes another",
    next: { spec: { ...volume, csi: { ...csi, volumeHandle: "i" } } },
    previous: { spec: { ...volume, csi } },
    expected: ["spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n"],
  },
  {
    kind: "volume",
    what: "that gets a secret for growing",
    next: { spec: { ...volume, csi: { ...csi, controllerExpandSecretRef: { name: "s", namespace: "n" } } } },
    previous: { spec: { ...volume, csi } },
    expected: [],
  },
  {
    kind: "driver",
    what: "with tokens of no length",
    next: { spec: { tokenRequests: [{ audience: "a", expirationSeconds: 5 }] } },
    expected: ["spec.tokenRequests[0].expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes"],
  },
  {
    kind: "driver",
    what: "with tokens in secrets and no tokens",
    next: { spec: { serviceAccountTokenInSecrets: true } },
    expected: [
      "spec.serviceAccountTokenInSecrets: Invalid value: true: serviceAccountTokenInSecrets is set but no tokenRequests are specified",
    ],
  },
  {
    kind: "node",
    what: "with a driver without id",
    next: { spec: { drivers: [{ name: "d.example.com", nodeID: "" }] } },
    expected: ["spec.drivers[0].nodeID: Required value"],
  },
  {
    kind: "node",
    what: "whose driver takes more volumes",
    next: { spec: { drivers: [{ name: "d", nodeID: "n", allocatable: { count: 2 } }] } },
    previous: { spec: { drivers: [{ name: "d", nodeID: "n", allocatable: { count: 1 } }] } },
    expected: [],
  },
  { kind: "class", what: "without provisioner", next: {}, expected: ["provisioner: Required value"] },
  {
    kind: "class",
    what: "with other parameters",
    next: { provisioner: "p", parameters: { a: "c" } },
    previous: { provisioner: "p", parameters: { a: "b" }, reclaimPolicy: "Delete", volumeBindingMode: "Immediate" },
    expected: ['parameters: Invalid value: {"a":"c"}: field is immutable'],
  },
  {
    kind: "attachment",
    what: "of nothing",
    next: { spec: { attacher: "d", nodeName: "n", source: {} } },
    expected: ["spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName"],
  },
  {
    kind: "attributes",
    what: "without parameters",
    next: { driverName: "d" },
    expected: ["parameters: Required value: must contain at least one key/value pair"],
  },
  {
    kind: "attributes",
    what: "of another driver",
    next: { driverName: "e", parameters: { a: "b" } },
    previous: { driverName: "d", parameters: { a: "b" } },
    expected: ["driverName: Forbidden: updates to driverName are forbidden."],
  },
];

for (const { kind, what, next, previous, expected } of ROWS) {
  test(`${kind} ${what}`, () => {
    const hooks = HOOKS[kind] as unknown as KindHooks; // only called with objects of its kind
    const [object, before] = [structuredClone(next) as KubeObject, structuredClone(previous) as KubeObject | undefined];
    hooks.default?.(object);
    if (before) hooks.default?.(before);
    assert.deepEqual((hooks.validate?.(object, before, { subresource: "" }) ?? []).map(fieldErrorText), expected);
  });
}
