// One of several identities leads at a time, by holding a Lease and renewing it. The algorithm and figures are client-go's:
// a lease is taken over only after its holder was silent for the whole duration as seen by the taker's own clock.

import type { Client } from "#client/client.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { isConflict, isNotFound } from "#meta/errors.ts";
import { makeKey, type KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
import type { EventRecorder } from "./events.ts";
import { formatMicroTime } from "#meta/time.ts";

/** coordination.k8s.io/v1 Lease, as far as it is used here. */
interface Lease extends KubeObject {
  spec?: LeaseSpec;
}

interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}

const leases: Resource<Lease> = { group: "coordination.k8s.io", version: "v1", kind: "Lease", plural: "leases", namespaced: true };

export interface LeaderElectOptions {
  readonly client: Client;
  /** Name of the lease. */
  readonly name: string;
  /** Default kube-system. */
  readonly namespace?: string;
  /** Unique among all that may lead. */
  readonly identity: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Told about changes of leadership, if given. */
  readonly events?: EventRecorder;
  /** Stops; a held lease is given up. */
  readonly signal: AbortSignal;
  /** Runs while leading. Its signal aborts when leadership is lost; it should then resolve soon. */
  readonly lead: (signal: AbortSignal) => Promise<void>;
  /** How long others wait before they take over; default 15 s. */
  readonly leaseDurationMs?: number;
  /** How long the leader tries to renew before it stops leading; default 10 s. */
  readonly renewDeadlineMs?: number;
  /** Time between attempts; default 2 s. */
  readonly retryPeriodMs?: number;
}

/** client-go's jitter of attempts to acquire. */
const JITTER = 1.2;

/**
 * Leads once: waits to acquire, runs `lead` until it ends, leadership is lost, or the signal aborts. Resolves to why it ended;
 * call again to stand for election again.
 */
export async function leaderElect(options: LeaderElectOptions): Promise<"stopped" | "lost" | "finished"> {
  const { client, name, identity, clock, log, random, signal } = options;
  const namespace = options.namespace ?? "kube-system";
  const leaseDurationMs = options.leaseDurationMs ?? 15_000;
  const renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
  const retryPeriodMs = options.retryPeriodMs ?? 2_000;
  const key = makeKey(namespace, name);
  /** The last record seen, and when it was first seen on our clock: clocks of others are not trusted. */
  let seen: { readonly record: string; readonly at: number } | undefined;

  /** Acquires or renews; whether this identity holds the lease now. Rejects if the server cannot be asked. */
  async function tryHold(): Promise<boolean> {
    const now = clock.now();
    const mine: LeaseSpec = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.round(leaseDurationMs / 1000),
      acquireTime: formatMicroTime(now),
      renewTime: formatMicroTime(now),
      leaseTransitions: 0,
    };
    let lease: Lease;
    try {
      lease = await client.get(leases, key, { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const created = await client.create(leases, { metadata: { name, namespace }, spec: mine }, { signal });
      options.events?.event({ resource: leases, object: created }, "Normal", "LeaderElection", `${identity} became leader`);
      return true;
    }
    const held = lease.spec ?? {};
    const record = JSON.stringify(held);
    if (seen?.record !== record) seen = { record, at: now };
    const free = !held.holderIdentity;
    const own = held.holderIdentity === identity;
    if (!free && !own && seen.at + (held.leaseDurationSeconds ?? 0) * 1000 > now) return false;
    mine.leaseTransitions = (held.leaseTransitions ?? 0) + (own ? 0 : 1);
    if (own && held.acquireTime !== undefined) mine.acquireTime = held.acquireTime;
    const written = await client.update(leases, { ...lease, spec: { ...held, ...mine } }, { signal });
    seen = { record: JSON.stringify(written.spec ?? {}), at: now };
    if (!own) options.events?.event({ resource: leases, object: written }, "Normal", "LeaderElection", `${identity} became leader`);
    return true;
  }

  const attempt = async (): Promise<boolean> => {
    try {
      return await tryHold();
    } catch (error) {
      if (!signal.aborted && !isConflict(error))
        log.warn("lease could not be held", { lease: key, error: error instanceof Error ? error.message : error });
      return false;
    }
  };

  while (!(await attempt())) {
    await clock.sleep(retryPeriodMs * (1 + JITTER * random()), signal).catch(() => {}); // only rejects when stopped, looked at next
    if (signal.aborted) return "stopped";
  }
  if (signal.aborted) return "stopped";
  log.info("became leader", { lease: key, identity });

  const leading = new AbortController();
  const onStop = () => leading.abort();
  signal.addEventListener("abort", onStop, { once: true });
  let lost = false;
  const renewing = (async () => {
    let renewedAt = clock.now();
    while (!leading.signal.aborted) {
      await clock.sleep(retryPeriodMs, leading.signal).catch(() => {}); // as above
      if (leading.signal.aborted) return;
      if (await attempt()) renewedAt = clock.now();
      else if (clock.now() - renewedAt >= renewDeadlineMs) {
        lost = true;
        leading.abort();
      }
    }
  })();
  try {
    await options.lead(leading.signal);
  } finally {
    leading.abort();
    signal.removeEventListener("abort", onStop);
    await renewing;
    if (!lost) await release();
  }
  if (lost) {
    log.error("lost leadership", { lease: key, identity });
    return "lost";
  }
  return signal.aborted ? "stopped" : "finished";

  /** Lets the next leader start at once instead of after the lease's duration. */
  async function release(): Promise<void> {
    try {
      const lease = await client.get(leases, key);
      if (lease.spec?.holderIdentity !== identity) return;
      const now = formatMicroTime(clock.now());
      const spec = { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: now, acquireTime: now };
      await client.update(leases, { ...lease, spec });
    } catch (error) {
      log.debug("lease could not be released", { lease: key, error });
    }
  }
}
