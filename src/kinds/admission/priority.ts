// Priority: gives pods the number that their priority class stands for, and keeps one default class.

import type { AdmissionAttributes, AdmissionPlugin } from "#apiserver/admission.ts";
import type { Registry } from "#apiserver/registry.ts";
import type { Pod } from "#kinds/api/core-v1.gen.ts";
import { PriorityClass } from "#kinds/api/scheduling-v1.gen.ts";
import { type DeepReadonly, makeKey } from "#meta/object.ts";
import { isPodWrite } from "./pods.ts";
import { refuse } from "./refuse.ts";
import { SYSTEM_PRIORITY_CLASSES } from "./system-priority-classes.ts";

type Class = DeepReadonly<PriorityClass>;

export function priority({ registry }: { readonly registry: Registry }): AdmissionPlugin {
  const classes = registry.cache(PriorityClass);
  const isPod = isPodWrite("CREATE", "UPDATE");

  /** The one marked as default; of several (made at once on two servers) the lowest. */
  const defaultClass = (): Class | undefined =>
    classes
      .list()
      .filter((one) => one.globalDefault)
      .toSorted((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];

  const resolve = async (attributes: AdmissionAttributes, pod: Pod, name: string): Promise<void> => {
    const key = makeKey("", name);
    const found = (await registry.get(PriorityClass, key)) ?? SYSTEM_PRIORITY_CLASSES.find((one) => one.metadata?.name === name);
    if (!found) throw refuse(attributes, `no PriorityClass with name ${name} was found`);
    assign(attributes, pod, found);
  };

  return {
    name: "Priority",
    handles: (operation, resource, subresource) =>
      isPod(operation, resource, subresource) ||
      (resource.plural === PriorityClass.plural &&
        resource.group === PriorityClass.group &&
        (operation === "CREATE" || operation === "UPDATE")),
    mutate(attributes) {
      if (attributes.resource.plural !== "pods") return undefined;
      const pod = attributes.object as Pod; // handles() lets only pods and priority classes through
      const spec = pod.spec;
      if (!spec) return undefined;
      if (attributes.operation === "UPDATE") {
        // Validation refuses a change; writers that leave the fields out mean no change.
        const before = (attributes.oldObject as Pod | undefined)?.spec; // as above
        if (spec.priority === undefined && before?.priority !== undefined) spec.priority = before.priority;
        if (spec.preemptionPolicy === undefined && before?.preemptionPolicy !== undefined) spec.preemptionPolicy = before.preemptionPolicy;
        return undefined;
      }
      const name = spec.priorityClassName ?? "";
      const found = name === "" ? defaultClass() : classes.get(makeKey("", name));
      if (name !== "" && !found) return resolve(attributes, pod, name);
      if (name === "" && found?.metadata?.name) spec.priorityClassName = found.metadata.name;
      return assign(attributes, pod, found);
    },
    validate(attributes) {
      if (attributes.resource.plural === "pods") return;
      const next = attributes.object as PriorityClass; // as above
      const current = next.globalDefault ? defaultClass() : undefined;
      if (!current || (attributes.operation === "UPDATE" && current.metadata?.name === next.metadata?.name)) return;
      throw refuse(attributes, `PriorityClass ${current.metadata?.name ?? ""} is already marked as default. Only one default can exist`);
    },
  };
}

/** Sets what the class says; what the pod says already must agree. No class: nothing special. */
function assign(attributes: AdmissionAttributes, pod: Pod, found: Class | undefined): void {
  const spec = pod.spec;
  if (!spec) return;
  const value = found?.value ?? 0;
  const policy = found?.preemptionPolicy ?? "PreemptLowerPriority";
  if (spec.priority !== undefined && spec.priority !== value) {
    throw refuse(
      attributes,
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
    );
  }
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
    throw refuse(
      attributes,
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  }
  spec.priority = value;
  spec.preemptionPolicy = policy;
}
