// Watches over nodes: an agent that falls silent makes its node's conditions Unknown, its taints follow, and its pods are
// no longer ready for anybody.

import { Lease } from "#kinds/api/coordination-v1.gen.ts";
import { Node, Pod } from "#kinds/api/core-v1.gen.ts";
import { getCondition } from "#meta/conditions.ts";
import { isConflict, isNotFound } from "#meta/errors.ts";
import { makeKey, splitKey, type DeepReadonly, type Key } from "#meta/object.ts";
import { index, watch, type ControllerDefinition, type ReconcileContext, type ReconcileResult } from "#reconcile/controller.ts";
import { formatTime } from "#meta/time.ts";
import { evictionRate, heartbeatOf, silentConditions, zoneOf } from "./health.ts";
import { noExecuteKey, taintsOf } from "./taints.ts";

export interface NodeLifecycleOptions {
  /** Silence after which a node is taken for lost; default 50 s, upstream's since v1.32. */
  readonly graceMs?: number;
  /** The same for a node that never posted a status; default 60 s. */
  readonly startupGraceMs?: number;
}

const LEASES = "kube-node-lease";
const BY_NODE = "spec.nodeName";
/** A taint that waits for its turn is looked at again so often. */
const RATE_RECHECK_MS = 5_000;

/**
 * While there are nodes it looks at one at least so often. If it did not, time was not ours: the machine slept, or its clock was set. What
 * passed then counts as no node's silence.
 */
const LOOK_MS = 12_500;
const LONGEST_GAP_MS = 25_000;

/** Pods by the node they are bound to; shared by all controllers that ask for it. */
export const podsByNode = index(Pod, BY_NODE, (pod) => (pod.spec?.nodeName ? [pod.spec.nodeName] : []));

/** What was seen of a node, on our own clock: the agent's may be wrong. */
interface Seen {
  uid: string | undefined;
  heartbeat: string;
  at: number;
  ready: string | undefined;
}

