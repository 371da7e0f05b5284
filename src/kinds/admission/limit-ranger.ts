// LimitRanger: containers get their namespace's defaults; pods and claims that break its limits are refused.

import type { AdmissionAttributes, AdmissionPlugin } from "#apiserver/admission.ts";
import type { Registry } from "#apiserver/registry.ts";
import { LimitRange, type PersistentVolumeClaim, type Pod } from "#kinds/api/core-v1.gen.ts";
import { applyDefaults, claimBreaches, podBreaches } from "#kinds/core/limit-range/limits.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { refuse } from "./refuse.ts";

export function limitRanger({ registry }: { readonly registry: Registry }): AdmissionPlugin {
  const ranges = registry.cache(LimitRange);
  let isFilled = false;
  void ranges.ready.then(() => (isFilled = true));

  /** Those of the namespace in the order of names, unless the object is going away. */
  const withRanges = (attributes: AdmissionAttributes, use: (range: DeepReadonly<LimitRange>) => void): Promise<void> | void => {
    if (attributes.oldObject?.metadata?.deletionTimestamp !== undefined) return undefined;
    const useAll = () => {
      const found = ranges.list(attributes.namespace);
      for (const range of found.length > 1 ? found.toSorted(byName) : found) use(range);
    };
    return isFilled ? useAll() : ranges.ready.then(useAll);
  };
  return {
    name: "LimitRanger",
    handles(operation, { group, plural }, subresource) {
      if (group !== "" || (operation !== "CREATE" && operation !== "UPDATE")) return false;
      if (plural === "pods") return subresource === (operation === "CREATE" ? "" : "resize");
      return plural === "persistentvolumeclaims" && subresource === "";
    },
    mutate(attributes) {
      if (attributes.resource.plural !== "pods") return undefined;
      return withRanges(attributes, (range) => applyDefaults(range, attributes.object as Pod)); // just asked
    },
    validate(attributes) {
      const { object, resource } = attributes;
      return withRanges(attributes, (range) => {
        // handles() lets only the two through
        const breaches =
          resource.plural === "pods" ? podBreaches(range, object as Pod) : claimBreaches(range, object as PersistentVolumeClaim);
        if (breaches.length > 0) throw refuse(attributes, together(breaches));
      });
    },
  };
}

const byName = (a: DeepReadonly<LimitRange>, b: DeepReadonly<LimitRange>) => ((a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1);

/** Several errors as upstream prints them: each once, in brackets. */
function together(texts: readonly string[]): string {
  const once = [...new Set(texts)];
  return once.length === 1 ? once.join("") : `[${once.join(", ")}]`;
}
