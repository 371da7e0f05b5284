// Which resource claims a pod's status says were made for it.

import type { Pod } from "#kinds/api/core-v1.gen.ts";
import { checkDnsLabel, checkRequired, checkSubdomain, type Errors } from "#kinds/shared/checks.ts";
import { compare } from "#kinds/shared/quantities.ts";
import { isNativeResource } from "#kinds/shared/resource-names.ts";
import { field } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Read<T> = DeepReadonly<T>;

export function validateClaimStatuses(errors: Errors, pod: Read<Pod>): void {
  const { spec, status } = pod;
  const seen = new Set<string>();
  for (const [index, { name, resourceClaimName }] of (status?.resourceClaimStatuses ?? []).entries()) {
    const at = `status.resourceClaimStatuses[${index}]`;
    if (!spec?.resourceClaims?.some((claim) => claim.name === name))
      errors.push(field.invalid(`${at}.name`, name, "must match the name of an entry in `spec.resourceClaims`"));
    if (seen.has(name)) errors.push(field.duplicate(`${at}.name`, name));
    seen.add(name);
    if (resourceClaimName !== undefined) checkSubdomain(errors, `${at}.resourceClaimName`, resourceClaimName);
  }
  validateExtended(errors, pod);
  validateAllocatable(errors, pod);
}

type Parts = Pick<Read<Pod>, "spec" | "status">;

function validateExtended(errors: Errors, { spec, status }: Parts): void {
  const extended = status?.extendedResourceClaimStatus;
  if (!extended) return;
  const path = "status.extendedResourceClaimStatus";
  const mappings = extended.requestMappings ?? [];
  if (mappings.length === 0) errors.push(field.required(`${path}.requestMappings`, "at least one request mapping is required"));
  const containers = new Map([...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map((each) => [each.name, each]));
  const seen = new Set<string>();
  for (const [index, { containerName, resourceName, requestName }] of mappings.entries()) {
    const at = `${path}.requestMappings[${index}]`;
    const container = containers.get(containerName);
    if (!container) {
      const text = "must match the name of an entry in spec.initContainers.name or spec.containers.name";
      errors.push(field.invalid(`${at}.containerName`, containerName, text));
    } else if (container.resources?.requests?.[resourceName] === undefined) {
      const text =
        "must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests";
      errors.push(field.invalid(`${at}.resourceName`, resourceName, text));
    }
    checkDnsLabel(errors, `${path}.requestName`, requestName);
    const key = JSON.stringify([containerName, resourceName, requestName]);
    if (seen.has(key)) {
      errors.push(
        field.duplicate(`${at}.containerName`, containerName),
        field.duplicate(`${at}.resourceName`, resourceName),
        field.duplicate(`${at}.requestName`, requestName),
      );
    }
    seen.add(key);
  }
  if (checkRequired(errors, `${path}.resourceClaimName`, extended.resourceClaimName))
    checkSubdomain(errors, `${path}.resourceClaimName`, extended.resourceClaimName);
}

function validateAllocatable(errors: Errors, { spec, status }: Parts): void {
  const known = new Set(
    [...(spec?.resourceClaims ?? []), ...(status?.resourceClaimStatuses ?? [])].map((claim) => claim.resourceClaimName),
  );
  for (const [index, { resourceClaimName: name, containers, resources }] of (
    status?.nodeAllocatableResourceClaimStatuses ?? []
  ).entries()) {
    const at = `status.nodeAllocatableResourceClaimStatuses[${index}]`;
    checkRequired(errors, `${at}.resourceClaimName`, name, "must not be empty");
    if (!known.has(name)) errors.push(field.invalid(`${at}.resourceClaimName`, name, "no mapping found in pod reference"));
    if (!containers?.length) errors.push(field.required(`${at}.containers`, "must not be empty"));
    if (Object.keys(resources ?? {}).length === 0) errors.push(field.required(`${at}.resources`, "must not be empty"));
    for (const [resource, amount] of Object.entries(resources ?? {})) {
      const path = `${at}.resources[${resource}]`;
      if (!isNativeResource(resource)) errors.push(field.invalid(path, resource, "must be a node allocatable resource name"));
      if (compare(amount, "0") < 0) errors.push(field.invalid(path, amount, "must be non-negative"));
    }
  }
}
