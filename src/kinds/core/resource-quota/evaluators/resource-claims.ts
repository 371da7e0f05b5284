// What ResourceClaims use: their number, and devices per class.

import type { ResourceClaim } from "#kinds/api/resource-v1.gen.ts";
import { addTo, ONE, raiseTo } from "#kinds/core/resource-quota/amounts.ts";
import { quantityOf, type Quantity } from "#meta/quantity.ts";
import type { Evaluator } from "./evaluator.ts";

const COUNT = "count/resourceclaims.resource.k8s.io";
const OF_CLASS = ".deviceclass.resource.k8s.io/devices";
/** Who asks for all devices may get as many as a claim can hold. */
const MOST_DEVICES = 32;

export const resourceClaims: Evaluator = {
  measures: (name) => name === COUNT || name.endsWith(OF_CLASS),
  handles: ({ subresource }) => subresource === "",
  usage(object) {
    const { spec } = object as ResourceClaim; // only asked of claims
    const usage = new Map<string, Quantity>([[COUNT, ONE]]);
    for (const { exactly, firstAvailable = [] } of spec?.devices?.requests ?? []) {
      // Of alternatives the one that takes most of a class counts.
      const most = new Map<string, Quantity>();
      for (const request of firstAvailable.length > 0 ? firstAvailable : exactly ? [exactly] : []) {
        const devices = request.allocationMode === "All" ? MOST_DEVICES : (request.count ?? 0);
        raiseTo(most, new Map([[request.deviceClassName + OF_CLASS, quantityOf(devices)]]));
      }
      addTo(usage, most);
    }
    return usage;
  },
};
