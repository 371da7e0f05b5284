// The built-in provisioner: volumes that are folders on a node. What it makes of claims, classes and nodes. Pure.

import type { Node, PersistentVolume, PersistentVolumeClaim } from "#kinds/api/core-v1.gen.ts";
import type { StorageClass } from "#kinds/api/storage-v1.gen.ts";
import { type AnyClaim, type AnyVolume, PROVISIONED_BY, PROVISIONER_FINALIZER } from "#kinds/core/persistent-volume-claim/claims.ts";
import { clone } from "#lib/clone.ts";
import { removeCondition, setCondition } from "#meta/conditions.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { formatTime } from "#meta/time.ts";

export const LOCAL_PATH = "kobune.dev/local-path";
/** On a node: the folder its volumes are made in. Nodes without programs have none, and their volumes no files. */
export const LOCAL_PATH_FOLDER = "kobune.dev/local-path-folder";
/** On a volume: the node that has it. */
const ON_NODE = "kobune.dev/local-path-node";
const NO_FOLDER = "/var/lib/kobune/local-path";
const HOSTNAME = "kubernetes.io/hostname";

/** The class every cluster starts with. */
export const localPathClass = (): StorageClass => ({
  metadata: { name: "local-path", annotations: { "storageclass.kubernetes.io/is-default-class": "true" } },
  provisioner: LOCAL_PATH,
  reclaimPolicy: "Delete",
  volumeBindingMode: "WaitForFirstConsumer",
  allowVolumeExpansion: true,
});

export const isLocalPath = ({ metadata }: AnyVolume): boolean => metadata?.annotations?.[PROVISIONED_BY] === LOCAL_PATH;

/** The node that has the volume. */
export const nodeOfVolume = ({ metadata }: AnyVolume): string | undefined => metadata?.annotations?.[ON_NODE];

/** Where the volume is on a node that keeps its volumes in `folder`; undefined: it is none of those, so nobody may delete it. */
export function pathIn(folder: string, { spec }: AnyVolume): string | undefined {
  const path = spec?.hostPath?.path ?? "";
  const name = path.startsWith(`${folder}/`) ? path.slice(folder.length + 1) : "";
  return name === "" || name.includes("/") || name === "." || name === ".." ? undefined : path;
}

/** Why no folder can be what the claim asks for. */
export function whyImpossible({ spec }: AnyClaim): string | undefined {
  if (spec?.volumeMode === "Block") return `${LOCAL_PATH} does not support block volumes`;
  if (spec?.dataSource || spec?.dataSourceRef) return `${LOCAL_PATH} does not fill volumes from a data source`;
  if (spec?.selector) return "claim.Spec.Selector is not supported";
  const shared = spec?.accessModes?.find((mode) => mode !== "ReadWriteOnce" && mode !== "ReadWriteOncePod");
  return shared === undefined ? undefined : `${LOCAL_PATH} only supports ReadWriteOnce and ReadWriteOncePod access modes, not ${shared}`;
}

export const volumeNameOf = ({ metadata }: AnyClaim): string => `pvc-${metadata?.uid ?? ""}`;

/** The claim's volume on the node. Its name is the claim's for good, so that it is never made twice. */
export function newVolume(claim: AnyClaim, storageClass: DeepReadonly<StorageClass>, node: DeepReadonly<Node>): PersistentVolume {
  const { name = "", namespace = "", uid = "", resourceVersion = "" } = claim.metadata ?? {};
  const volumeName = volumeNameOf(claim);
  const folder = node.metadata?.annotations?.[LOCAL_PATH_FOLDER] ?? NO_FOLDER;
  const hostname = node.metadata?.labels?.[HOSTNAME] ?? node.metadata?.name ?? "";
  const policy = storageClass.reclaimPolicy ?? "Delete";
  return {
    metadata: {
      name: volumeName,
      annotations: { [PROVISIONED_BY]: LOCAL_PATH, [ON_NODE]: node.metadata?.name ?? "" },
      ...(policy === "Delete" ? { finalizers: [PROVISIONER_FINALIZER] } : {}),
    },
    spec: {
      capacity: { storage: claim.spec?.resources?.requests?.["storage"] ?? "0" },
      accessModes: [...(claim.spec?.accessModes ?? [])],
      persistentVolumeReclaimPolicy: policy,
      storageClassName: storageClass.metadata?.name ?? "",
      volumeMode: "Filesystem",
      ...(claim.spec?.volumeAttributesClassName === undefined ? {} : { volumeAttributesClassName: claim.spec.volumeAttributesClassName }),
      claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid, resourceVersion },
      hostPath: { path: `${folder}/${volumeName}_${namespace}_${name}`, type: "DirectoryOrCreate" },
      nodeAffinity: {
        required: { nodeSelectorTerms: [{ matchExpressions: [{ key: HOSTNAME, operator: "In", values: [hostname] }] }] },
      },
    },
  };
}

/** The claim's status while its volume grows. */
export function resizing(claim: AnyClaim, size: string, now: number): PersistentVolumeClaim {
  const status: NonNullable<PersistentVolumeClaim["status"]> = clone(claim.status ?? {});
  status.conditions = setCondition(status.conditions, { type: "Resizing", status: "True" }, formatTime(now));
  status.allocatedResources = { ...status.allocatedResources, storage: size };
  status.allocatedResourceStatuses = { ...status.allocatedResourceStatuses, storage: "ControllerResizeInProgress" };
  return { ...clone(claim), status };
}

/** And when it has grown: a folder's file system has not to follow. */
export function resized(claim: AnyClaim, size: string): PersistentVolumeClaim {
  const status: NonNullable<PersistentVolumeClaim["status"]> = clone(claim.status ?? {});
  status.capacity = { ...status.capacity, storage: size };
  const conditions = removeCondition(removeCondition(status.conditions, "Resizing"), "FileSystemResizePending");
  if (conditions.length > 0) status.conditions = conditions;
  else delete status.conditions;
  if (status.allocatedResourceStatuses) delete status.allocatedResourceStatuses["storage"];
  if (Object.keys(status.allocatedResourceStatuses ?? {}).length === 0) delete status.allocatedResourceStatuses;
  return { ...clone(claim), status };
}

/** The volume held for its provisioner, or let go. */
export function withFinalizer(volume: AnyVolume, held: boolean): PersistentVolume {
  const next: PersistentVolume = clone(volume);
  const others = next.metadata?.finalizers?.filter((name) => name !== PROVISIONER_FINALIZER) ?? [];
  next.metadata = { ...next.metadata, finalizers: held ? [...others, PROVISIONER_FINALIZER] : others };
  return next;
}
