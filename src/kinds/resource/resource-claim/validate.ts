// What a ResourceClaim may hold and how it may change, with upstream's paths and words.

import type { AllocatedDeviceStatus, AllocationResult, ResourceClaim, ResourceClaimStatus } from "#kinds/api/resource-v1.gen.ts";
import { validateNodeSelector } from "#kinds/core/pod/pod-spec/validate-scheduling.ts";
import { checkDriverName, checkItems, checkOpaqueData, checkPoolName, checkUuid } from "#kinds/resource/checks.ts";
import {
  checkBindingConditions,
  checkConfiguration,
  checkDeviceClaim,
  checkReference,
  checkReferences,
  requestNames,
  type RequestNames,
} from "#kinds/resource/devices.ts";
import { checkDnsLabel, checkRequired, checkRequiredOneOf, type Errors, IMMUTABLE } from "#kinds/shared/checks.ts";
import { checkConditions } from "#kinds/shared/conditions.ts";
import type { CheckExpression } from "#kinds/shared/expressions.ts";
import { formatIp, parseCidr } from "#kinds/shared/ip.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { byteLength } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { deviceId, deviceKey } from "./prepare.ts";

type Claim = DeepReadonly<ResourceClaim>;
type Status = DeepReadonly<ResourceClaimStatus>;

const MAX_RESERVATIONS = 256;
const MAX_RESULTS = 32;
const MAX_CONFIGS = 64;
const MAX_CONDITIONS = 8;
const MAX_ADDRESSES = 16;

export function validateClaim(next: Claim, previous: Claim | undefined, subresource: string, check: CheckExpression): FieldError[] {
  const errors: Errors = [];
  if (subresource === "status") checkStatus(errors, next, previous);
  else if (previous) {
    if (!semanticEqual(next.spec, previous.spec)) errors.push(field.invalid("spec", next.spec ?? {}, IMMUTABLE));
  } else checkDeviceClaim(errors, "spec.devices", next.spec?.devices ?? {}, check);
  return errors;
}

function checkStatus(errors: Errors, next: Claim, previous: Claim | undefined): void {
  const status: Status = next.status ?? {};
  const names = requestNames(next.spec?.devices);
  checkItems(
    errors,
    "status.reservedFor",
    status.reservedFor,
    MAX_RESERVATIONS,
    (user, at) => {
      for (const name of ["resource", "name", "uid"] as const) checkRequired(errors, `${at}.${name}`, user[name]);
    },
    ({ uid }) => uid ?? "",
  );
  const allocated = new Set((status.allocation?.devices?.results ?? []).map(deviceKey));
  checkItems(errors, "status.devices", status.devices, -1, (device, at) => checkDevice(errors, at, device, allocated), deviceId);
  if (status.reservedFor?.length) {
    const before = previous?.status?.reservedFor ?? [];
    if (!status.allocation) errors.push(field.forbidden("status.reservedFor", "may not be specified when `allocated` is not set"));
    else if (next.metadata?.deletionTimestamp && status.reservedFor.some((user) => !before.some((one) => semanticEqual(one, user)))) {
      const detail = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set";
      errors.push(field.forbidden("status.reservedFor", detail));
    }
  }
  const before = previous?.status?.allocation;
  if (!status.allocation) return;
  if (!before) checkAllocation(errors, status.allocation, names);
  else if (!semanticEqual(status.allocation, before)) errors.push(field.invalid("status.allocation", status.allocation, IMMUTABLE));
}

function checkAllocation(errors: Errors, allocation: DeepReadonly<AllocationResult>, names: RequestNames): void {
  const path = "status.allocation";
  checkItems(errors, `${path}.devices.results`, allocation.devices?.results, MAX_RESULTS, (result, at) => {
    checkReference(errors, `${at}.request`, result.request ?? "", names);
    checkDriverName(errors, `${at}.driver`, result.driver);
    checkPoolName(errors, `${at}.pool`, result.pool);
    checkDnsLabel(errors, `${at}.device`, result.device);
    checkBindingConditions(errors, at, result.bindingConditions, result.bindingFailureConditions);
    if (result.shareID !== undefined) checkUuid(errors, `${at}.shareID`, result.shareID);
  });
  checkItems(errors, `${path}.devices.config`, allocation.devices?.config, MAX_CONFIGS, (config, at) => {
    checkRequiredOneOf(errors, `${at}.source`, config.source, ["FromClaim", "FromClass"]);
    checkReferences(errors, `${at}.requests`, config.requests, names);
    checkConfiguration(errors, at, config.opaque, false);
  });
  if (allocation.nodeSelector) validateNodeSelector(errors, `${path}.nodeSelector`, allocation.nodeSelector);
}

function checkDevice(errors: Errors, path: string, device: DeepReadonly<AllocatedDeviceStatus>, allocated: ReadonlySet<string>): void {
  checkDriverName(errors, `${path}.driver`, device.driver);
  checkPoolName(errors, `${path}.pool`, device.pool);
  checkDnsLabel(errors, `${path}.device`, device.device);
  if (device.shareID !== undefined) checkUuid(errors, `${path}.shareID`, device.shareID);
  if (!allocated.has(deviceKey(device))) errors.push(field.invalid(path, deviceId(device), "must be an allocated device in the claim"));
  const conditions = device.conditions ?? [];
  if (conditions.length > MAX_CONDITIONS) errors.push(field.tooMany(`${path}.conditions`, conditions.length, MAX_CONDITIONS));
  checkConditions(errors, `${path}.conditions`, conditions);
  if (device.data !== undefined) checkOpaqueData(errors, `${path}.data`, device.data, false);
  const network = device.networkData;
  if (!network) return;
  for (const [name, max] of [
    ["interfaceName", 256],
    ["hardwareAddress", 128],
  ] as const) {
    if (byteLength(network[name] ?? "") > max) errors.push(field.tooLong(`${path}.networkData.${name}`, max));
  }
  const addressPath = `${path}.networkData.ips`;
  checkItems(
    errors,
    addressPath,
    network.ips,
    MAX_ADDRESSES,
    (address, at) => checkInterfaceAddress(errors, at, address),
    (address) => address,
  );
}

function checkInterfaceAddress(errors: Errors, path: string, address: string): void {
  const parsed = parseCidr(address);
  if (!parsed) {
    errors.push(field.invalid(path, address, "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)"));
    return;
  }
  const canonical = `${formatIp(parsed)}/${parsed.prefix}`;
  if (address !== canonical) errors.push(field.invalid(path, address, `must be in canonical form ("${canonical}")`));
}
