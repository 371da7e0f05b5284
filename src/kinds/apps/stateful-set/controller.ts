// Keeps the numbered pods of a StatefulSet, and their claims. The deciding parts are plan.ts, claims.ts and status.ts; this file reads and writes.

import { ControllerRevision, StatefulSet } from "#kinds/api/apps-v1.gen.ts";
import { PersistentVolumeClaim, Pod, type PodTemplateSpec } from "#kinds/api/core-v1.gen.ts";
import { defaultPodTemplate } from "#kinds/core/pod/pod-spec/defaults.ts";
import { messageOf } from "#kinds/shared/owned-pods/controller.ts";
import { clone } from "#lib/clone.ts";
import { equal } from "#lib/equal.ts";
import { slowStart } from "#lib/slow-start.ts";
import { isAlreadyExists, isNotFound } from "#meta/errors.ts";
import { controllerOf, type Key, keyOf, makeKey } from "#meta/object.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import { templateHash } from "#meta/template-hash.ts";
import { type ControllerDefinition, type ReconcileContext, watch } from "#reconcile/controller.ts";
import { byController, claim } from "#reconcile/ownership.ts";
import { createRevision, deleteRevision, renumberRevision } from "../controller-revision/controller.ts";
import { type AnyRevision, byRevision, nextRevision, revisionName, sameData, templateOf, templatePatch } from "../revisions.ts";
import { bornOwners, hasUnexpectedController, ownersToBe } from "./claims.ts";
import {
  type AnyPod,
  type AnyStatefulSet,
  claimNames,
  claimsFor,
  isMember,
  makePod,
  ordinalOf,
  podNameOf,
  repairedPod,
  revisionOfPod,
  setReference,
} from "./identity.ts";
import { planStatefulSet, type Plan, type Step, type View } from "./plan.ts";
import { observe, statusChanged } from "./status.ts";

/** Upstream's label with the hash in the revision's name. */
const HASH_LABEL = "controller.kubernetes.io/hash";
/** Upstream's bound on pods that a parallel set writes at once. */
const MAX_BATCH = 500;

/** What a run writes for. */
interface Work extends ReconcileContext {
  readonly set: AnyStatefulSet;
  readonly templates: Readonly<Record<"current" | "update", { readonly name: string; readonly template: PodTemplateSpec }>>;
  /** Pods taken away for the update in this run. */
  replaced: number;
}

interface Revisions {
  readonly all: readonly AnyRevision[];
  readonly current: AnyRevision;
  readonly update: AnyRevision;
  readonly collisions: number;
}

export const statefulSetController: ControllerDefinition = {
  name: "statefulset-controller",
  for: StatefulSet,
  watches: [
    watch(Pod, (pod, cache) => ownersOf(pod, cache)),
    // A pod may wait for a claim of its predecessor to be gone.
    watch(PersistentVolumeClaim, (volumeClaim, cache) => {
      const { namespace, name = "" } = volumeClaim.metadata ?? {};
      if (cache(PersistentVolumeClaim).get(makeKey(namespace, name))) return [];
      const ordinal = Number(/-(\d+)$/.exec(name)?.[1] ?? NaN);
      if (Number.isNaN(ordinal)) return [];
      const sets = cache(StatefulSet).list({ namespace: namespace ?? "" });
      return sets.filter((set) => claimNames(set, ordinal).includes(name)).map(keyOf);
    }),
  ],
  reads: [ControllerRevision],
  indexes: [byController(Pod), byController(ControllerRevision)],
  async reconcile(key, context) {
    const set = context.cache(StatefulSet).get(key);
    if (!set) return;
    const pods = await claimPods(set, context);
    // Nothing is made for a set that goes: its revisions may be gone already.
    if (set.metadata?.deletionTimestamp !== undefined) {
      const { currentRevision = "", updateRevision = "", collisionCount = 0 } = set.status ?? {};
      await writeStatus(viewOf(set, currentRevision, updateRevision, pods, context), collisionCount, 0, context);
      return;
    }
    const revisions = await findRevisions(set, context);
    const { current, update } = revisions;
    const work: Work = {
      ...context,
      set,
      templates: { current: keptTemplate(set, current), update: keptTemplate(set, update) },
      replaced: 0,
    };
    const view = viewOf(set, nameOf(current), nameOf(update), pods, context);
    let failure: { readonly error: unknown } | undefined;
    try {
      await execute(planStatefulSet(view), work);
    } catch (error) {
      failure = { error };
    }
    const recheckInMs = await writeStatus(view, revisions.collisions, work.replaced, context);
    await forgetRevisions(set, revisions, pods, context);
    if (failure) throw failure.error;
    return { requeueAfterMs: recheckInMs };
  },
};

