// PersistentVolumes that are something on this host.

import { stat } from "node:fs/promises";
import type { PersistentVolume } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { setUpHostPath } from "./host-path.ts";
import { VolumeError } from "./payload.ts";

const NO_SOURCE = new Set([
  "capacity",
  "accessModes",
  "claimRef",
  "persistentVolumeReclaimPolicy",
  "storageClassName",
  "mountOptions",
  "volumeMode",
  "nodeAffinity",
  "volumeAttributesClassName",
]);

/** The path on this host. Throws VolumeError if there is none. */
export async function setUpPersistent({ spec = {} }: DeepReadonly<PersistentVolume>): Promise<string> {
  if (spec.hostPath) return setUpHostPath(spec.hostPath);
  if (spec.local) {
    const { path } = spec.local;
    if (await stat(path).catch(() => undefined)) return path;
    throw new VolumeError(`path "${path}" does not exist`);
  }
  const kind = Object.keys(spec).find((key) => !NO_SOURCE.has(key)) ?? "unknown";
  throw new VolumeError(`persistent volumes of type ${kind} are not supported by this node`);
}
