// Stands in for who provides volumes: every claim gets one of its own.

import type { Client } from "#client/client.ts";
import { PersistentVolume, PersistentVolumeClaim } from "#kinds/api/core-v1.gen.ts";
import { keyOf } from "#meta/object.ts";
import { NAMESPACE } from "./workload-cluster.ts";

export async function bindClaims(client: Client): Promise<void> {
  const { items } = await client.list(PersistentVolumeClaim, { namespace: NAMESPACE });
  for (const claim of items) {
    const { name = "", uid = "", deletionTimestamp } = claim.metadata ?? {};
    if (claim.status?.phase === "Bound" || deletionTimestamp !== undefined) continue;
    const volume = await client.create(PersistentVolume, {
      metadata: { name: `volume-${uid}` },
      spec: {
        capacity: { storage: "1Gi" },
        accessModes: ["ReadWriteOnce"],
        hostPath: { path: "/nowhere" },
        claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace: NAMESPACE, name, uid },
      },
    });
    const bound = {
      metadata: { annotations: { "pv.kubernetes.io/bind-completed": "yes" } },
      spec: { volumeName: volume.metadata?.name },
    };
    const next = await client.patch(PersistentVolumeClaim, keyOf(claim), bound);
    await client.updateStatus(PersistentVolumeClaim, { ...next, status: { ...next.status, phase: "Bound" } });
  }
}
