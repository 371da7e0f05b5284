// What pods/resize may change: cpu and memory of containers, without another quality of service.

import type { Container, Pod } from "#kinds/api/core-v1.gen.ts";
import type { Errors } from "#kinds/shared/checks.ts";
import { clone } from "#lib/clone.ts";
import { equal } from "#lib/equal.ts";
import { field } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { qosClass } from "./qos.ts";

type Read<T> = DeepReadonly<T>;

const ONLY = "only cpu and memory resources are mutable";
const RESIZABLE = new Set(["cpu", "memory"]);

export function validateResize(errors: Errors, next: Read<Pod>, previous: Read<Pod>): void {
  if (previous.metadata?.annotations?.["kubernetes.io/config.mirror"] !== undefined) {
    errors.push(field.forbidden("", "static pods cannot be resized"));
    return;
  }
  if (previous.spec?.os?.name === "windows") {
    errors.push(field.forbidden("", "windows pods cannot be resized"));
    return;
  }
  if ((previous.status?.qosClass ?? qosClass(previous)) !== qosClass(next)) {
    errors.push(field.invalid("spec", next.status?.qosClass, "Pod QOS Class may not change as a result of resizing"));
  }
  for (const list of ["initContainers", "containers"] as const) {
    const [after, before] = [next.spec?.[list] ?? [], previous.spec?.[list] ?? []];
    if (after.length !== before.length) {
      errors.push(field.forbidden(`spec.${list}`, `${list} may not be added or removed on resize`));
      continue;
    }
    for (const [index, container] of after.entries()) {
      const old = before[index];
      if (!old) continue;
      const path = `spec.${list}[${index}]`;
      if (container.name !== old.name) {
        errors.push(field.forbidden(`${path}.name`, `${list} may not be renamed or reordered on resize`));
        continue;
      }
      checkRemoved(errors, `${path}.resources`, container, old);
      if (equal(withoutResizable(container), withoutResizable(old))) continue;
      const text = list === "containers" ? ONLY : "only cpu and memory resources for init or sidecar containers are mutable";
      errors.push(field.forbidden(list === "containers" ? "spec" : path, text));
    }
  }
}

/** A limit or request that is there can change but not go. */
function checkRemoved(errors: Errors, path: string, container: Read<Container>, old: Read<Container>): void {
  for (const what of ["limits", "requests"] as const) {
    const [after, before] = [container.resources?.[what] ?? {}, old.resources?.[what] ?? {}];
    if (Object.keys(before).some((name) => after[name] === undefined))
      errors.push(field.forbidden(`${path}.${what}`, `resource ${what} cannot be removed`));
  }
}

function withoutResizable(container: Read<Container>): Container {
  const copy = clone(container);
  const resources = { ...copy.resources };
  for (const what of ["limits", "requests"] as const) {
    const rest = Object.entries(resources[what] ?? {}).filter(([name]) => !RESIZABLE.has(name));
    if (rest.length > 0) resources[what] = Object.fromEntries(rest);
    else delete resources[what];
  }
  copy.resources = resources;
  delete copy.resizePolicy;
  return copy;
}
