import type { Endpoint, EndpointHints, EndpointPort, EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import {
  checkDnsLabel,
  checkImmutable,
  checkLabels,
  checkQualifiedName,
  checkRequiredOneOf,
  checkRule,
  duplicates,
  PROTOCOLS,
  type Errors,
} from "#kinds/shared/checks.ts";
import { formatIp, parseIp, validateEndpointIp, validateIp } from "#kinds/shared/ip.ts";
import { checkNodeName } from "#kinds/shared/network.ts";
import { equal } from "#lib/equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { dns1123Label, dns1123Subdomain, labelValue } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

const ADDRESS_TYPES = ["FQDN", "IPv4", "IPv6"];
const MAX_ENDPOINTS = 1000;
const MAX_PORTS = 20000;
const MAX_ADDRESSES = 100;
const MAX_TOPOLOGY_LABELS = 16;
const MAX_HINTS = 8;

export function validateEndpointSlice(next: DeepReadonly<EndpointSlice>, previous: DeepReadonly<EndpointSlice> | undefined): FieldError[] {
  const errors: Errors = [];
  checkRequiredOneOf(errors, "addressType", next.addressType, ADDRESS_TYPES);
  validatePorts(next.ports ?? [], errors);
  if (!previous || !equal(previous.endpoints, next.endpoints)) validateAllEndpoints(next.endpoints ?? [], next.addressType, errors);
  if (previous) checkImmutable(errors, "addressType", next.addressType ?? "", previous.addressType);
  return errors;
}

function validatePorts(ports: readonly DeepReadonly<EndpointPort>[], errors: Errors): void {
  if (ports.length > MAX_PORTS) {
    errors.push(field.tooMany("ports", ports.length, MAX_PORTS));
    return;
  }
  const duplicate = duplicates(errors);
  for (const [index, port] of ports.entries()) {
    const path = `ports[${index}]`;
    if (port.name) checkDnsLabel(errors, `${path}.name`, port.name);
    duplicate(`${path}.name`, port.name ?? "");
    checkRequiredOneOf(errors, `${path}.protocol`, port.protocol, PROTOCOLS);
    if (port.appProtocol !== undefined) checkQualifiedName(errors, `${path}.appProtocol`, port.appProtocol);
  }
}

function validateAllEndpoints(endpoints: readonly DeepReadonly<Endpoint>[], type: string, errors: Errors): void {
  if (endpoints.length > MAX_ENDPOINTS) {
    errors.push(field.tooMany("endpoints", endpoints.length, MAX_ENDPOINTS));
    return;
  }
  for (const [index, endpoint] of endpoints.entries()) {
    const path = `endpoints[${index}]`;
    const addresses = endpoint.addresses ?? [];
    if (addresses.length === 0) errors.push(field.required(`${path}.addresses`, "must contain at least 1 address"));
    else if (addresses.length > MAX_ADDRESSES) errors.push(field.tooMany(`${path}.addresses`, addresses.length, MAX_ADDRESSES));
    for (const [at, address] of addresses.entries()) validateAddress(address, type, `${path}.addresses`, at, errors);
    if (endpoint.nodeName !== undefined) checkNodeName(errors, `${path}.nodeName`, endpoint.nodeName);
    const topology = Object.keys(endpoint.deprecatedTopology ?? {}).length;
    if (topology > MAX_TOPOLOGY_LABELS) errors.push(field.tooMany(`${path}.deprecatedTopology`, topology, MAX_TOPOLOGY_LABELS));
    checkLabels(errors, `${path}.deprecatedTopology`, endpoint.deprecatedTopology);
    if (endpoint.hostname !== undefined) checkDnsLabel(errors, `${path}.hostname`, endpoint.hostname);
    if (endpoint.hints) validateHints(endpoint.hints, `${path}.hints`, errors);
  }
}

function validateAddress(address: string, type: string, list: string, index: number, errors: Errors): void {
  const path = `${list}[${index}]`;
  if (type === "FQDN") {
    validateFqdn(address, path, errors);
    return;
  }
  if (type !== "IPv4" && type !== "IPv6") return;
  const wrong = validateIp(path, address);
  const ip = parseIp(address);
  if (type === "IPv6" && ip && wrong.length === 0 && formatIp(ip) !== address) {
    wrong.push(field.invalid(path, address, `must be in canonical form ("${formatIp(ip)}")`));
  }
  if (wrong.length > 0) {
    errors.push(...wrong);
    return;
  }
  if (`IPv${ip?.family}` !== type) errors.push(field.invalid(list, address, `must be an ${type} address`));
  errors.push(...validateEndpointIp(path, address));
}

function validateFqdn(name: string, path: string, errors: Errors): void {
  if (name === "") {
    errors.push(field.required(path));
    return;
  }
  const wrong = dns1123Subdomain(name.replace(/\.$/, ""));
  if (wrong.length > 0) {
    errors.push(field.invalid(path, name, wrong.join(",")));
    return;
  }
  const labels = name.replace(/\.$/, "").split(".");
  if (labels.length < 2) errors.push(field.invalid(path, name, "should be a domain with at least two segments separated by dots"));
  else if (labels.some((label) => dns1123Label(label).length > 0)) checkRule(errors, path, name, dns1123Subdomain);
}

function validateHints(hints: DeepReadonly<EndpointHints>, path: string, errors: Errors): void {
  const { forZones = [], forNodes = [] } = hints;
  if (forZones.length > MAX_HINTS) {
    errors.push(field.tooMany(`${path}.forZones`, forZones.length, MAX_HINTS));
    return;
  }
  const duplicateZone = duplicates(errors);
  for (const [index, { name }] of forZones.entries()) {
    duplicateZone(`${path}.forZones[${index}].name`, name);
    checkRule(errors, `${path}.forZones[${index}].name`, name, labelValue);
  }
  if (forNodes.length > MAX_HINTS) {
    errors.push(field.tooMany(`${path}.forNodes`, forNodes.length, MAX_HINTS));
    return;
  }
  const duplicateNode = duplicates(errors);
  for (const [index, { name }] of forNodes.entries()) {
    duplicateNode(`${path}.forNodes[${index}].name`, name);
    checkNodeName(errors, `${path}.forNodes[${index}].name`, name);
  }
}
