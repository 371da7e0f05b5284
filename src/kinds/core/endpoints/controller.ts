// Keeps the Endpoints object of Services with a selector true, for clients that do not read EndpointSlices yet.

import { Endpoints, Pod, Service } from "#kinds/api/core-v1.gen.ts";
import { hasSelector } from "#kinds/core/service/ports.ts";
import { servicesOf } from "#kinds/discovery/endpoint-slice/controller.ts";
import { equal } from "#lib/equal.ts";
import { isAlreadyExists, isNotFound } from "#meta/errors.ts";
import { keyOf, splitKey } from "#meta/object.ts";
import { labelSetMatcher } from "#meta/selectors.ts";
import { type ControllerDefinition, watch } from "#reconcile/controller.ts";
import { MANAGED_BY, MANAGED_BY_LABEL, planEndpoints } from "./plan.ts";

export const endpointsController: ControllerDefinition = {
  name: "endpoint-controller",
  for: Service,
  watches: [
    watch(Pod, (pod, cache) => servicesOf(pod, cache(Service).list({ namespace: pod.metadata?.namespace ?? "" }))),
    watch(Endpoints, (endpoints) => (endpoints.metadata?.labels?.[MANAGED_BY_LABEL] === MANAGED_BY ? [keyOf(endpoints)] : [])),
  ],
  async reconcile(key, { cache, client, signal }) {
    const service = cache(Service).get(key);
    const present = cache(Endpoints).get(key);
    if (!service) {
      // Endpoints carry no owner reference: whoever keeps them has to remove them. Those of a Service that was deleted go
      // with it, hand-made ones too, as upstream; hand-made ones that never had a Service wake nobody and stay.
      if (!present) return;
      await client.delete(Endpoints, key, { signal }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
      return;
    }
    if (!hasSelector(service)) return;
    const { namespace } = splitKey(key);
    const selector = labelSetMatcher(service.spec?.selector);
    const pods = cache(Pod)
      .list({ namespace })
      .filter((pod) => selector.matches(pod.metadata?.labels));
    const next = planEndpoints(service, pods, present);
    if (!present) {
      await client.create(Endpoints, next, { signal }).catch((error: unknown) => {
        if (!isAlreadyExists(error)) throw error;
      });
      return;
    }
    const same =
      equal(next.subsets ?? [], present.subsets ?? []) &&
      equal(next.metadata?.labels, present.metadata?.labels) &&
      equal(next.metadata?.annotations ?? {}, present.metadata?.annotations ?? {});
    if (!same) await client.update(Endpoints, next, { signal });
  },
};