export function nodeLifecycleController(options: NodeLifecycleOptions = {}): ControllerDefinition {
  const { graceMs = 50_000, startupGraceMs = 60_000 } = options;
  const seenNodes = new Map<Key, Seen>();
  /** When the next node of a zone may be tainted. */
  const nextTaintAt = new Map<string, number>();
  let lookedAt: number | undefined;

  function followClock(now: number): void {
    const gap = now - (lookedAt ?? now);
    lookedAt = now;
    if (gap >= 0 && gap <= LONGEST_GAP_MS) return;
    for (const seen of seenNodes.values()) seen.at += gap;
    for (const [zone, at] of nextTaintAt) nextTaintAt.set(zone, at + gap);
  }

  async function reconcile(key: Key, context: ReconcileContext): Promise<ReconcileResult> {
    const { cache, client, clock, events, signal } = context;
    const cached = cache(Node).get(key);
    const { name } = splitKey(key);
    if (!cached) {
      const gone = seenNodes.get(key);
      if (gone) {
        const object = { metadata: { name, ...(gone.uid !== undefined ? { uid: gone.uid } : {}) } };
        events.event({ resource: Node, object }, "Normal", "RemovingNode", `Node ${name} event: Removing Node ${name} from Controller`);
        seenNodes.delete(key);
      }
      return;
    }
    const now = clock.now();
    followClock(now);
    const seen = look(key, cached, cache(Lease).get(makeKey(LEASES, name))?.spec?.renewTime, now, context);
    const posted = getCondition(cached.status?.conditions, "Ready");
    const lostAt = seen.at + (posted ? graceMs : startupGraceMs);

    let node = cached;
    if (now >= lostAt) {
      const conditions = silentConditions(node, formatTime(now));
      if (conditions !== node.status?.conditions && conditions.length > 0) {
        node = await client.updateStatus(Node, { ...node, status: { ...node.status, conditions } } as Node, { signal }); // only conditions are new: nothing shared is changed
      }
    }
    const ready = getCondition(node.status?.conditions, "Ready")?.status;
    // An agent that reports not being ready reports its pods too; one that is silent does not, whatever came in between.
    if (ready === "Unknown" || (ready === "False" && seen.ready === "True")) {
      if (seen.ready === "True") {
        events.event({ resource: Node, object: node }, "Normal", "NodeNotReady", `Node ${name} status is now: NodeNotReady`);
      }
      await markPodsNotReady(name, context);
    }
    seen.ready = ready;

    const { noExecute, waiting } = mayDrive(node, context, now);
    const taints = taintsOf(node, noExecute, formatTime(now));
    if (taints !== node.spec?.taints && (taints.length > 0 || node.spec?.taints?.length)) {
      const resourceVersion = node.metadata?.resourceVersion;
      await client.patch(Node, key, { metadata: { resourceVersion }, spec: { taints } }, { signal });
    }
    if (waiting) return { requeueAfterMs: RATE_RECHECK_MS };
    return { requeueAfterMs: now < lostAt ? Math.min(lostAt - now, LOOK_MS) : LOOK_MS };
  }

  /** Notes the node's heartbeat, and says what is known of it. */
  function look(key: Key, node: DeepReadonly<Node>, renewTime: string | undefined, now: number, { events }: ReconcileContext): Seen {
    const heartbeat = heartbeatOf(node, renewTime);
    const uid = node.metadata?.uid;
    let seen = seenNodes.get(key);
    if (!seen || seen.uid !== uid) {
      const posted = getCondition(node.status?.conditions, "Ready");
      const at = posted ? now : Date.parse(node.metadata?.creationTimestamp ?? "") || now;
      seen = { uid, heartbeat, at, ready: posted?.status };
      seenNodes.set(key, seen);
      const name = node.metadata?.name ?? "";
      events.event(
        { resource: Node, object: node },
        "Normal",
        "RegisteredNode",
        `Node ${name} event: Registered Node ${name} in Controller`,
      );
    } else if (seen.heartbeat !== heartbeat) {
      seen.heartbeat = heartbeat;
      seen.at = now;
    }
    return seen;
  }

  /** The NoExecute taint the node may have now; `waiting` if it should get one later. */
  function mayDrive(
    node: DeepReadonly<Node>,
    { cache }: ReconcileContext,
    now: number,
  ): { noExecute: string | undefined; waiting: boolean } {
    const noExecute = noExecuteKey(node);
    if (noExecute === undefined) return { noExecute, waiting: false };
    const current = node.spec?.taints?.find(
      ({ key, effect }) => effect === "NoExecute" && (key === noExecute || noExecuteKey(node) === key),
    );
    const zone = zoneOf(node);
    // The cache may not show yet what was just written about this node.
    const nodes = cache(Node)
      .list()
      .map((other) => (other.metadata?.uid === node.metadata?.uid ? node : other));
    const rate = evictionRate(nodes, zone);
    if (rate === "halted") return { noExecute: undefined, waiting: true };
    if (current) return { noExecute, waiting: false };
    if (rate === 0 || now < (nextTaintAt.get(zone) ?? 0)) return { noExecute: undefined, waiting: true };
    nextTaintAt.set(zone, now + 1000 / rate);
    return { noExecute, waiting: false };
  }

  return {
    name: "node-controller",
    for: Node,
    watches: [watch(Lease, ({ metadata }) => (metadata?.namespace === LEASES ? [makeKey(undefined, metadata.name ?? "")] : []))],
    reads: [Pod],
    indexes: [podsByNode],
    concurrency: 8,
    reconcile,
  };
}

async function markPodsNotReady(node: string, { cache, client, clock, events, signal }: ReconcileContext): Promise<void> {
  const now = formatTime(clock.now());
  await Promise.all(
    cache(Pod)
      .byIndex(BY_NODE, node)
      .map(async (pod) => {
        const ready = getCondition(pod.status?.conditions, "Ready");
        if (ready?.status !== "True") return;
        const conditions = pod.status?.conditions?.map((condition) =>
          condition === ready ? { ...condition, status: "False", lastTransitionTime: now } : condition,
        );
        try {
          await client.updateStatus(Pod, { ...pod, status: { ...pod.status, conditions } } as Pod, { signal }); // only conditions are new: nothing shared is changed
          events.event({ resource: Pod, object: pod }, "Warning", "NodeNotReady", "Node is not ready");
        } catch (error) {
          // Changed or gone meanwhile: if it is still said to be ready, the node's next look finds it.
          if (!isNotFound(error) && !isConflict(error)) throw error;
        }
      }),
  );
}