const nameOf = (revision: AnyRevision) => revision.metadata?.name ?? "";

/** The set that controls the pod; for an orphan, all whose selector takes it. */
function ownersOf(pod: AnyPod, cache: ReconcileContext["cache"]): Key[] {
  const controller = controllerOf(pod);
  const namespace = pod.metadata?.namespace ?? "";
  if (controller) return controller.kind === "StatefulSet" ? [makeKey(namespace, controller.name)] : [];
  return cache(StatefulSet)
    .list({ namespace })
    .filter((set) => isMember(set, pod) && labelSelectorMatcher(set.spec?.selector).matches(pod.metadata?.labels))
    .map(keyOf);
}

function claimPods(set: AnyStatefulSet, context: ReconcileContext): Promise<AnyPod[]> {
  const selector = labelSelectorMatcher(set.spec?.selector);
  const selects = (pod: AnyPod) => isMember(set, pod) && selector.matches(pod.metadata?.labels);
  return claim<Pod>({ resource: Pod, owner: { resource: StatefulSet, object: set }, selects }, context);
}

function viewOf(
  set: AnyStatefulSet,
  currentRevision: string,
  updateRevision: string,
  pods: readonly AnyPod[],
  { cache, clock }: ReconcileContext,
): View {
  const claims = cache(PersistentVolumeClaim);
  const namespace = set.metadata?.namespace;
  return { set, currentRevision, updateRevision, pods, claimOf: (name) => claims.get(makeKey(namespace, name)), now: clock.now() };
}

/** The revision of the present template, made or made the newest if it is not, and the one that the pods were made of before. */
async function findRevisions(set: AnyStatefulSet, context: ReconcileContext): Promise<Revisions> {
  const selector = labelSelectorMatcher(set.spec?.selector);
  const matches = ({ metadata }: AnyRevision) => selector.matches(metadata?.labels);
  // One whose labels were changed is passed over, not released: it goes with the set.
  const selects = (revision: AnyRevision) => controllerOf(revision) !== undefined || matches(revision);
  const owner = { resource: StatefulSet, object: set };
  const claimed = await claim<ControllerRevision>({ resource: ControllerRevision, owner, selects }, context);
  const all = claimed.filter(matches).toSorted(byRevision);
  const known = set.status?.collisionCount ?? 0;
  const { update, collisions } = await findUpdate(set, all, known, context);
  const current = all.find((revision) => nameOf(revision) === set.status?.currentRevision) ?? update;
  return { all, current, update, collisions };
}

async function findUpdate(
  set: AnyStatefulSet,
  all: readonly AnyRevision[],
  collisions: number,
  context: ReconcileContext,
): Promise<{ readonly update: AnyRevision; readonly collisions: number }> {
  const data = templatePatch(set.spec?.template);
  const latest = all.at(-1);
  const same = all.findLast((revision) => sameData(revision, data));
  if (same) return { update: same === latest ? same : await renumberRevision(same, nextRevision(all), context), collisions };
  if (latest && restoresTo(latest, data)) return { update: latest, collisions };
  const made = await createRevision((count) => newRevision(set, data, nextRevision(all), count), collisions, context);
  return { update: made.revision, collisions: made.collisions };
}

