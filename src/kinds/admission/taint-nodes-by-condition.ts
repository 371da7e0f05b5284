// TaintNodesByCondition: a new node takes no pods until it has shown that it is ready.

import type { AdmissionPlugin } from "#apiserver/admission.ts";
import type { Node } from "#kinds/api/core-v1.gen.ts";

const NOT_READY = "node.kubernetes.io/not-ready";

export function taintNodesByCondition(): AdmissionPlugin {
  return {
    name: "TaintNodesByCondition",
    handles: (operation, resource, subresource) =>
      operation === "CREATE" && resource.plural === "nodes" && resource.group === "" && subresource === "",
    mutate({ object }) {
      const node = object as Node; // handles() lets only nodes through
      const taints = ((node.spec ??= {}).taints ??= []);
      if (!taints.some((taint) => taint.key === NOT_READY && taint.effect === "NoSchedule"))
        taints.push({ key: NOT_READY, effect: "NoSchedule" });
    },
  };
}
