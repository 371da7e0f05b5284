import type { Node } from "#kinds/api/core-v1.gen.ts";
import { NEGATIVE, type Errors } from "#kinds/shared/checks.ts";
import { parseCidr, validateCidr } from "#kinds/shared/ip.ts";
import { checkTaints } from "#kinds/shared/network.ts";
import { tryParse } from "#kinds/shared/quantities.ts";
import { isIntegerResource } from "#kinds/shared/resource-names.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

const FROM_EMPTY = 'except from "" to valid';

export function validateNode(next: DeepReadonly<Node>, previous: DeepReadonly<Node> | undefined): FieldError[] {
  const errors: Errors = [];
  const { spec, status } = next;
  if (spec?.taints?.length) checkTaints(errors, "metadata.taints", spec.taints);
  for (const list of ["capacity", "allocatable"] as const) {
    for (const [name, value] of Object.entries(status?.[list] ?? {})) validateQuantity(`status.${list}.${name}`, name, value, errors);
  }
  const ranges = spec?.podCIDRs ?? [];
  for (const [index, range] of ranges.entries()) errors.push(...validateCidr(`spec.podCIDRs[${index}]`, range, previous?.spec?.podCIDRs));
  if (ranges.length > 2 || (ranges.length === 2 && parseCidr(ranges[0] ?? "")?.family === parseCidr(ranges[1] ?? "")?.family)) {
    errors.push(field.invalid("spec.podCIDRs", ranges, "may specify no more than one CIDR for each IP family"));
  }
  if (previous) validateChange(next, previous, errors);
  return errors;
}

function validateQuantity(path: string, name: string, value: string | number, errors: Errors): void {
  const quantity = tryParse(value);
  if (!quantity) return;
  if (quantity.nanos < 0n) errors.push(field.invalid(path, value, NEGATIVE));
  if (isIntegerResource(name) && quantity.nanos % 1_000_000_000n !== 0n) errors.push(field.invalid(path, value, "must be an integer"));
}

function validateChange(next: DeepReadonly<Node>, previous: DeepReadonly<Node>, errors: Errors): void {
  const seen = new Set<string>();
  for (const [index, address] of (next.status?.addresses ?? []).entries()) {
    const key = `${address.type}/${address.address}`;
    if (seen.has(key)) errors.push(field.duplicate(`status.addresses[${index}]`, address));
    seen.add(key);
  }
  const before = previous.spec?.podCIDRs ?? [];
  if (before.length > 0 && before.join() !== (next.spec?.podCIDRs ?? []).join()) {
    errors.push(field.forbidden("spec.podCIDRs", `node updates may not change podCIDR ${FROM_EMPTY}`));
  }
  if (previous.spec?.providerID && previous.spec.providerID !== next.spec?.providerID) {
    errors.push(field.forbidden("spec.providerID", `node updates may not change providerID ${FROM_EMPTY}`));
  }
  if ((previous.spec?.externalID ?? "") !== (next.spec?.externalID ?? ""))
    errors.push(field.forbidden("spec.externalID", "may not be updated"));
}
