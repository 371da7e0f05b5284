// What container statuses say of users and of the health of devices.

import type { Container, ContainerStatus, Pod, ResourceStatus } from "#kinds/api/core-v1.gen.ts";
import { checkOneOf, type Errors } from "#kinds/shared/checks.ts";
import { field } from "#meta/errors.ts";
import { byteLength, userId } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Read<T> = DeepReadonly<T>;

const LISTS = [
  ["containerStatuses", "containers"],
  ["initContainerStatuses", "initContainers"],
  ["ephemeralContainerStatuses", undefined],
] as const;
const HEALTH = ["Healthy", "Unhealthy", "Unknown"];
const MAX_MESSAGE = 1024;
const CLAIM = "claim:";

export function validateContainerStatuses(errors: Errors, { spec, status }: Read<Pod>): void {
  const os = spec?.os ? spec.os.name : "linux";
  for (const [list] of LISTS) {
    for (const [index, each] of (status?.[list] ?? []).entries()) validateUser(errors, `status.${list}[${index}].user.linux`, each, os);
  }
  for (const [list, containers] of LISTS) {
    for (const [index, each] of (status?.[list] ?? []).entries()) {
      const at = `status.${list}[${index}].allocatedResourcesStatus`;
      if (containers === undefined) {
        if (each.allocatedResourcesStatus?.length) errors.push(field.forbidden(at, "must not be specified in container status"));
        continue;
      }
      const container = spec?.[containers]?.find(({ name }) => name === each.name);
      for (const [position, resource] of (each.allocatedResourcesStatus ?? []).entries()) {
        validateResource(errors, `${at}[${position}]`, resource, container);
      }
    }
  }
}

function validateUser(errors: Errors, path: string, { user }: Read<ContainerStatus>, os: string): void {
  const linux = user?.linux;
  if (!linux) return;
  if (os === "windows") errors.push(field.forbidden(path, "cannot be set for a windows pod"));
  if (os !== "linux") return;
  const check = (at: string, id: number) => {
    for (const wrong of userId(id)) errors.push(field.invalid(at, id, wrong));
  };
  check(`${path}.uid`, linux.uid ?? 0);
  check(`${path}.gid`, linux.gid ?? 0);
  for (const [index, group] of (linux.supplementalGroups ?? []).entries()) check(`${path}.supplementalGroups[${index}]`, group);
}

/** A container that the pod does not have is left alone. */
function validateResource(
  errors: Errors,
  path: string,
  { name, resources = [] }: Read<ResourceStatus>,
  container: Read<Container> | undefined,
): void {
  if (container) {
    const { claims = [], requests = {} } = container.resources ?? {};
    if (name.startsWith(CLAIM)) {
      const text =
        "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty";
      const known = claims.some((claim) => name === CLAIM + claim.name + (claim.request ? `/${claim.request}` : ""));
      if (!known) errors.push(field.invalid(`${path}.name`, name, text));
    } else if (requests[name] === undefined)
      errors.push(field.invalid(`${path}.name`, name, "must match one of the container's resource requests"));
  }
  const seen = new Set<string>();
  for (const [index, { resourceID, health, message }] of resources.entries()) {
    const at = `${path}.resources[${index}]`;
    checkOneOf(errors, `${at}.health`, health ?? "", HEALTH);
    if (message === "") errors.push(field.required(`${at}.message`, "must be non-empty if specified"));
    else if (message !== undefined && byteLength(message) > MAX_MESSAGE) errors.push(field.tooLong(`${at}.message`, MAX_MESSAGE));
    if (seen.has(resourceID)) errors.push(field.duplicate(`${at}.resourceID`, resourceID));
    seen.add(resourceID);
  }
}
