// What a device of a ResourceSlice may be, with upstream's paths and words.

import type { Device, DeviceAttribute, DeviceTaint } from "#kinds/api/resource-v1.gen.ts";
import { validateNodeSelector } from "#kinds/core/pod/pod-spec/validate-scheduling.ts";
import { checkItems, checkQualified } from "#kinds/resource/checks.ts";
import { checkBindingConditions, checkEffect } from "#kinds/resource/devices.ts";
import { checkDnsLabel, checkQualifiedName, checkRequired, checkRule, checkSubdomain, type Errors } from "#kinds/shared/checks.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import { field } from "#meta/errors.ts";
import { byteLength, labelValue } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { checkRequestPolicy } from "./validate-capacity.ts";
import { checkCounters } from "./validate-counters.ts";

type Read = DeepReadonly<Partial<Device>>;

const MAX_PROPERTIES = 32;
const MAX_ATTRIBUTE_VALUES = 48;
const MAX_TAINTS = 16;
const MAX_CONSUMPTIONS = 2;
const MAX_VALUE_BYTES = 64;
const MAX_SHOWN_KEY = 63 + 1 + 32;
const SEMVER =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;
const ONE_PLACE =
  "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec";

export function checkDevice(errors: Errors, path: string, device: Read, before: Read | undefined, perDevice: boolean): void {
  checkDnsLabel(errors, `${path}.name`, device.name);
  const { attributes = {}, capacity = {} } = device;
  const count = Object.keys(attributes).length;
  const properties = count + Object.keys(capacity).length;
  if (properties > MAX_PROPERTIES) {
    errors.push(field.invalid(path, properties, `the total number of attributes and capacities must not exceed ${MAX_PROPERTIES}`));
  }
  if (count > MAX_ATTRIBUTE_VALUES) {
    errors.push(field.invalid(path, count, `the total number of attribute values must not exceed ${MAX_ATTRIBUTE_VALUES}`));
  }
  for (const [name, attribute] of Object.entries(attributes)) {
    checkQualified(errors, `${path}.attributes`, name);
    checkAttribute(errors, `${path}.attributes[${shown(name)}]`, attribute);
  }
  for (const [name, { value, requestPolicy }] of Object.entries(capacity)) {
    checkQualified(errors, `${path}.capacity`, name);
    const at = `${path}.capacity[${shown(name)}].requestPolicy`;
    if (!requestPolicy) continue;
    if (device.allowMultipleAllocations) checkRequestPolicy(errors, at, value, requestPolicy);
    else errors.push(field.forbidden(at, "allowMultipleAllocations must be true"));
  }
  if (!before || !semanticEqual(before.taints, device.taints)) {
    checkItems(errors, `${path}.taints`, device.taints, MAX_TAINTS, (taint, at) => checkTaint(errors, at, taint));
  }
  checkItems(
    errors,
    `${path}.consumesCounters`,
    device.consumesCounters,
    MAX_CONSUMPTIONS,
    ({ counterSet, counters }, at) => {
      if (checkRequired(errors, `${at}.counterSet`, counterSet)) checkDnsLabel(errors, `${at}.counterSet`, counterSet);
      checkCounters(errors, `${at}.counters`, counters);
    },
    ({ counterSet }) => counterSet ?? "",
  );
  if (perDevice) checkPlace(errors, path, device);
  else if (device.nodeName !== undefined || device.nodeSelector || device.allNodes !== undefined) {
    const detail =
      "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
    errors.push(field.invalid(path, null, detail));
  }
  checkBindingConditions(errors, path, device.bindingConditions, device.bindingFailureConditions);
}

/** Long keys are shown without their middle. */
function shown(key: string): string {
  if (key.length <= MAX_SHOWN_KEY) return key;
  const rest = MAX_SHOWN_KEY - 3;
  return `${key.slice(0, Math.floor((rest + 1) / 2))}...${key.slice(key.length - Math.floor(rest / 2))}`;
}

function checkAttribute(errors: Errors, path: string, attribute: DeepReadonly<DeviceAttribute>): void {
  const { string, version } = attribute;
  if (string !== undefined) checkLength(errors, `${path}.string`, string);
  if (version !== undefined) {
    if (!SEMVER.test(version)) {
      errors.push(field.invalid(`${path}.version`, version, "must be a string compatible with semver.org spec 2.0.0"));
    }
    checkLength(errors, `${path}.version`, version);
  }
  const count = [attribute.bool, attribute.int, string, version].filter((value) => value !== undefined).length;
  if (count !== 1) errors.push(field.invalid(path, count === 0 ? "" : attribute, "exactly one value must be specified"));
}

function checkLength(errors: Errors, path: string, value: string): void {
  if (byteLength(value) > MAX_VALUE_BYTES) errors.push(field.tooLong(path, MAX_VALUE_BYTES));
}

function checkTaint(errors: Errors, path: string, { key, value, effect }: DeepReadonly<Partial<DeviceTaint>>): void {
  checkQualifiedName(errors, `${path}.key`, key);
  if (value) checkRule(errors, `${path}.value`, value, labelValue);
  if (checkRequired(errors, `${path}.effect`, effect)) checkEffect(errors, `${path}.effect`, effect ?? "");
}

function checkPlace(errors: Errors, path: string, device: Read): void {
  const set: string[] = [];
  if (device.nodeName === "") errors.push(field.invalid(`${path}.nodeName`, "", "must not be empty"));
  else if (device.nodeName !== undefined) {
    set.push("`nodeName`");
    checkSubdomain(errors, `${path}.nodeName`, device.nodeName);
  }
  if (device.nodeSelector) {
    set.push("`nodeSelector`");
    validateNodeSelector(errors, `${path}.nodeSelector`, device.nodeSelector);
  }
  if (device.allNodes === true) set.push("`allNodes`");
  else if (device.allNodes === false) errors.push(field.invalid(`${path}.allNodes`, false, "must be either unset or set to true"));
  if (set.length === 0) errors.push(field.required(path, ONE_PLACE));
  if (set.length > 1) errors.push(field.invalid(path, `{${set.join(", ")}}`, ONE_PLACE));
}
