// Says of each range of cluster addresses whether it may be used, and holds one that is deleted until nobody needs it.

import { IPAddress, ServiceCIDR } from "#kinds/api/networking-v1.gen.ts";
import { isManaged } from "#kinds/core/service/addresses/address-object.ts";
import { parseIp } from "#kinds/shared/ip.ts";
import { setCondition } from "#meta/conditions.ts";
import { isNotFound } from "#meta/errors.ts";
import { keyOf } from "#meta/object.ts";
import { formatTime } from "#meta/time.ts";
import { type ControllerDefinition, watch } from "#reconcile/controller.ts";
import { canDelete, overlapping } from "./plan.ts";

export const SERVICE_CIDR_FINALIZER = "networking.k8s.io/service-cidr-finalizer";
/** Addresses that were given while the deletion came about are seen by then. */
const DELETION_GRACE_MS = 10_000;

const READY = { type: "Ready", status: "True", reason: "", message: "Kubernetes Service CIDR is ready" } as const;
const TERMINATING = {
  type: "Ready",
  status: "False",
  reason: "Terminating",
  message: "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR",
} as const;

export const serviceCidrController: ControllerDefinition = {
  name: "service-cidrs-controller",
  for: ServiceCIDR,
  watches: [
    watch(ServiceCIDR, (range, cache) => overlapping(range, cache(ServiceCIDR).list()).map(keyOf)),
    watch(IPAddress, (address, cache) => {
      const ip = isManaged(address) ? parseIp(address.metadata?.name ?? "") : undefined;
      // Only a range that is going waits for addresses.
      const going = cache(ServiceCIDR)
        .list()
        .filter(({ metadata }) => metadata?.deletionTimestamp);
      return ip && going.length > 0 ? going.map(keyOf) : [];
    }),
  ],
  async reconcile(key, { cache, client, clock, signal }) {
    const range = cache(ServiceCIDR).get(key);
    if (!range) return;
    const { deletionTimestamp, finalizers = [], resourceVersion } = range.metadata ?? {};
    const update = (change: object, subresource?: "status") =>
      client.patch(ServiceCIDR, key, change, { type: "merge", signal, ...(subresource ? { subresource } : {}) }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    const tell = async (condition: typeof READY | typeof TERMINATING): Promise<void> => {
      const before = range.status?.conditions?.find(({ type }) => type === "Ready");
      if (before?.status === condition.status && (before.reason ?? "") === condition.reason && before.message === condition.message) return;
      const now = formatTime(clock.now());
      const conditions = setCondition(range.status?.conditions, { ...condition, lastTransitionTime: now }, now);
      await update({ metadata: { resourceVersion }, status: { conditions } }, "status");
    };
    const held = finalizers.includes(SERVICE_CIDR_FINALIZER);
    if (!deletionTimestamp) {
      if (!held) await update({ metadata: { resourceVersion, finalizers: [...finalizers, SERVICE_CIDR_FINALIZER] } });
      else await tell(READY);
      return;
    }
    if (!held) return;
    if (!canDelete(range, cache(ServiceCIDR).list(), cache(IPAddress).list())) {
      await tell(TERMINATING);
      return;
    }
    const left = DELETION_GRACE_MS - (clock.now() - Date.parse(deletionTimestamp));
    if (left > 0) return { requeueAfterMs: left };
    await update({ metadata: { resourceVersion, finalizers: finalizers.filter((name) => name !== SERVICE_CIDR_FINALIZER) } });
  },
};
