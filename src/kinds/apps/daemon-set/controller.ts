// Keeps a pod of a DaemonSet on every node that it fits. The deciding parts are plan.ts, pods.ts and status.ts; this file reads and writes.

import { ControllerRevision, DaemonSet } from "#kinds/api/apps-v1.gen.ts";
import { Node, Pod } from "#kinds/api/core-v1.gen.ts";
import { createPods, deletePods } from "#kinds/shared/owned-pods/controller.ts";
import { clone } from "#lib/clone.ts";
import { equal } from "#lib/equal.ts";
import { controllerReference } from "#meta/controller-reference.ts";
import { controllerOf, type DeepReadonly, type Key, keyOf, type KubeObject, makeKey } from "#meta/object.ts";
import { labelSelectorMatcher } from "#meta/selectors.ts";
import { templateHash } from "#meta/template-hash.ts";
import { type ControllerDefinition, index, type ReconcileContext, watch } from "#reconcile/controller.ts";
import { byController, claim } from "#reconcile/ownership.ts";
import { createRevision, deleteRevision, renumberRevision } from "../controller-revision/controller.ts";
import { type AnyRevision, byRevision, nextRevision, REVISION_LABEL, revisionName, sameData, templatePatch } from "../revisions.ts";
import { createFailedPods, type FailedPods } from "./failed-pods.ts";
import { podsByNode, rollingUpdate, upkeep, type Upkeep, type View } from "./plan.ts";
import { type AnyDaemonSet, type AnyNode, type AnyPod, makePod, nodeFit, targetNode } from "./pods.ts";
import { observe } from "./status.ts";

const PODS_BY_NODE = "daemonset-pods-by-node";
/** Upstream's bound on pods created or deleted in one run. */
const BURST = 250;

/** Remembers failures: a fresh one for each cluster. */
export function daemonSetController(): ControllerDefinition {
  const failedPods = createFailedPods();
  return {
    name: "daemon-set-controller",
    eventSource: "daemonset-controller",
    for: DaemonSet,
    watches: [
      watch(Pod, (pod, cache) => ownersOf(pod, cache)),
      // Of revisions that are its own it has written all but the deletions.
      watch(ControllerRevision, (revision, cache) => {
        const isOwn = controllerOf(revision) !== undefined;
        return isOwn && cache(ControllerRevision).get(keyOf(revision)) ? [] : ownersOf(revision, cache);
      }),
      watch(Node, (node, cache) => setsConcerned(node, cache)),
    ],
    indexes: [
      byController(Pod),
      byController(ControllerRevision),
      index(Pod, PODS_BY_NODE, (pod) => {
        const owner = controllerOf(pod);
        return owner?.kind === "DaemonSet" ? [`${owner.uid}/${targetNode(pod) ?? ""}`] : [];
      }),
    ],
    async reconcile(key, context) {
      const set = context.cache(DaemonSet).get(key);
      if (!set) return failedPods.forget(key);
      // What a set that goes still has is nobody's to say: its revisions may be gone already.
      if (set.metadata?.deletionTimestamp !== undefined) return;
      return sync(set, failedPods, context);
    },
  };
}

/** The set that controls the object; for an orphan, all whose selector takes it. */
function ownersOf(object: DeepReadonly<KubeObject>, cache: ReconcileContext["cache"]): Key[] {
  const controller = controllerOf(object);
  const namespace = object.metadata?.namespace ?? "";
  if (controller) return controller.kind === "DaemonSet" ? [makeKey(namespace, controller.name)] : [];
  return cache(DaemonSet)
    .list({ namespace })
    .filter((set) => labelSelectorMatcher(set.spec?.selector).matches(object.metadata?.labels))
    .map(keyOf);
}

/** Sets that have something to do after a change of the node; most changes, its heartbeats above all, concern none. */
function setsConcerned(node: AnyNode, cache: ReconcileContext["cache"]): Key[] {
  const isGone = cache(Node).get(keyOf(node)) === undefined;
  const concerned = cache(DaemonSet)
    .list()
    .filter((set) => {
      if (isGone) return true;
      const { run, stay } = nodeFit(set)(node);
      const present = cache(Pod).byIndex(PODS_BY_NODE, `${set.metadata?.uid}/${node.metadata?.name}`).length > 0;
      return present ? !stay || (set.status?.numberMisscheduled ?? 0) > 0 : run;
    });
  return concerned.map(keyOf);
}

