import type { PersistentVolumeClaim } from "#kinds/api/core-v1.gen.ts";
import { type DeepReadonly, makeKey } from "#meta/object.ts";
import { equal } from "#lib/equal.ts";
import type { Plugin, PodInfo, PodRefusal, Refusal } from "../framework.ts";
import type { Listers } from "../listers.ts";
import { type AnyVolume, claimClass } from "../volumes.ts";

const CONFLICT: Refusal = { reasons: ["node(s) had no available volume zone"], unresolvable: true };
const ZONE = "topology.kubernetes.io/zone";
const REGION = "topology.kubernetes.io/region";
/** Old labels and what took their place. */
const TOPOLOGY_LABELS: Readonly<Record<string, string>> = {
  "failure-domain.beta.kubernetes.io/zone": ZONE,
  "failure-domain.beta.kubernetes.io/region": REGION,
  [ZONE]: ZONE,
  [REGION]: REGION,
};

interface VolumeTopology {
  readonly key: string;
  readonly values: readonly string[];
}

/** A volume that is bound to a zone by its labels can be used in that zone only. */
export function volumeZone(listers: Pick<Listers, "claims" | "volumes" | "classes">): Plugin {
  const isClaimOf = (pod: PodInfo, claim: DeepReadonly<PersistentVolumeClaim> | undefined) =>
    claim?.metadata?.namespace === pod.namespace && pod.claims.includes(claim.metadata.name ?? "");
  return {
    name: "VolumeZone",
    filter: (pod) => {
      if (pod.claims.length === 0) return undefined;
      const topologies = topologiesOf(pod, listers);
      if ("refusal" in topologies) return topologies;
      if (topologies.length === 0) return undefined;
      return {
        check: ({ labels }) => {
          if (!Object.keys(TOPOLOGY_LABELS).some((key) => labels[key] !== undefined)) return undefined;
          const fits = topologies.every(({ key, values }) => values.includes(labels[key] ?? labels[TOPOLOGY_LABELS[key] ?? ""] ?? "\0"));
          return fits ? undefined : CONFLICT;
        },
      };
    },
    events: [
      { resource: "StorageClass", actions: ["add"], helps: (_, __, after) => after?.volumeBindingMode === "WaitForFirstConsumer" },
      { resource: "Node", actions: ["add", "labels"] },
      { resource: "PersistentVolumeClaim", actions: ["add", "update"], helps: (pod, _, after) => isClaimOf(pod, after) },
      {
        resource: "PersistentVolume",
        actions: ["add", "update"],
        helps: (_, before, after) => !before || !after || !equal(topologyOf(before), topologyOf(after)),
      },
    ],
  };
}

function topologiesOf(
  pod: PodInfo,
  { claims, volumes, classes }: Pick<Listers, "claims" | "volumes" | "classes">,
): VolumeTopology[] | PodRefusal {
  const found: VolumeTopology[] = [];
  for (const name of pod.claims) {
    if (name === "") return refuse("PersistentVolumeClaim had no name");
    const claim = claims.get(makeKey(pod.namespace, name));
    if (!claim) return refuse(`persistentvolumeclaim ${JSON.stringify(name)} not found`);
    const volumeName = claim.spec?.volumeName;
    if (volumeName) {
      const volume = volumes.get(makeKey(undefined, volumeName));
      if (!volume) return refuse(`persistentvolume ${JSON.stringify(volumeName)} not found`);
      found.push(...topologyOf(volume));
      continue;
    }
    const className = claimClass(claim);
    if (className === "") return refuse("PersistentVolumeClaim had no pv name and storageClass name");
    const storageClass = classes.get(makeKey(undefined, className));
    if (!storageClass) return refuse(`storageclass.storage.k8s.io ${JSON.stringify(className)} not found`);
    if (storageClass.volumeBindingMode === undefined)
      return refuse(`VolumeBindingMode not set for StorageClass ${JSON.stringify(className)}`);
    if (storageClass.volumeBindingMode !== "WaitForFirstConsumer") return refuse("PersistentVolume had no name");
  }
  return found;
}

/** A label may name several zones: `a__b`. */
function topologyOf({ metadata }: AnyVolume): VolumeTopology[] {
  return Object.keys(TOPOLOGY_LABELS).flatMap((key) => {
    const value = metadata?.labels?.[key];
    const values = value?.split("__").map((one) => one.trim());
    return values === undefined || values.includes("") ? [] : [{ key, values }];
  });
}

function refuse(reason: string): PodRefusal {
  return { refusal: { reasons: [reason], unresolvable: true } };
}
