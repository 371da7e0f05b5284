// What a ResourceSlice may hold and how it may change, with upstream's paths and words.

import type { NodeSelector } from "#kinds/api/core-v1.gen.ts";
import type { ResourceSlice, ResourceSliceSpec } from "#kinds/api/resource-v1.gen.ts";
import { validateNodeSelector } from "#kinds/core/pod/pod-spec/validate-scheduling.ts";
import { checkDriverName, checkItems, checkPoolName } from "#kinds/resource/checks.ts";
import { checkDnsLabel, checkImmutable, checkRequired, checkSubdomain, type Errors } from "#kinds/shared/checks.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { checkCounters } from "./validate-counters.ts";
import { checkDevice } from "./validate-device.ts";

type Slice = DeepReadonly<ResourceSlice>;
type Spec = DeepReadonly<Partial<ResourceSliceSpec>>;

const MAX_DEVICES = 128;
/** Where devices have taints or use counters. */
const MAX_ADVANCED_DEVICES = 64;
const MAX_COUNTER_SETS = 8;
const ONE_PLACE = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";

export function validateSlice(next: Slice, previous: Slice | undefined): FieldError[] {
  const errors: Errors = [];
  const spec: Spec = next.spec ?? {};
  checkDriverName(errors, "spec.driver", spec.driver);
  checkPool(errors, spec.pool ?? {});
  if (previous) {
    checkImmutable(errors, "spec.pool.name", spec.pool?.name ?? "", previous.spec?.pool?.name ?? "");
    checkImmutable(errors, "spec.driver", spec.driver ?? "", previous.spec?.driver ?? "");
    checkImmutable(errors, "spec.nodeName", spec.nodeName, previous.spec?.nodeName);
  }
  checkPlace(errors, spec);
  if (spec.sharedCounters !== undefined && spec.devices !== undefined) {
    errors.push(field.invalid("spec", "", "only one of `sharedCounters` or `devices` is allowed"));
  }
  const isAdvanced = (spec.devices ?? []).some(({ taints = [], consumesCounters = [] }) => taints.length + consumesCounters.length > 0);
  const before = new Map((previous?.spec?.devices ?? []).map((device) => [device.name, device]));
  const perDevice = spec.perDeviceNodeSelection === true;
  checkItems(
    errors,
    "spec.devices",
    spec.devices,
    isAdvanced ? MAX_ADVANCED_DEVICES : MAX_DEVICES,
    (device, at) => checkDevice(errors, at, device, before.get(device.name), perDevice),
    ({ name }) => name ?? "",
  );
  checkItems(
    errors,
    "spec.sharedCounters",
    spec.sharedCounters,
    MAX_COUNTER_SETS,
    (set, at) => {
      if (checkRequired(errors, `${at}.name`, set.name)) checkDnsLabel(errors, `${at}.name`, set.name);
      checkCounters(errors, `${at}.counters`, set.counters);
    },
    ({ name }) => name ?? "",
  );
  return errors;
}

function checkPool(errors: Errors, { name, resourceSliceCount = 0, generation = 0 }: NonNullable<Partial<Spec["pool"]>>): void {
  checkPoolName(errors, "spec.pool.name", name);
  if (resourceSliceCount <= 0) errors.push(field.invalid("spec.pool.resourceSliceCount", resourceSliceCount, "must be greater than zero"));
  if (generation < 0) errors.push(field.invalid("spec.pool.generation", generation, "must be greater than or equal to zero"));
}

function checkPlace(errors: Errors, spec: Spec): void {
  const set: string[] = [];
  if (spec.nodeName !== undefined) {
    if (spec.nodeName === "") errors.push(field.invalid("spec.nodeName", "", "must be either unset or set to a non-empty string"));
    else {
      set.push("`nodeName`");
      checkSubdomain(errors, "spec.nodeName", spec.nodeName);
    }
  }
  if (spec.nodeSelector) {
    set.push("`nodeSelector`");
    checkOneTerm(errors, spec.nodeSelector);
  }
  for (const name of ["allNodes", "perDeviceNodeSelection"] as const) {
    if (spec[name] === true) set.push(`\`${name}\``);
    else if (spec[name] === false) errors.push(field.invalid(`spec.${name}`, false, "must be either unset or set to true"));
  }
  if (set.length === 0) errors.push(field.required("spec", ONE_PLACE));
  if (set.length > 1) errors.push(field.invalid("spec", `{${set.join(", ")}}`, `${ONE_PLACE}, but multiple fields are set`));
}

function checkOneTerm(errors: Errors, selector: DeepReadonly<NodeSelector>): void {
  validateNodeSelector(errors, "spec.nodeSelector", selector);
  const terms = selector.nodeSelectorTerms ?? [];
  if (terms.length !== 1)
    errors.push(
      field.invalid("spec.nodeSelector.nodeSelectorTerms", selector.nodeSelectorTerms ?? null, "must have exactly one node selector term"),
    );
}
