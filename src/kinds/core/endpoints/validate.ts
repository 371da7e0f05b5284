import type { EndpointAddress, EndpointPort, Endpoints } from "#kinds/api/core-v1.gen.ts";
import { checkDnsLabel, checkPortNumber, checkQualifiedName, checkRequiredOneOf, PROTOCOLS, type Errors } from "#kinds/shared/checks.ts";
import { validateEndpointIp, validateIp } from "#kinds/shared/ip.ts";
import { checkNodeName } from "#kinds/shared/network.ts";
import { equal } from "#lib/equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

export function validateEndpoints(next: DeepReadonly<Endpoints>, previous: DeepReadonly<Endpoints> | undefined): FieldError[] {
  // What is stored already stays allowed.
  if (previous && equal(previous.subsets, next.subsets)) return [];
  const errors: Errors = [];
  for (const [index, { addresses = [], notReadyAddresses = [], ports = [] }] of (next.subsets ?? []).entries()) {
    const path = `subsets[${index}]`;
    if (addresses.length + notReadyAddresses.length === 0) {
      errors.push(field.required(path, "must specify `addresses` or `notReadyAddresses`"));
    }
    for (const [at, address] of addresses.entries()) validateAddress(address, `${path}.addresses[${at}]`, errors);
    for (const [at, address] of notReadyAddresses.entries()) validateAddress(address, `${path}.notReadyAddresses[${at}]`, errors);
    for (const [at, port] of ports.entries()) validatePort(port, ports.length > 1, `${path}.ports[${at}]`, errors);
  }
  return errors;
}

function validateAddress(address: DeepReadonly<EndpointAddress>, path: string, errors: Errors): void {
  const wrong = validateIp(`${path}.ip`, address.ip);
  errors.push(...wrong, ...validateEndpointIp(`${path}.ip`, address.ip));
  if (address.hostname) checkDnsLabel(errors, `${path}.hostname`, address.hostname);
  if (address.nodeName !== undefined) checkNodeName(errors, `${path}.nodeName`, address.nodeName);
}

function validatePort(port: DeepReadonly<EndpointPort>, requireName: boolean, path: string, errors: Errors): void {
  if (port.name) checkDnsLabel(errors, `${path}.name`, port.name);
  else if (requireName) errors.push(field.required(`${path}.name`));
  checkPortNumber(errors, `${path}.port`, port.port);
  checkRequiredOneOf(errors, `${path}.protocol`, port.protocol, PROTOCOLS);
  if (port.appProtocol !== undefined) checkQualifiedName(errors, `${path}.appProtocol`, port.appProtocol);
}
