// Binds claims and volumes to each other. One loop for both kinds, as each is woken by the other: a key without a namespace is a volume's.
// What is to be done is decided in decide-claim.ts and decide-volume.ts; bound.ts has the writes.

import { PersistentVolume, PersistentVolumeClaim, Pod } from "#kinds/api/core-v1.gen.ts";
import { StorageClass } from "#kinds/api/storage-v1.gen.ts";
import {
  type AnyClaim,
  type AnyVolume,
  BETA_STORAGE_PROVISIONER,
  claimClass,
  claimKeysOf,
  isFullyBound,
  STORAGE_PROVISIONER,
  volumeClass,
} from "#kinds/core/persistent-volume-claim/claims.ts";
import { isTerminal } from "#kinds/core/pod/state.ts";
import { defaultClassOf } from "#kinds/storage/storage-class/default-class.ts";
import { clone } from "#lib/clone.ts";
import { isNotFound } from "#meta/errors.ts";
import { type Key, keyOf, makeKey, splitKey } from "#meta/object.ts";
import { type ControllerDefinition, index, type ReconcileContext, type ReconcileResult, watch } from "#reconcile/controller.ts";
import { claimForVolume, claimInPhase, volumeForClaim, volumeInPhase, withoutClaim } from "./bound.ts";
import { type ClaimWorld, decideClaim, type Notice } from "./decide-claim.ts";
import { decideVolume, whyNotReclaimed } from "./decide-volume.ts";

const FREE_BY_CLASS = "free-volumes-by-class";
const VOLUMES_BY_CLAIM = "volumes-by-claim";
const UNBOUND_BY_CLASS = "unbound-claims-by-class";
const CLAIMS_BY_VOLUME = "claims-by-volume";
const PODS_BY_CLAIM = "pods-by-claim";
/** Upstream looks at everything this often; a claim that waits says so again. */
const RESYNC_MS = 15_000;

const claimRefKey = ({ spec }: AnyVolume): Key[] => (spec?.claimRef ? [makeKey(spec.claimRef.namespace, spec.claimRef.name ?? "")] : []);

export const persistentVolumeBinder: ControllerDefinition = {
  name: "persistent-volume-binder",
  eventSource: "persistentvolume-controller",
  for: PersistentVolumeClaim,
  watches: [
    watch(PersistentVolumeClaim, (claim, cache) => [
      ...(claim.spec?.volumeName ? [makeKey(undefined, claim.spec.volumeName)] : []),
      ...cache(PersistentVolume).byIndex(VOLUMES_BY_CLAIM, keyOf(claim)).map(keyOf),
    ]),
    watch(PersistentVolume, (volume, cache) => {
      const claims = cache(PersistentVolumeClaim);
      const waiting = volume.spec?.claimRef ? [] : claims.byIndex(UNBOUND_BY_CLASS, volumeClass(volume));
      const asking = claims.byIndex(CLAIMS_BY_VOLUME, volume.metadata?.name ?? "");
      return [keyOf(volume), ...claimRefKey(volume), ...[...waiting, ...asking].map(keyOf)];
    }),
    watch(StorageClass, ({ metadata }, cache) =>
      ["", metadata?.name ?? ""].flatMap((name) => cache(PersistentVolumeClaim).byIndex(UNBOUND_BY_CLASS, name).map(keyOf)),
    ),
  ],
  reads: [Pod],
  indexes: [
    index(PersistentVolume, FREE_BY_CLASS, (volume) => (volume.spec?.claimRef ? [] : [volumeClass(volume)])),
    index(PersistentVolume, VOLUMES_BY_CLAIM, claimRefKey),
    index(PersistentVolumeClaim, UNBOUND_BY_CLASS, (claim) => (isFullyBound(claim) ? [] : [claimClass(claim)])),
    index(PersistentVolumeClaim, CLAIMS_BY_VOLUME, ({ spec }) => (spec?.volumeName ? [spec.volumeName] : [])),
    index(Pod, PODS_BY_CLAIM, claimKeysOf),
  ],
  reconcile: (key, context) => (splitKey(key).namespace === "" ? syncVolume(key, context) : syncClaim(key, context)),
};

async function syncClaim(key: Key, context: ReconcileContext): Promise<ReconcileResult> {
  const { cache, client, events, signal } = context;
  const claim = cache(PersistentVolumeClaim).get(key);
  if (!claim) return;
  const about = { resource: PersistentVolumeClaim, object: claim };
  const tell = ({ type, reason, message }: Notice) => events.event(about, type, reason, message);
  const decision = decideClaim(claim, worldOf(key, claim, context));
  switch (decision.do) {
    case "bind":
      return bind(decision.volume, claim, context);
    case "lose": {
      if (claim.status?.phase === "Lost") return;
      await writeClaimStatus(claimInPhase(claim, "Lost"), context);
      return tell(decision.notice);
    }
    case "assignClass": {
      const next: PersistentVolumeClaim = clone(claim);
      next.spec = { ...next.spec, storageClassName: decision.className };
      await client.update(PersistentVolumeClaim, next, { signal });
      return;
    }
    case "askProvisioner": {
      if (claim.metadata?.annotations?.[STORAGE_PROVISIONER] !== decision.provisioner) {
        const next: PersistentVolumeClaim = clone(claim);
        const asked = { [BETA_STORAGE_PROVISIONER]: decision.provisioner, [STORAGE_PROVISIONER]: decision.provisioner };
        next.metadata = { ...next.metadata, annotations: { ...next.metadata?.annotations, ...asked } };
        await client.update(PersistentVolumeClaim, next, { signal });
      }
      tell(decision.notice);
      break;
    }
    case "tell":
      tell(decision.notice);
      break;
    case "wait":
      if (decision.notice) tell(decision.notice);
      await writeClaimStatus(claimInPhase(claim, "Pending"), context);
  }
  return { requeueAfterMs: RESYNC_MS };
}

