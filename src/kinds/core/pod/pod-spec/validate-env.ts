// Environment variables and where their values come from.

import type { ConfigMapKeySelector, EnvFromSource, EnvVar, ObjectFieldSelector, ResourceFieldSelector } from "#kinds/api/core-v1.gen.ts";
import {
  checkDnsLabel,
  checkOneOf,
  checkQualifiedName,
  checkRequired,
  checkRule,
  checkSubdomain,
  type Errors,
} from "#kinds/shared/checks.ts";
import { canonical, tryParse } from "#kinds/shared/quantities.ts";
import { field } from "#meta/errors.ts";
import { configMapKey, relaxedEnvVarName } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { checkNoBacksteps } from "./paths.ts";

const ENV_FIELDS = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];
export const VOLUME_FIELDS = ["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];
const ALL_FIELDS = new Set([...ENV_FIELDS, ...VOLUME_FIELDS, "spec.hostname", "spec.restartPolicy", "spec.schedulerName", "status.phase"]);
const RESOURCES = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory",
];
const HUGE_PAGES = ["limits.hugepages-", "requests.hugepages-"];
const BYTE_DIVISORS = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

export function validateEnv(errors: Errors, path: string, variables: readonly DeepReadonly<EnvVar>[]): void {
  for (const [index, variable] of variables.entries()) {
    const at = `${path}[${index}]`;
    if (checkRequired(errors, `${at}.name`, variable.name)) checkRule(errors, `${at}.name`, variable.name, relaxedEnvVarName);
    if (variable.valueFrom) validateValueFrom(errors, `${at}.valueFrom`, variable);
  }
}

function validateValueFrom(errors: Errors, path: string, { value, valueFrom }: DeepReadonly<EnvVar>): void {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = valueFrom ?? {};
  if (fieldRef) validateFieldRef(errors, `${path}.fieldRef`, fieldRef, ENV_FIELDS);
  if (resourceFieldRef) validateResourceRef(errors, `${path}.resourceFieldRef`, resourceFieldRef, false);
  if (configMapKeyRef) validateKeyRef(errors, `${path}.configMapKeyRef`, configMapKeyRef);
  if (secretKeyRef) validateKeyRef(errors, `${path}.secretKeyRef`, secretKeyRef);
  if (fileKeyRef) {
    const at = `${path}.fileKeyRef`;
    if (checkRequired(errors, `${at}.key`, fileKeyRef.key)) checkRule(errors, `${at}.key`, fileKeyRef.key, relaxedEnvVarName);
    if (checkRequired(errors, `${at}.volumeName`, fileKeyRef.volumeName)) checkDnsLabel(errors, `${at}.volumeName`, fileKeyRef.volumeName);
    if (checkRequired(errors, `${at}.path`, fileKeyRef.path)) checkNoBacksteps(errors, `${at}.path`, fileKeyRef.path);
  }
  const count = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter((source) => source !== undefined).length;
  if (count === 0) {
    const text = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
    errors.push(field.invalid(path, "", text));
  } else if (value) errors.push(field.invalid(path, "", "may not be specified when `value` is not empty"));
  else if (count > 1) errors.push(field.invalid(path, "", "may not have more than one field specified at a time"));
}

/** A field of the pod itself, out of those that can be had where it is asked for. */
export function validateFieldRef(errors: Errors, path: string, ref: DeepReadonly<ObjectFieldSelector>, allowed: readonly string[]): void {
  if (!checkRequired(errors, `${path}.apiVersion`, ref.apiVersion)) return;
  if (!checkRequired(errors, `${path}.fieldPath`, ref.fieldPath)) return;
  const fieldPath = ref.fieldPath;
  const convert = (cause: string) => errors.push(field.invalid(`${path}.fieldPath`, fieldPath, `error converting fieldPath: ${cause}`));
  if (ref.apiVersion !== "v1") {
    convert(`unsupported pod version: ${ref.apiVersion}`);
    return;
  }
  const [, name, subscript] = /^([^[]+)\['(.*)'\]$/.exec(fieldPath) ?? [];
  if (name !== undefined && subscript !== undefined) {
    if (name === "metadata.annotations") checkQualifiedName(errors, path, subscript.toLowerCase());
    else if (name === "metadata.labels") checkQualifiedName(errors, path, subscript);
    else convert(`field label does not support subscript: ${fieldPath}`);
  } else if (!ALL_FIELDS.has(fieldPath)) convert(`field label not supported: ${fieldPath}`);
  else checkOneOf(errors, `${path}.fieldPath`, fieldPath, allowed);
}

/** A request or limit of a container; volumes must say of which. */
export function validateResourceRef(errors: Errors, path: string, ref: DeepReadonly<ResourceFieldSelector>, isVolume: boolean): void {
  const { containerName, resource, divisor } = ref;
  if (isVolume && !containerName) errors.push(field.required(`${path}.containerName`));
  else if (!resource) errors.push(field.required(`${path}.resource`));
  else if (!HUGE_PAGES.some((prefix) => resource.startsWith(prefix))) checkOneOf(errors, `${path}.resource`, resource, RESOURCES);
  if (divisor === undefined || (tryParse(divisor)?.nanos ?? 0n) === 0n || !resource) return;
  const [, name = ""] = resource.split(".", 2);
  const refuse = (text: string) => errors.push(field.invalid(`${path}.divisor`, resource, text));
  if (name === "cpu") {
    if (!["1m", "1"].includes(canonical(divisor))) refuse("only divisor's values 1m and 1 are supported with the cpu resource");
  } else if (!BYTE_DIVISORS.includes(canonical(divisor))) {
    const called = name === "ephemeral-storage" ? "local ephemeral storage" : name.startsWith("hugepages-") ? "hugepages" : name;
    if (called === "memory" || called !== name)
      refuse(`only divisor's values ${BYTE_DIVISORS.join(", ")} are supported with the ${called} resource`);
  }
}

function validateKeyRef(errors: Errors, path: string, ref: DeepReadonly<ConfigMapKeySelector>): void {
  checkSubdomain(errors, `${path}.name`, ref.name ?? "");
  if (checkRequired(errors, `${path}.key`, ref.key)) checkRule(errors, `${path}.key`, ref.key, configMapKey);
}

export function validateEnvFrom(errors: Errors, path: string, sources: readonly DeepReadonly<EnvFromSource>[]): void {
  for (const [index, { prefix, configMapRef, secretRef }] of sources.entries()) {
    const at = `${path}[${index}]`;
    if (prefix) checkRule(errors, `${at}.prefix`, prefix, relaxedEnvVarName);
    for (const [name, ref] of [["configMapRef", configMapRef] as const, ["secretRef", secretRef] as const]) {
      if (ref && checkRequired(errors, `${at}.${name}.name`, ref.name)) checkSubdomain(errors, `${at}.${name}.name`, ref.name ?? "");
    }
    if (!configMapRef && !secretRef) errors.push(field.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"));
    else if (configMapRef && secretRef) errors.push(field.invalid(path, "", "may not have more than one field specified at a time"));
  }
}
