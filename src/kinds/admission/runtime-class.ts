// RuntimeClass: a pod gets the overhead, the node selector and the tolerations of the class it names.

import type { AdmissionAttributes, AdmissionPlugin } from "#apiserver/admission.ts";
import type { Registry } from "#apiserver/registry.ts";
import type { Pod, Toleration } from "#kinds/api/core-v1.gen.ts";
import { RuntimeClass } from "#kinds/api/node-v1.gen.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import { equal } from "#lib/equal.ts";
import { makeKey } from "#meta/object.ts";
import { isPodWrite } from "./pods.ts";
import { refuse } from "./refuse.ts";

const DIFFERS = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

export function runtimeClass({ registry }: { readonly registry: Registry }): AdmissionPlugin {
  const find = async (attributes: AdmissionAttributes, name: string): Promise<RuntimeClass> => {
    const found = await registry.get(RuntimeClass, makeKey("", name));
    if (!found) throw refuse(attributes, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
    return found;
  };
  return {
    name: "RuntimeClass",
    handles: isPodWrite("CREATE"),
    mutate(attributes) {
      const pod = attributes.object as Pod; // handles() lets only pods through
      const name = pod.spec?.runtimeClassName;
      return name === undefined ? undefined : find(attributes, name).then((found) => applyClass(attributes, pod, found));
    },
    validate(attributes) {
      const { spec } = attributes.object as Pod; // likewise
      const check = (found: RuntimeClass | undefined) => {
        const overhead = found?.overhead?.podFixed;
        if (found?.overhead === undefined) {
          if (spec?.overhead === undefined) return;
          throw refuse(attributes, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead");
        }
        if (!semanticEqual(overhead, spec?.overhead)) throw refuse(attributes, DIFFERS);
      };
      if (spec?.runtimeClassName === undefined) return check(undefined);
      return find(attributes, spec.runtimeClassName).then(check);
    },
  };
}

function applyClass(attributes: AdmissionAttributes, pod: Pod, { overhead, scheduling }: RuntimeClass): void {
  const { spec } = pod;
  if (!spec) return;
  if (overhead) {
    const given = Object.keys(spec.overhead ?? {}).length > 0;
    if (given && !semanticEqual(overhead.podFixed, spec.overhead)) throw refuse(attributes, DIFFERS);
    if (overhead.podFixed) spec.overhead = { ...overhead.podFixed };
  }
  if (!scheduling) return;
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key];
    if (own !== undefined && own !== value) {
      const cause = `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`;
      throw refuse(attributes, cause);
    }
  }
  if (scheduling.nodeSelector) spec.nodeSelector = { ...spec.nodeSelector, ...scheduling.nodeSelector };
  const tolerations = mergeTolerations([...(spec.tolerations ?? []), ...(scheduling.tolerations ?? [])]);
  if (tolerations.length > 0) spec.tolerations = tolerations;
}

/** Leaves out those that another one covers; of equal ones the first stays. */
export function mergeTolerations(all: readonly Toleration[]): Toleration[] {
  const merged: Toleration[] = [];
  for (const [index, toleration] of all.entries()) {
    if (merged.some((other) => covers(other, toleration))) continue;
    if (all.slice(index + 1).some((other) => !equal(other, toleration) && covers(other, toleration))) continue;
    merged.push(toleration);
  }
  return merged;
}

function covers(wide: Toleration, narrow: Toleration): boolean {
  if (equal(wide, narrow)) return true;
  const everyKey = !wide.key && wide.operator === "Exists";
  if ((narrow.key ?? "") !== (wide.key ?? "") && !everyKey) return false;
  if (wide.effect && narrow.effect !== wide.effect) return false;
  if (wide.effect === "NoExecute" && wide.tolerationSeconds !== undefined) {
    if (narrow.tolerationSeconds === undefined || narrow.tolerationSeconds > wide.tolerationSeconds) return false;
  }
  const operator = wide.operator ?? "";
  if (operator === "Exists") return true;
  return (operator === "" || operator === "Equal") && narrow.operator === "Equal" && (narrow.value ?? "") === (wide.value ?? "");
}
