import type { ConfigMapNodeConfigSource, Node, NodeConfigSource } from "#kinds/api/core-v1.gen.ts";
import { checkDnsLabel, checkRequired, checkRule, checkSubdomain, NEGATIVE, type Errors } from "#kinds/shared/checks.ts";
import { parseCidr } from "#kinds/shared/ip.ts";
import { warningsForCidr } from "#kinds/shared/ip-warnings.ts";
import { checkTaints } from "#kinds/shared/network.ts";
import { tryParse } from "#kinds/shared/quantities.ts";
import { isIntegerResource } from "#kinds/shared/resource-names.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { validateLegacyCidr } from "#meta/ip-validation.ts";
import { byteLength, configMapKey } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

const AVOID_PODS = "scheduler.alpha.kubernetes.io/preferAvoidPods";
const MAX_FEATURE_NAME = 253;
const FEATURE_NAME = /^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*$/;
const FROM_EMPTY = 'except from "" to valid';

export function validateNode(next: DeepReadonly<Node>, previous: DeepReadonly<Node> | undefined): FieldError[] {
  const errors: Errors = [];
  const { spec, status } = next;
  if (spec?.taints?.length) checkTaints(errors, "metadata.taints", spec.taints);
  for (const list of ["capacity", "allocatable"] as const) {
    for (const [name, value] of Object.entries(status?.[list] ?? {})) validateQuantity(`status.${list}.${name}`, name, value, errors);
  }
  validateDeclaredFeatures(errors, "status.declaredFeatures", status?.declaredFeatures ?? []);
  validateAvoidPods(errors, next.metadata?.annotations?.[AVOID_PODS]);
  const ranges = spec?.podCIDRs ?? [];
  for (const [index, range] of ranges.entries()) errors.push(...validateLegacyCidr(`spec.podCIDRs[${index}]`, range));
  const unreadable = ranges.length > 1 ? ranges.findIndex((range) => !parseCidr(range)) : -1;
  if (unreadable >= 0) {
    const detail = `invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[${unreadable}]: <nil> (invalid CIDR address: ${ranges[unreadable] ?? ""})`;
    errors.push({ type: "InternalError", field: "spec.podCIDRs", detail });
  }
  const families = new Set(ranges.map((range) => parseCidr(range)?.family));
  if (ranges.length > 1 && (ranges.length > 2 || families.size === 1 || families.has(undefined))) {
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
  const [before, after] = [previous.spec?.podCIDRs ?? [], next.spec?.podCIDRs ?? []];
  const changed = before.length === after.length ? before.filter((range, index) => range !== after[index]).length : before.length && 1;
  for (let count = 0; count < changed; count++) {
    errors.push(field.forbidden("spec.podCIDRs", `node updates may not change podCIDR ${FROM_EMPTY}`));
  }
  if (previous.spec?.providerID && previous.spec.providerID !== next.spec?.providerID) {
    errors.push(field.forbidden("spec.providerID", `node updates may not change providerID ${FROM_EMPTY}`));
  }
  if ((previous.spec?.externalID ?? "") !== (next.spec?.externalID ?? ""))
    errors.push(field.forbidden("spec.externalID", "may not be updated"));
  const { configSource } = next.spec ?? {};
  if (configSource) validateConfigSource(errors, "spec.configSource", configSource, false);
  for (const name of ["assigned", "active", "lastKnownGood"] as const) {
    const source = next.status?.config?.[name];
    if (source) validateConfigSource(errors, `status.config.${name}`, source, true);
  }
}

function validateConfigSource(errors: Errors, path: string, source: DeepReadonly<NodeConfigSource>, inStatus: boolean): void {
  if (source.configMap) validateConfigMapSource(errors, `${path}.configMap`, source.configMap, inStatus);
  else errors.push(field.invalid(path, source, "exactly one reference subfield must be non-nil"));
}

function validateConfigMapSource(errors: Errors, path: string, source: DeepReadonly<ConfigMapNodeConfigSource>, inStatus: boolean): void {
  for (const name of ["uid", "resourceVersion"] as const) {
    if (inStatus) checkRequired(errors, `${path}.${name}`, source[name]);
    else if (source[name]) errors.push(field.forbidden(`${path}.${name}`, `${name} must not be set in spec`));
  }
  if (checkRequired(errors, `${path}.namespace`, source.namespace)) checkDnsLabel(errors, `${path}.namespace`, source.namespace);
  if (checkRequired(errors, `${path}.name`, source.name)) checkSubdomain(errors, `${path}.name`, source.name);
  if (checkRequired(errors, `${path}.kubeletConfigKey`, source.kubeletConfigKey)) {
    checkRule(errors, `${path}.kubeletConfigKey`, source.kubeletConfigKey, configMapKey);
  }
}

function validateDeclaredFeatures(errors: Errors, path: string, features: readonly string[]): void {
  for (const [index, name] of features.entries()) {
    const refuse = (detail: string) =>
      errors.push(field.invalid(`${path}[${index}]`, name, `invalid feature name ${JSON.stringify(name)}: ${detail}`));
    if (byteLength(name) > MAX_FEATURE_NAME) refuse(`must be no more than ${MAX_FEATURE_NAME} characters`);
    else if (!FEATURE_NAME.test(name)) {
      refuse(
        "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes",
      );
    }
    const following = features[index + 1];
    if (following === undefined) continue;
    if (following === name) errors.push(field.duplicate(`${path}[${index + 1}]`, following));
    else if (name > following) errors.push(field.invalid(`${path}[${index + 1}]`, following, "list must be sorted alphabetically"));
  }
}

/** An old annotation that is still checked. */
function validateAvoidPods(errors: Errors, text: string | undefined): void {
  if (!text) return;
  const path = "metadata.annotations";
  let entries: readonly { readonly podSignature?: { readonly podController?: { readonly controller?: boolean } } }[];
  try {
    // What is not of this form reads as empty below.
    entries = (JSON.parse(text) as { readonly preferAvoidPods?: typeof entries } | null)?.preferAvoidPods ?? [];
  } catch (error) {
    errors.push(field.invalid(`${path}.AvoidPods`, AVOID_PODS, error instanceof Error ? error.message : String(error)));
    return;
  }
  for (const [index, { podSignature }] of entries.entries()) {
    const at = `${path}.${AVOID_PODS}[${index}].PodSignature`;
    const controller = podSignature?.podController;
    if (!controller) errors.push(field.required(at));
    else if (!controller.controller) errors.push(field.invalid(`${at}.PodController.Controller`, false, "must point to a controller"));
  }
}

export function nodeWarnings({ spec }: DeepReadonly<Node>): string[] {
  const warnings: string[] = [];
  if (spec?.configSource) warnings.push("spec.configSource: the feature is removed");
  if (spec?.externalID) warnings.push("spec.externalID: this field is deprecated, and is unused by Kubernetes");
  for (const [index, range] of (spec?.podCIDRs ?? []).entries()) warnings.push(...warningsForCidr(`spec.podCIDRs[${index}]`, range));
  return warnings;
}