/** The revision, written before some field had a default, gives the same template today. */
function restoresTo(revision: AnyRevision, data: object): boolean {
  const template = templateOf(revision);
  if (!template) return false;
  defaultPodTemplate(template);
  return equal(templatePatch(template), data);
}

function newRevision(set: AnyStatefulSet, data: object, revision: number, collisions: number): ControllerRevision {
  const hash = templateHash(data, collisions);
  const { annotations } = set.metadata ?? {};
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: revisionName(set.metadata?.name ?? "", hash),
      namespace: set.metadata?.namespace ?? "",
      labels: { ...set.spec?.template.metadata?.labels, [HASH_LABEL]: hash },
      ...(annotations ? { annotations: { ...annotations } } : {}),
      ownerReferences: [setReference(set)],
    },
    data,
    revision,
  };
}

function keptTemplate(set: AnyStatefulSet, revision: AnyRevision): { readonly name: string; readonly template: PodTemplateSpec } {
  // One without a template was not written by us: the set's own is the best that there is.
  return { name: nameOf(revision), template: templateOf(revision) ?? (clone(set.spec?.template ?? {}) as PodTemplateSpec) };
}

/** Forgets the oldest revisions that no pod is made of, beyond the limit. */
async function forgetRevisions(set: AnyStatefulSet, revisions: Revisions, pods: readonly AnyPod[], context: ReconcileContext) {
  const limit = set.spec?.revisionHistoryLimit ?? 10;
  if (limit < 0) return;
  const live = new Set([nameOf(revisions.current), nameOf(revisions.update), ...pods.map(revisionOfPod)]);
  const history = revisions.all.filter((revision) => !live.has(nameOf(revision)));
  for (const revision of history.slice(0, Math.max(0, history.length - limit))) await deleteRevision(revision, context);
}

async function execute({ groups, ordered }: Plan, work: Work): Promise<void> {
  for (const group of groups) {
    if (ordered) for (const step of group) await run(step, work);
    else await slowStart(group, (step) => run(step, work), MAX_BATCH);
  }
}

async function run(step: Step, work: Work): Promise<void> {
  switch (step.action) {
    case "create": {
      const { name, template } = work.templates[step.revision];
      return create(makePod(work.set, template, name, step.ordinal), step.ordinal, work);
    }
    case "replace":
      await remove(step.pod, work);
      work.replaced++;
      return;
    case "delete":
      return remove(step.pod, work);
    case "claims":
      await createClaims(ordinalOf(step.pod), work);
      return told("Update", step.pod, work, () => ownClaims(step.pod, work), { onlyFailure: true });
    case "repair":
      return told("Update", step.pod, work, () => repair(step.pod, work));
  }
}

/** Says in an event how it ended. */
async function told(
  verb: "Create" | "Update" | "Delete",
  pod: AnyPod,
  { set, events }: Work,
  act: () => Promise<unknown>,
  { onlyFailure = false }: { readonly onlyFailure?: boolean } = {},
): Promise<void> {
  const about = { resource: StatefulSet, object: set };
  const what = `${verb} Pod ${pod.metadata?.name} in StatefulSet ${set.metadata?.name}`;
  try {
    await act();
  } catch (error) {
    // Somebody else's pod has the name; upstream keeps quiet about it and tries again.
    if (!isAlreadyExists(error)) events.event(about, "Warning", `Failed${verb}`, `${what} failed error: ${messageOf(error)}`);
    throw error;
  }
  if (!onlyFailure) events.event(about, "Normal", `Successful${verb}`, `${what} successful`);
}

async function create(pod: Pod, ordinal: number, work: Work): Promise<void> {
  const { client, signal } = work;
  await told("Create", pod, work, async () => {
    await createClaims(ordinal, work);
    await client.create(Pod, pod, { signal });
  });
}