async function sync(set: AnyDaemonSet, failedPods: FailedPods, context: ReconcileContext) {
  const { cache, client, clock, signal } = context;
  const selector = labelSelectorMatcher(set.spec?.selector);
  const owner = { resource: DaemonSet, object: set };
  const selects = ({ metadata }: DeepReadonly<KubeObject>) => selector.matches(metadata?.labels);
  const pods = await claim<Pod>({ resource: Pod, owner, selects }, context);
  const revisions = await claim<ControllerRevision>({ resource: ControllerRevision, owner, selects }, context);
  const { current, old, collisionCount } = await findCurrent(set, revisions, pods, context);
  const hash = current.metadata?.labels?.[REVISION_LABEL] ?? "";

  const fit = nodeFit(set);
  const nodes = new Map(
    cache(Node)
      .list()
      .map((node) => [node.metadata?.name ?? "", { node, fit: fit(node) }]),
  );
  const view: View = { set, hash, nodes, podsByNode: podsByNode(pods), now: clock.now() };
  let waitMs: number | undefined;
  let failure: { readonly error: unknown } | undefined;
  try {
    const kept = upkeep(view);
    const ended = pickEnded(kept, view, failedPods, context);
    waitMs = ended.waitMs;
    let { create } = kept;
    let remove = [...kept.remove, ...ended.remove];
    // One thing at a time: an update looks at what upkeep has left behind.
    if (create.length + remove.length === 0 && set.spec?.updateStrategy?.type === "RollingUpdate") {
      const update = rollingUpdate(view);
      create = update.create;
      remove = [...update.remove];
    }
    const made = create.slice(0, BURST).map((nodeName) => makePod(set, hash, nodeName));
    const outcomes = [await createPods(owner, made, context), await deletePods(owner, remove.slice(0, BURST), context)];
    const refused = outcomes.find((outcome) => outcome.failure !== undefined);
    if (refused) throw refused.failure;
    await forgetRevisions(set, old, pods, context);
  } catch (error) {
    failure = { error };
  }
  const { status, recheckInMs } = observe(view, collisionCount);
  if (!equal(status, set.status)) {
    const next = clone(set) as DaemonSet; // a copy of our own
    next.status = status;
    await client.updateStatus(DaemonSet, next, { signal });
  }
  if (failure) throw failure.error;
  return { requeueAfterMs: earliest(waitMs, recheckInMs) };
}

interface Current {
  readonly current: AnyRevision;
  readonly old: readonly AnyRevision[];
  readonly collisionCount: number | undefined;
}

/** The revision of the present template, made or made the newest if it is not. */
async function findCurrent(
  set: AnyDaemonSet,
  revisions: readonly AnyRevision[],
  pods: readonly AnyPod[],
  context: ReconcileContext,
): Promise<Current> {
  const { client, signal } = context;
  const data = templatePatch(set.spec?.template);
  const labeled: AnyRevision[] = [];
  for (const revision of revisions.toSorted(byRevision)) {
    const name = revision.metadata?.name ?? "";
    if (revision.metadata?.labels?.[REVISION_LABEL] !== undefined) labeled.push(revision);
    else
      labeled.push(
        await client.patch(ControllerRevision, keyOf(revision), { metadata: { labels: { [REVISION_LABEL]: name } } }, { signal }),
      );
  }
  const old = labeled.filter((revision) => !sameData(revision, data));
  const same = labeled.filter((revision) => sameData(revision, data));
  const known = set.status?.collisionCount;
  const number = nextRevision(old);
  const kept = same.at(-1);
  if (!kept) {
    const made = await createRevision((count) => newRevision(set, data, number, count), known ?? 0, context);
    return { current: made.revision, old, collisionCount: made.collisions || known };
  }
  if (same.length > 1) {
    const label = kept.metadata?.labels?.[REVISION_LABEL] ?? "";
    for (const pod of pods) {
      if (pod.metadata?.labels?.[REVISION_LABEL] === label) continue;
      await client.patch(Pod, keyOf(pod), { metadata: { labels: { [REVISION_LABEL]: label } } }, { signal });
    }
    for (const revision of same) if (revision !== kept) await deleteRevision(revision, context);
  }
  const current = kept.revision < number ? await renumberRevision(kept, number, context) : kept;
  return { current, old, collisionCount: known };
}

function newRevision(set: AnyDaemonSet, data: object, revision: number, collisions: number): ControllerRevision {
  const hash = templateHash(set.spec?.template, collisions);
  const { annotations, name = "", namespace = "" } = set.metadata ?? {};
  return {
    apiVersion: "apps/v1",
    kind: "ControllerRevision",
    metadata: {
      name: revisionName(name, hash),
      namespace,
      labels: { ...set.spec?.template.metadata?.labels, [REVISION_LABEL]: hash },
      ...(annotations ? { annotations: { ...annotations } } : {}),
      ownerReferences: [controllerReference(DaemonSet, set)],
    },
    data,
    revision,
  };
}

/** Forgets the oldest revisions that no pod is made of, beyond the limit. */
async function forgetRevisions(set: AnyDaemonSet, old: readonly AnyRevision[], pods: readonly AnyPod[], context: ReconcileContext) {
  const excess = old.length - (set.spec?.revisionHistoryLimit ?? 10);
  if (excess <= 0) return;
  const live = new Set(pods.map((pod) => pod.metadata?.labels?.[REVISION_LABEL]));
  const unused = old.filter(({ metadata }) => !live.has(metadata?.labels?.[REVISION_LABEL]));
  for (const revision of unused.slice(0, excess)) await deleteRevision(revision, context);
}

/** Of the pods that ended, those to delete now. `waitMs`: when to look again for the others. */
function pickEnded({ ended }: Upkeep, { set, now }: View, failedPods: FailedPods, { events }: ReconcileContext) {
  const about = { resource: DaemonSet, object: set };
  const remove: AnyPod[] = [];
  let waitMs: number | undefined;
  for (const { pod, nodeName } of ended) {
    const { namespace, name } = pod.metadata ?? {};
    const where = `daemon pod ${namespace}/${name} on node ${nodeName}`;
    if (pod.status?.phase === "Succeeded") {
      events.event(about, "Normal", "SucceededDaemonPod", `Found succeeded ${where}, will try to delete it`);
    } else {
      const version = `${set.metadata?.uid}/${set.status?.observedGeneration ?? 0}`;
      const wait = failedPods.attempt(keyOf(set), version, nodeName, now);
      if (wait > 0) {
        waitMs = earliest(waitMs, wait);
        continue;
      }
      events.event(about, "Warning", "FailedDaemonPod", `Found failed ${where}, will try to kill it`);
    }
    remove.push(pod);
  }
  return { remove, waitMs };
}

function earliest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}
