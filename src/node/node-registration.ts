// Makes the node known, keeps its status true and its Lease fresh.

import { Lease } from "#kinds/api/coordination-v1.gen.ts";
import { Node } from "#kinds/api/core-v1.gen.ts";
import type { Client } from "#client/client.ts";
import type { Clock } from "#lib/clock.ts";
import { createBackoff } from "#lib/backoff.ts";
import type { Logger } from "#lib/log.ts";
import { isAlreadyExists, isConflict, isNotFound } from "#meta/errors.ts";
import { formatMicroTime } from "#meta/time.ts";
import { newNode, nodeAnnotations, nodeLabels, nodeStatus, type NodeFacts } from "./node-status.ts";

const LEASE_NAMESPACE = "kube-node-lease";
/** The kubelet renews it when a quarter has passed. */
const LEASE_SECONDS = 40;
const STATUS_MS = 300_000;

/** How an agent says that its node lives. */
export interface Heartbeat {
  /** The lease is renewed when a quarter of this has passed, as the kubelet's nodeLeaseDurationSeconds. */
  readonly leaseSeconds: number;
  /**
   * Writes are made at multiples of this: many agents of one process share commits, watch chunks and, on a virtual clock, steps of time. They
   * are spread over the period by their first one.
   */
  readonly slotMs: number;
}

export interface NodeRegistration {
  /** Resolves when the node is in the API for the first time. */
  readonly registered: Promise<void>;
  stop(): Promise<void>;
}

export function registerNode(options: {
  readonly facts: NodeFacts;
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Default: the kubelet's, each node on its own. */
  readonly heartbeat?: Heartbeat | undefined;
}): NodeRegistration {
  const { facts, client, clock, log, random, heartbeat } = options;
  const leaseSeconds = heartbeat?.leaseSeconds ?? LEASE_SECONDS;
  const stop = new AbortController();
  const { signal } = stop;
  const first = Promise.withResolvers<void>();
  const nodeKey = `/${facts.name}`;
  const leaseKey = `${LEASE_NAMESPACE}/${facts.name}`;
  let lease: Lease | undefined;

  const writeNode = async () => {
    try {
      const node = await client.get(Node, nodeKey, { signal });
      const wanted = { labels: nodeLabels(facts), annotations: nodeAnnotations(facts) };
      const lacks = (type: "labels" | "annotations") =>
        Object.entries(wanted[type]).some(([name, value]) => node.metadata?.[type]?.[name] !== value);
      if (lacks("labels") || lacks("annotations")) {
        await client.patch(Node, nodeKey, { metadata: wanted }, { type: "strategic", signal });
      }
      // As a patch: conditions of others stay.
      await client.patch(
        Node,
        nodeKey,
        { status: nodeStatus(facts, node.status, clock.now()) },
        { type: "strategic", subresource: "status", signal },
      );
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const node = newNode(facts, clock.now());
      try {
        await client.create(Node, node, { signal });
      } catch (refusal) {
        if (!isAlreadyExists(refusal)) throw refusal;
      }
      await client.patch(Node, nodeKey, { status: node.status }, { type: "strategic", subresource: "status", signal });
    }
  };

  const renewLease = async () => {
    const spec = { holderIdentity: facts.name, leaseDurationSeconds: leaseSeconds, renewTime: formatMicroTime(clock.now()) };
    try {
      if (lease !== undefined) {
        lease = await client.update(Lease, { ...lease, spec }, { signal });
        return;
      }
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) throw error;
      lease = undefined;
    }
    try {
      const existing = await client.get(Lease, leaseKey, { signal });
      lease = await client.update(Lease, { ...existing, spec }, { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const metadata = { name: facts.name, namespace: LEASE_NAMESPACE };
      lease = await client.create(Lease, { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec }, { signal });
    }
  };

  /** Nodes of one process do not write all at once: by jitter, or spread over slots from the first time on. */
  const waitOf = (periodMs: number, isFirst: boolean): number => {
    if (!heartbeat) return periodMs * (1 + random() * 0.04);
    const { slotMs } = heartbeat;
    const wantedMs = isFirst ? periodMs * random() : periodMs;
    return Math.max(slotMs, wantedMs - ((clock.now() + wantedMs) % slotMs));
  };

  /** Does `work` every `periodMs`, sooner again when it failed. */
  const repeat = async (what: string, periodMs: number, work: () => Promise<void>) => {
    let isFirst = true;
    const backoff = createBackoff({ initialMs: 200, maxMs: 7000, jitter: 0.2, random });
    while (!signal.aborted) {
      let delayMs = waitOf(periodMs, isFirst);
      try {
        await work();
        backoff.reset();
        isFirst = false;
      } catch (error) {
        if (signal.aborted) return;
        delayMs = backoff.next();
        log.warn(what, { error: error instanceof Error ? error.message : error });
      }
      await clock.sleep(delayMs, signal).catch(() => {}); // only rejects when stopped: the loop's condition sees it
    }
  };
  const loops = Promise.all([
    repeat("cannot write node status", STATUS_MS, async () => {
      await writeNode();
      first.resolve();
    }),
    repeat("cannot renew node lease", leaseSeconds * 250, renewLease),
  ]);

  return {
    registered: first.promise,
    async stop() {
      stop.abort();
      await loops;
    },
  };
}
