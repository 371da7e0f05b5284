// Mirrors Endpoints that people write for Services without a selector into EndpointSlices, which is what everybody reads.

import { Endpoints, Service } from "#kinds/api/core-v1.gen.ts";
import { EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import { hasSelector } from "#kinds/core/service/ports.ts";
import { MANAGED_BY_LABEL, SERVICE_NAME_LABEL } from "#kinds/discovery/endpoint-slice/plan.ts";
import { hasCause, isNotFound } from "#meta/errors.ts";
import { type DeepReadonly, type Key, keyOf, makeKey } from "#meta/object.ts";
import { type ControllerDefinition, index, watch } from "#reconcile/controller.ts";
import { isMirrored, MIRRORED_BY, planMirror } from "./plan.ts";

const BY_SERVICE = "mirrored-slices-by-service";
const MAX = 1000;

/** The Endpoints that a slice of this controller is of. */
function endpointsOf({ metadata }: DeepReadonly<EndpointSlice>): Key[] {
  const name = metadata?.labels?.[SERVICE_NAME_LABEL];
  return name !== undefined && metadata?.labels?.[MANAGED_BY_LABEL] === MIRRORED_BY ? [makeKey(metadata.namespace, name)] : [];
}

export const endpointSliceMirroringController: ControllerDefinition = {
  name: "endpointslicemirroring-controller",
  for: Endpoints,
  watches: [watch(Service, (service) => [keyOf(service)]), watch(EndpointSlice, endpointsOf)],
  indexes: [index(EndpointSlice, BY_SERVICE, endpointsOf)],
  // It counts what it made: a slice that the cache does not show yet would be made twice.
  awaitsOwnWrites: true,
  async reconcile(key, { cache, client, events, signal }) {
    const endpoints = cache(Endpoints).get(key);
    const service = cache(Service).get(key);
    const slices = cache(EndpointSlice).byIndex(BY_SERVICE, key);
    const wanted = endpoints && service && isMirrored(endpoints) && !hasSelector(service);
    const plan = wanted ? planMirror(endpoints, slices) : { create: [], update: [], remove: slices, invalid: 0, skipped: 0 };
    if (endpoints && plan.invalid > 0) {
      const text = `Skipped ${plan.invalid} invalid IP addresses when mirroring to EndpointSlices`;
      events.event({ resource: Endpoints, object: endpoints }, "Warning", "InvalidIPAddress", text);
    }
    if (endpoints && plan.skipped > 0) {
      const text = `A max of ${MAX} addresses can be mirrored to EndpointSlices per Endpoints subset. ${plan.skipped} addresses were skipped`;
      events.event({ resource: Endpoints, object: endpoints }, "Warning", "TooManyAddressesToMirror", text);
    }
    if (endpoints?.metadata?.deletionTimestamp === undefined) {
      for (const slice of plan.create) {
        await client.create(EndpointSlice, slice, { signal }).catch((error: unknown) => {
          if (!hasCause(error, "NamespaceTerminating")) throw error;
        });
      }
    }
    for (const slice of plan.update) await client.update(EndpointSlice, slice, { signal });
    for (const slice of plan.remove) {
      await client.delete(EndpointSlice, keyOf(slice), { signal }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    }
  },
};
