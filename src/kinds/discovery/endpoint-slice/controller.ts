// Keeps the EndpointSlices of Services with a selector true.

import { Node, Pod, Service } from "#kinds/api/core-v1.gen.ts";
import { EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import { hasSelector } from "#kinds/core/service/ports.ts";
import { isNotFound } from "#meta/errors.ts";
import { type DeepReadonly, type Key, keyOf, makeKey, splitKey } from "#meta/object.ts";
import { labelSetMatcher } from "#meta/selectors.ts";
import { type ControllerDefinition, index, watch } from "#reconcile/controller.ts";
import { MANAGED_BY, MANAGED_BY_LABEL, planSlices, SERVICE_NAME_LABEL } from "./plan.ts";

const BY_SERVICE = "endpointslice-by-service";
/** A pod may be seen before its node is. */
const NODE_RETRY_MS = 500;

export const endpointSliceController: ControllerDefinition = {
  name: "endpointslice-controller",
  for: Service,
  watches: [
    watch(Pod, (pod, cache) => servicesOf(pod, cache(Service).list({ namespace: pod.metadata?.namespace ?? "" }))),
    watch(EndpointSlice, (slice) => {
      const name = slice.metadata?.labels?.[SERVICE_NAME_LABEL];
      return name !== undefined && slice.metadata?.labels?.[MANAGED_BY_LABEL] === MANAGED_BY
        ? [makeKey(slice.metadata.namespace, name)]
        : [];
    }),
  ],
  reads: [Node],
  indexes: [
    index(EndpointSlice, BY_SERVICE, (slice) => {
      const name = slice.metadata?.labels?.[SERVICE_NAME_LABEL];
      return name !== undefined && slice.metadata?.labels?.[MANAGED_BY_LABEL] === MANAGED_BY
        ? [makeKey(slice.metadata.namespace, name)]
        : [];
    }),
  ],
  async reconcile(key, { cache, client, signal }) {
    const service = cache(Service).get(key);
    const slices = cache(EndpointSlice).byIndex(BY_SERVICE, key);
    // The garbage collector takes the slices of a deleted Service; one that lost its selector keeps them, as upstream.
    if (!service || service.metadata?.deletionTimestamp !== undefined || !hasSelector(service)) return;
    const { namespace } = splitKey(key);
    const selector = labelSetMatcher(service.spec?.selector);
    const pods = cache(Pod)
      .list({ namespace })
      .filter((pod) => selector.matches(pod.metadata?.labels));
    const plan = planSlices({ service, pods, slices, nodeOf: (name) => cache(Node).get(makeKey(undefined, name)) });
    for (const slice of plan.create) await client.create(EndpointSlice, slice, { signal });
    for (const slice of plan.update) await client.update(EndpointSlice, slice, { signal });
    for (const slice of plan.remove) {
      await client.delete(EndpointSlice, keyOf(slice), { signal }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    }
    return { requeueAfterMs: plan.nodesMissing ? NODE_RETRY_MS : undefined };
  },
};

/** The Services whose selector takes the pod. A Service without selector takes none. */
export function servicesOf(pod: DeepReadonly<Pod>, services: readonly DeepReadonly<Service>[]): Key[] {
  return services
    .filter((service) => hasSelector(service) && labelSetMatcher(service.spec?.selector).matches(pod.metadata?.labels))
    .map(keyOf);
}
