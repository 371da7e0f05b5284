// The folders of local volumes on this host's nodes: removed when their volumes are deleted. They are made when first mounted.

import { rm } from "node:fs/promises";
import { PersistentVolume } from "#kinds/api/core-v1.gen.ts";
import { PROVISIONER_FINALIZER } from "#kinds/core/persistent-volume-claim/claims.ts";
import { LOCAL_PATH, isLocalPath, nodeOfVolume, pathIn, withFinalizer } from "#kinds/storage/local-path/local-path.ts";
import { isNotFound } from "#meta/errors.ts";
import type { ControllerDefinition } from "#reconcile/controller.ts";

/** `folders`: by node, where it keeps its volumes; undefined for nodes without files. Needs the rights of the provisioner. */
export function localPathKeeper(folders: ReadonlyMap<string, string | undefined>): ControllerDefinition {
  return {
    name: "local-path-keeper",
    eventSource: LOCAL_PATH,
    for: PersistentVolume,
    async reconcile(key, { cache, client, events, signal }) {
      const volume = cache(PersistentVolume).get(key);
      const node = volume && nodeOfVolume(volume);
      if (!volume || node === undefined || !folders.has(node) || !isLocalPath(volume)) return;
      const { metadata, spec, status } = volume;
      // A claim still has it, or it is to stay.
      if (metadata?.deletionTimestamp === undefined || status?.phase === "Bound" || spec?.persistentVolumeReclaimPolicy !== "Delete")
        return;
      if (!metadata.finalizers?.includes(PROVISIONER_FINALIZER)) return;
      const folder = folders.get(node);
      const path = folder === undefined ? undefined : pathIn(folder, volume);
      try {
        if (path !== undefined) await rm(path, { recursive: true, force: true });
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        events.event({ resource: PersistentVolume, object: volume }, "Warning", "VolumeFailedDelete", message);
        throw error;
      }
      await client.update(PersistentVolume, withFinalizer(volume, false), { signal }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    },
  };
}
