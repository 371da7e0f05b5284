import type { ServiceCIDR } from "#kinds/api/networking-v1.gen.ts";
import { IMMUTABLE, type Errors } from "#kinds/shared/checks.ts";
import { parseCidrSloppy } from "#lib/ip.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { validateCidr } from "#meta/ip-validation.ts";
import type { DeepReadonly } from "#meta/object.ts";

const PATH = "spec.cidrs";

export function validateServiceCidr(
  next: DeepReadonly<ServiceCIDR>,
  previous: DeepReadonly<ServiceCIDR> | undefined,
  subresource: string,
): FieldError[] {
  const errors: Errors = [];
  if (subresource === "status") return errors;
  const cidrs = next.spec?.cidrs ?? [];
  if (!previous) {
    validateRanges(errors, next.spec, cidrs);
    return errors;
  }
  // All that may change is that a second family is added.
  const before = previous.spec?.cidrs ?? [];
  const grows = before.length === 1 && cidrs.length === 2;
  if (before.length !== cidrs.length && !grows) errors.push(field.invalid(PATH, next.spec?.cidrs ?? null, IMMUTABLE));
  else {
    for (const [index, cidr] of before.entries()) {
      if (cidr !== cidrs[index]) errors.push(field.invalid(`${PATH}[${index}]`, cidrs[index], IMMUTABLE));
    }
    if (grows) validateRanges(errors, next.spec, cidrs);
  }
  return errors;
}

function validateRanges(errors: Errors, spec: unknown, cidrs: readonly string[]): void {
  if (cidrs.length === 0) {
    errors.push(field.required(PATH, "at least one CIDR required"));
    return;
  }
  if (cidrs.length > 2) {
    errors.push(field.invalid(PATH, spec, "may only hold up to 2 values"));
    return;
  }
  for (const [index, cidr] of cidrs.entries()) errors.push(...validateCidr(`${PATH}[${index}]`, cidr));
  const [first, second] = cidrs.map((cidr) => parseCidrSloppy(cidr)?.address.family);
  if (first !== undefined && first === second) {
    const detail = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64";
    errors.push(field.invalid(PATH, cidrs, detail));
  }
}