function worldOf(key: Key, claim: AnyClaim, { cache }: ReconcileContext): ClaimWorld {
  const volumes = cache(PersistentVolume);
  const classes = cache(StorageClass);
  return {
    volume: (name) => volumes.get(makeKey(undefined, name)),
    candidates: () => [...volumes.byIndex(VOLUMES_BY_CLAIM, key), ...volumes.byIndex(FREE_BY_CLASS, claimClass(claim))],
    storageClass: (name) => classes.get(makeKey(undefined, name)),
    defaultClass: () => defaultClassOf(classes.list()),
    waitingPods: () =>
      cache(Pod)
        .byIndex(PODS_BY_CLAIM, key)
        .filter((pod) => !pod.spec?.nodeName && !isTerminal(pod))
        .map(({ metadata }) => metadata?.name ?? "")
        .toSorted(),
  };
}

/** The volume first: see bound.ts. Each write goes on from what the one before it stored, and fails if somebody came in between. */
async function bind(found: AnyVolume, unbound: AnyClaim, context: ReconcileContext): Promise<void> {
  const { client, signal } = context;
  let volume = found;
  const promised = volumeForClaim(volume, unbound);
  if (promised) volume = await client.update(PersistentVolume, promised, { signal });
  await writePhase(volume, "Bound", context);
  let claim = unbound;
  const told = claimForVolume(claim, volume);
  if (told) claim = await client.update(PersistentVolumeClaim, told, { signal });
  await writeClaimStatus(claimInPhase(claim, "Bound", volume), context);
}

async function writeClaimStatus(next: PersistentVolumeClaim | undefined, { client, signal }: ReconcileContext): Promise<void> {
  if (next) await client.updateStatus(PersistentVolumeClaim, next, { signal });
}

async function writePhase(volume: AnyVolume, phase: string, { client, signal }: ReconcileContext, message = ""): Promise<AnyVolume> {
  const next = volumeInPhase(volume, phase, message);
  return next ? client.updateStatus(PersistentVolume, next, { signal }) : volume;
}

async function syncVolume(key: Key, context: ReconcileContext): Promise<void> {
  const { cache, client, events, signal } = context;
  const volume = cache(PersistentVolume).get(key);
  if (!volume) return;
  const claim = await claimOf(volume, context);
  const decision = decideVolume(volume, claim);
  switch (decision.do) {
    case "phase":
      await writePhase(volume, decision.phase, context);
      return;
    case "unbind":
      await writePhase(await client.update(PersistentVolume, withoutClaim(volume), { signal }), "Available", context);
      return;
    case "reclaim":
      return reclaim(volume, context);
    case "tell":
      for (const [about, { type, reason, message }] of [
        [{ resource: PersistentVolume, object: volume }, decision.volume],
        [{ resource: PersistentVolumeClaim, object: claim ?? {} }, decision.claim],
      ] as const)
        events.event(about, type, reason, message);
      return;
    case "leave":
  }
}

/** The claim that the volume is bound to. Before one is called gone, and the data with it, the server is asked. */
async function claimOf(volume: AnyVolume, { cache, client, signal }: ReconcileContext): Promise<AnyClaim | undefined> {
  const [key] = claimRefKey(volume);
  const uid = volume.spec?.claimRef?.uid;
  if (key === undefined || !uid) return undefined;
  const cached = cache(PersistentVolumeClaim).get(key);
  if (cached?.metadata?.uid === uid) return cached;
  const released = volume.status?.phase === "Released" || volume.status?.phase === "Failed";
  if (!cached && released) return undefined;
  try {
    const live = await client.get(PersistentVolumeClaim, key, { signal });
    return live.metadata?.uid === uid ? live : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function reclaim(volume: AnyVolume, context: ReconcileContext): Promise<void> {
  const { phase } = volume.status ?? {};
  if (phase === "Failed") return;
  const released = phase === "Released" ? volume : await writePhase(volume, "Released", context);
  const failure = whyNotReclaimed(released);
  if (!failure) return;
  const failed = await writePhase(released, "Failed", context, failure.message);
  context.events.event({ resource: PersistentVolume, object: failed }, failure.type, failure.reason, failure.message);
}
