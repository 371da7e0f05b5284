// What pods/resize may change: cpu and memory of containers and of the pod, without another quality of service.

import type { Container, Pod, ResourceRequirements } from "#kinds/api/core-v1.gen.ts";
import type { Errors } from "#kinds/shared/checks.ts";
import type { ResourceList } from "#kinds/shared/quantities.ts";
import { clone } from "#lib/clone.ts";
import { equal } from "#lib/equal.ts";
import { field } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { MIRROR_POD } from "./pod-spec/validate-annotations.ts";
import { qosClass } from "./qos.ts";

type Read<T> = DeepReadonly<T>;
type Resources = Read<ResourceRequirements> | undefined;

const LISTS = ["initContainers", "containers"] as const;

/** `errors` holds what is wrong with the pod as a whole. */
export function validateResize(errors: Errors, next: Read<Pod>, previous: Read<Pod>): void {
  const what =
    previous.metadata?.annotations?.[MIRROR_POD] !== undefined ? "static" : previous.spec?.os?.name === "windows" ? "windows" : undefined;
  if (what !== undefined) {
    errors.splice(0, errors.length, field.forbidden("[]", `${what} pods cannot be resized`));
    return;
  }
  if ((previous.status?.qosClass || qosClass(previous)) !== qosClass(next)) {
    errors.push(field.invalid("spec", next.status?.qosClass ?? "", "Pod QOS Class may not change as a result of resizing"));
  }
  // A node that knows of resizing reports what its containers have.
  const running = previous.status?.containerStatuses?.find(({ state }) => state?.running);
  if (running && !running.resources) errors.push(field.forbidden("spec", "Pod running on node without support for resize"));
  validatePodLevel(errors, next.spec?.resources, previous.spec?.resources);
  if (previous.status?.nodeAllocatableResourceClaimStatuses?.length)
    errors.push(field.forbidden("spec", "pods with node allocatable resource claims cannot be resized"));
  if (!validateOrder(errors, next, previous)) return;
  for (const list of LISTS) {
    for (const [index, old] of (previous.spec?.[list] ?? []).entries()) {
      checkRemoved(errors, `spec.${list}[${index}].resources`, "resource", next.spec?.[list]?.[index]?.resources, old.resources);
    }
  }
  for (const list of ["containers", "initContainers"] as const) {
    for (const [index, container] of (next.spec?.[list] ?? []).entries()) {
      const old = previous.spec?.[list]?.[index];
      if (old) validateContainer(errors, `spec.${list}[${index}]`, container, old, list === "initContainers");
    }
  }
}

function validatePodLevel(errors: Errors, next: Resources, old: Resources): void {
  const count = (resources: Resources) => Object.keys(resources?.requests ?? {}).length + Object.keys(resources?.limits ?? {}).length;
  if (count(next) === 0 && count(old) === 0) return;
  if (old && !next) {
    errors.push(field.forbidden("spec.resources", "pod-level resources cannot be removed"));
    return;
  }
  if (old) checkRemoved(errors, "spec.resources", "pod-level resource", next, old);
  if (!equal(masked(next, old, true), pruned(old)))
    errors.push(field.forbidden("spec", "only cpu and memory resources are mutable at pod-level"));
}

/** Containers stay the same ones, in the same order; false: nothing else can be compared. */
function validateOrder(errors: Errors, next: Read<Pod>, previous: Read<Pod>): boolean {
  const before = errors.length;
  for (const list of ["containers", "initContainers"] as const) {
    const [after, old] = [next.spec?.[list] ?? [], previous.spec?.[list] ?? []];
    if (after.length !== old.length) errors.push(field.forbidden(`spec.${list}`, `${list} may not be added or removed on resize`));
    else {
      for (const [index, { name }] of old.entries()) {
        if (after[index]?.name !== name)
          errors.push(field.forbidden(`spec.${list}[${index}].name`, `${list} may not be renamed or reordered on resize`));
      }
    }
  }
  return errors.length === before;
}

/** A limit or request that is there can change but not go. */
function checkRemoved(errors: Errors, path: string, called: string, next: Resources, old: Resources): void {
  for (const what of ["requests", "limits"] as const) {
    const after = next?.[what] ?? {};
    if (Object.keys(old?.[what] ?? {}).some((name) => after[name] === undefined))
      errors.push(field.forbidden(`${path}.${what}`, `${called} ${what} cannot be removed`));
  }
}

function validateContainer(errors: Errors, path: string, container: Read<Container>, old: Read<Container>, isInit: boolean): void {
  const before = { ...old, resources: pruned(old.resources) };
  if (!equal({ ...container, resources: masked(container.resources, old.resources, false) }, before)) {
    const text = isInit
      ? "only cpu and memory resources for init or sidecar containers are mutable"
      : "only cpu and memory resources are mutable";
    errors.push(field.forbidden(isInit ? path : "spec", text));
  }
  if (!isInit || container.restartPolicy === "Always" || equal({ ...container, resources: pruned(container.resources) }, before)) return;
  for (const { restartPolicy } of container.resizePolicy ?? []) {
    if (restartPolicy !== "RestartContainer") continue;
    errors.push(field.forbidden(path, "non-sidecar init containers with a resize policy of RestartContainer cannot be resized"));
  }
}

/** With the old cpu and memory. Upstream drops containers' claims here, so that one with claims is never equal to what it was. */
function masked(next: Resources, old: Resources, keepClaims: boolean): ResourceRequirements {
  const list = (what: "limits" | "requests"): ResourceList => {
    const { cpu: _cpu, memory: _memory, ...rest } = next?.[what] ?? {};
    const { cpu, memory } = old?.[what] ?? {};
    return { ...rest, ...(cpu === undefined ? {} : { cpu }), ...(memory === undefined ? {} : { memory }) };
  };
  return pruned({
    limits: list("limits"),
    requests: list("requests"),
    ...(keepClaims && next?.claims ? { claims: next.claims } : {}),
  } as ResourceRequirements); // amounts are those of the objects
}

/** Without empty lists, which are the same as none. */
function pruned(resources: Resources): ResourceRequirements {
  const copy = clone(resources ?? {});
  for (const what of ["limits", "requests", "claims"] as const) if (Object.keys(copy[what] ?? {}).length === 0) delete copy[what];
  return copy;
}
