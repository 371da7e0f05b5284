// Waits until no balancer sends new connections to a pod, so that it can be stopped without dropping any: first the
// EndpointSlices must show that it terminates, then every live proxy must have applied them. Proxies tell by a Lease
// (src/network/proxy/proxy-lease.ts writes what this reads; the two meet only at the API).

import { Lease } from "#kinds/api/coordination-v1.gen.ts";
import { EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import type { Clock } from "#lib/clock.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { InformerSet } from "#reconcile/informer.ts";

const PROXY_LEASE_NAMESPACE = "kube-system";
const PROXY_LEASE_LABEL = "kobune.dev/component";
const PROXY_LEASE_COMPONENT = "service-proxy";
const APPLIED_REVISION_ANNOTATION = "kobune.dev/applied-revision";
const BY_POD_UID = "byPodUid";

export interface EndpointDrain {
  /** Resolves true when the pod is out of every balancer, false when `timeoutMs` passed first. Never rejects. */
  drained(podUid: string, timeoutMs: number): Promise<boolean>;
}

export function createEndpointDrain(options: { informers: InformerSet; clock: Clock }): EndpointDrain {
  const { informers, clock } = options;
  const slices = informers.informer(EndpointSlice);
  const leases = informers.informer(Lease);
  slices.addIndex(BY_POD_UID, (slice) => (slice.endpoints ?? []).flatMap((endpoint) => endpoint.targetRef?.uid ?? []));
  const isOut = (podUid: string) =>
    isDrained(podUid, slices.byIndex(BY_POD_UID, podUid), leases.list({ namespace: PROXY_LEASE_NAMESPACE }), clock.now());
  return {
    async drained(podUid, timeoutMs) {
      if (isOut(podUid)) return true;
      const over = new AbortController();
      const timer = clock.after(timeoutMs, () => over.abort());
      const check = () => isOut(podUid);
      await Promise.race([slices.until(check, over.signal), leases.until(check, over.signal)]);
      timer.cancel();
      over.abort();
      return isOut(podUid);
    },
  };
}

/** Pure. A pod in no slice has nothing to leave. */
export function isDrained(
  podUid: string,
  slices: readonly DeepReadonly<EndpointSlice>[],
  leases: readonly DeepReadonly<Lease>[],
  nowMs: number,
): boolean {
  let needed = 0;
  for (const slice of slices) {
    for (const endpoint of slice.endpoints ?? []) {
      if (endpoint.targetRef?.uid !== podUid) continue;
      if (endpoint.conditions?.ready !== false) {
        // With publishNotReadyAddresses a terminating pod stays ready to the end: there is nothing to wait for.
        if (endpoint.conditions?.terminating === true) continue;
        return false;
      }
      needed = Math.max(needed, Number(slice.metadata?.resourceVersion ?? 0));
    }
  }
  if (needed === 0) return true;
  return leases.every((lease) => {
    if (lease.metadata?.labels?.[PROXY_LEASE_LABEL] !== PROXY_LEASE_COMPONENT) return true;
    const renewedAt = Date.parse(lease.spec?.renewTime ?? "");
    const alive = nowMs - renewedAt <= (lease.spec?.leaseDurationSeconds ?? 40) * 1000;
    return !alive || Number(lease.metadata.annotations?.[APPLIED_REVISION_ANNOTATION] ?? 0) >= needed;
  });
}
