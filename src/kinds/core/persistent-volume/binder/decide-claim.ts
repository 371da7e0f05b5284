// What is to be done for a claim. Pure. Rules: syncClaim of controller/volume/persistentvolume.

import type { StorageClass } from "#kinds/api/storage-v1.gen.ts";
import {
  type AnyClaim,
  type AnyVolume,
  BIND_COMPLETED,
  BOUND_BY_CONTROLLER,
  claimClass,
  hasClass,
  SELECTED_NODE,
} from "#kinds/core/persistent-volume-claim/claims.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { findVolume, isMeantFor, whyUnfit } from "./matching.ts";

export interface Notice {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export type ClaimDecision =
  | { readonly do: "bind"; readonly volume: AnyVolume }
  /** Told each time. */
  | { readonly do: "wait"; readonly notice?: Notice }
  /** Told when the phase changes. */
  | { readonly do: "lose"; readonly notice: Notice }
  | { readonly do: "assignClass"; readonly className: string }
  | { readonly do: "askProvisioner"; readonly provisioner: string; readonly notice: Notice }
  /** Nothing can be written that would help. */
  | { readonly do: "tell"; readonly notice: Notice };

/** What a claim's fate depends on, besides itself. */
export interface ClaimWorld {
  readonly volume: (name: string) => AnyVolume | undefined;
  /** Volumes that the claim might get: of its class, or meant for it. */
  readonly candidates: () => Iterable<AnyVolume>;
  readonly storageClass: (name: string) => DeepReadonly<StorageClass> | undefined;
  readonly defaultClass: () => DeepReadonly<StorageClass> | undefined;
  /** Names of pods that use the claim and have no node yet. */
  readonly waitingPods: () => readonly string[];
}

const LOST_VOLUME = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
const LOST_REFERENCE = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!";
const MISBOUND = "Two claims are bound to the same volume, this one is bound incorrectly";

export function decideClaim(claim: AnyClaim, world: ClaimWorld): ClaimDecision {
  if (claim.metadata?.annotations?.[BIND_COMPLETED] !== undefined) return decideBound(claim, world);
  const volumeName = claim.spec?.volumeName;
  return volumeName ? decideRequested(claim, volumeName, world) : decideUnbound(claim, world);
}

function decideBound(claim: AnyClaim, { volume: volumeOf }: ClaimWorld): ClaimDecision {
  const lose = (reason: string, message: string): ClaimDecision => ({ do: "lose", notice: { type: "Warning", reason, message } });
  const name = claim.spec?.volumeName;
  if (!name) return lose("ClaimLost", LOST_REFERENCE);
  const volume = volumeOf(name);
  if (!volume) return lose("ClaimLost", LOST_VOLUME);
  const ref = volume.spec?.claimRef;
  if (ref && ref.uid !== claim.metadata?.uid) return lose("ClaimMisbound", MISBOUND);
  return { do: "bind", volume };
}

/** The claim asks for a volume by name. */
function decideRequested(claim: AnyClaim, volumeName: string, { volume: volumeOf }: ClaimWorld): ClaimDecision {
  const volume = volumeOf(volumeName);
  if (!volume) return { do: "wait" };
  if (volume.spec?.claimRef) {
    if (isMeantFor(volume, claim)) return { do: "bind", volume };
    const notice: Notice = {
      type: "Warning",
      reason: "FailedBinding",
      message: `volume "${volumeName}" already bound to a different claim.`,
    };
    // The claim was bound by us, and somebody took the mark of it off: its phase says nothing any more.
    return { do: claim.metadata?.annotations?.[BOUND_BY_CONTROLLER] === undefined ? "wait" : "tell", notice };
  }
  const unfit = whyUnfit(claim, volume);
  if (unfit === undefined) return { do: "bind", volume };
  const message = `Cannot bind to requested volume "${volumeName}": ${unfit}`;
  return { do: "wait", notice: { type: "Warning", reason: "VolumeMismatch", message } };
}

function decideUnbound(claim: AnyClaim, world: ClaimWorld): ClaimDecision {
  const className = claimClass(claim);
  const storageClass = className === "" ? undefined : world.storageClass(className);
  const delayed = storageClass?.volumeBindingMode === "WaitForFirstConsumer";
  const volume = findVolume(claim, world.candidates(), delayed);
  if (volume) return { do: "bind", volume };
  if (!hasClass(claim)) {
    const assigned = world.defaultClass()?.metadata?.name;
    if (assigned !== undefined) return { do: "assignClass", className: assigned };
  }
  if (delayed && claim.metadata?.annotations?.[SELECTED_NODE] === undefined) return { do: "wait", notice: waiting(world.waitingPods()) };
  if (className === "") {
    const message = "no persistent volumes available for this claim and no storage class is set";
    return { do: "wait", notice: { type: "Normal", reason: "FailedBinding", message } };
  }
  return provision(className, storageClass);
}

function waiting(pods: readonly string[]): Notice {
  if (pods.length === 0) {
    const message = "waiting for first consumer to be created before binding";
    return { type: "Normal", reason: "WaitForFirstConsumer", message };
  }
  const message = `waiting for pod${pods.length > 1 ? "s" : ""} ${pods.join(",")} to be scheduled`;
  return { type: "Normal", reason: "WaitForPodScheduled", message };
}

function provision(className: string, storageClass: DeepReadonly<StorageClass> | undefined): ClaimDecision {
  const fail = (message: string): ClaimDecision => ({ do: "tell", notice: { type: "Warning", reason: "ProvisioningFailed", message } });
  if (!storageClass) return fail(`storageclass.storage.k8s.io "${className}" not found`);
  const { provisioner } = storageClass;
  // Names that are upstream's own: none of them makes volumes any more.
  if (provisioner.startsWith("kubernetes.io/")) return fail(`no volume plugin matched name: ${provisioner}`);
  const message =
    `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. ` +
    `If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
  return { do: "askProvisioner", provisioner, notice: { type: "Normal", reason: "ExternalProvisioning", message } };
}
