// PodTopologyLabels: a pod that is put on a node gets the node's zone and region as labels.

import type { AdmissionPlugin } from "#apiserver/admission.ts";
import type { Registry } from "#apiserver/registry.ts";
import { type Binding, Node, type Pod } from "#kinds/api/core-v1.gen.ts";
import { makeKey } from "#meta/object.ts";

const LABELS = ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"];

export function podTopologyLabels({ registry }: { readonly registry: Registry }): AdmissionPlugin {
  const nodes = registry.cache(Node);
  let isFilled = false;
  void nodes.ready.then(() => (isFilled = true));
  return {
    name: "PodTopologyLabels",
    // Nobody is put on a node by an update.
    handles: (operation, { group, plural }, subresource) =>
      operation === "CREATE" && group === "" && plural === "pods" && (subresource === "" || subresource === "binding"),
    mutate({ object, subresource }) {
      if (!object) return undefined;
      let node: string | undefined;
      if (subresource === "") node = (object as Pod).spec?.nodeName; // handles() lets only pods and their bindings through
      else {
        const { target } = object as Binding; // likewise
        if (target?.kind === "Node") node = target.name;
      }
      if (!node) return undefined;
      const key = makeKey("", node);
      const label = () => {
        const labels = nodes.get(key)?.metadata?.labels;
        const copied = LABELS.flatMap((name) => (labels?.[name] === undefined ? [] : [[name, labels[name]]]));
        if (copied.length > 0) Object.assign(((object.metadata ??= {}).labels ??= {}), Object.fromEntries(copied));
      };
      return isFilled ? label() : nodes.ready.then(label);
    },
  };
}
