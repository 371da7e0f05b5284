import type { IPAddress } from "#kinds/api/networking-v1.gen.ts";
import { checkImmutable, checkRule, type Errors } from "#kinds/shared/checks.ts";
import { checkRequiredSegment } from "#kinds/shared/references.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { validateIp } from "#meta/ip-validation.ts";
import { dns1123Subdomain, pathSegmentName } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

const PATH = "spec.parentRef";

/** An address's name is the address, in canonical form. */
export function ipAddressName(name: string): string[] {
  return validateIp("", name).map(({ detail }) => detail);
}

export function validateIpAddress(next: DeepReadonly<IPAddress>, previous: DeepReadonly<IPAddress> | undefined): FieldError[] {
  const errors: Errors = [];
  const parent = next.spec?.parentRef;
  if (!parent) errors.push(field.required(PATH));
  else {
    if (parent.group) checkRule(errors, `${PATH}.group`, parent.group, dns1123Subdomain);
    checkRequiredSegment(errors, `${PATH}.resource`, parent.resource);
    checkRequiredSegment(errors, `${PATH}.name`, parent.name);
    if (parent.namespace) checkRule(errors, `${PATH}.namespace`, parent.namespace, pathSegmentName);
  }
  if (previous) checkImmutable(errors, PATH, parent, previous.spec?.parentRef);
  return errors;
}