async function remove(pod: AnyPod, work: Work): Promise<void> {
  const { client, signal } = work;
  await told("Delete", pod, work, async () => {
    try {
      await client.delete(Pod, keyOf(pod), { preconditions: { uid: pod.metadata?.uid ?? "" }, signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  });
}

async function repair(pod: AnyPod, work: Work): Promise<void> {
  const { client, signal, set } = work;
  await createClaims(ordinalOf(pod), work);
  await ownClaims(pod, work);
  const next = repairedPod(set, pod);
  if (!equal(next, pod)) await client.update(Pod, next, { signal });
}

/** Creates the claims of a number that are not there. */
async function createClaims(ordinal: number, { set, cache, client, events, signal }: Work): Promise<void> {
  if (!set.spec?.volumeClaimTemplates?.length) return;
  const about = { resource: StatefulSet, object: set };
  const podName = podNameOf(set, ordinal);
  const failures: string[] = [];
  for (const wanted of claimsFor(set, ordinal, bornOwners(set))) {
    const name = wanted.metadata?.name ?? "";
    const present = cache(PersistentVolumeClaim).get(keyOf(wanted));
    if (present?.metadata?.deletionTimestamp !== undefined) failures.push(`pvc ${name} is being deleted`);
    if (present) continue;
    try {
      await client.create(PersistentVolumeClaim, wanted, { signal });
      const message = `Create Claim ${name} Pod ${podName} in StatefulSet ${set.metadata?.name} success`;
      events.event(about, "Normal", "SuccessfulCreate", message);
    } catch (error) {
      if (isAlreadyExists(error)) continue;
      const message = `Create Claim ${name} for Pod ${podName} in StatefulSet ${set.metadata?.name} failed error: ${messageOf(error)}`;
      events.event(about, "Warning", "FailedCreate", message);
      failures.push(`failed to create PVC ${name}: ${messageOf(error)}`);
    }
  }
  if (failures.length > 0) throw new Error(failures.length === 1 ? failures[0] : `[${failures.join(", ")}]`);
}

/** Gives the pod's claims the owners that the retention policy asks for. */
async function ownClaims(pod: AnyPod, { set, cache, client, events, signal }: Work): Promise<void> {
  for (const name of claimNames(set, ordinalOf(pod))) {
    const present = cache(PersistentVolumeClaim).get(makeKey(set.metadata?.namespace, name));
    if (!present) continue;
    if (hasUnexpectedController(present, set, pod)) {
      const message = `PersistentVolumeClaim ${name} has a conflicting OwnerReference that acts as a manging controller, the retention policy is ignored for this claim`;
      events.event({ resource: StatefulSet, object: set }, "Warning", "ConflictingController", message);
    }
    const owners = ownersToBe(present, set, pod);
    if (!owners) continue;
    const next = clone(present) as PersistentVolumeClaim; // a copy of our own
    const { ownerReferences: _, ...metadata } = next.metadata ?? {};
    next.metadata = { ...metadata, ...(owners.length > 0 ? { ownerReferences: owners } : {}) };
    try {
      await client.update(PersistentVolumeClaim, next, { signal });
    } catch (error) {
      throw new Error(`could not update claim ${name} for delete policy ownerRefs: ${messageOf(error)}`, { cause: error });
    }
  }
}

/** Answers when a pod that is ready will count as available. */
async function writeStatus(view: View, collisions: number, replaced: number, { client, signal }: ReconcileContext) {
  const { set } = view;
  const { status, recheckInMs } = observe(view, collisions, replaced);
  if (statusChanged(set.status as Partial<typeof status> | undefined, status)) {
    const next = clone(set) as StatefulSet; // a copy of our own
    next.status = status;
    await client.updateStatus(StatefulSet, next, { signal });
  }
  return recheckInMs;
}
