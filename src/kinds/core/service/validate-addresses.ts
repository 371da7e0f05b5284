// A Service's cluster addresses and their families: what they must be, and how they may change.

import type { ServiceSpec } from "#kinds/api/core-v1.gen.ts";
import { checkOneOf, type Errors } from "#kinds/shared/checks.ts";
import { parseIp, validateIp } from "#kinds/shared/ip.ts";
import { field } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Spec = DeepReadonly<ServiceSpec>;

const FAMILIES = ["IPv4", "IPv6"];
const POLICIES = ["PreferDualStack", "RequireDualStack", "SingleStack"];
const CHANGED = "may not change once set";
const PATH = "spec.clusterIPs";

export function validateClusterIps(spec: Spec, known: readonly string[], errors: Errors): void {
  if (spec.type === "ExternalName") return;
  const ips = spec.clusterIPs ?? [];
  if (spec.clusterIP) {
    if (ips.length === 0) errors.push(field.required(PATH));
    else if (ips[0] !== spec.clusterIP) errors.push(field.invalid(PATH, ips, "first value must match `clusterIP`"));
  } else if (ips.length > 0) {
    errors.push(field.invalid(PATH, ips, "must be empty when `clusterIP` is not specified"));
  }
  const families = spec.ipFamilies ?? [];
  for (const [index, family] of families.entries()) {
    checkOneOf(errors, `spec.ipFamilies[${index}]`, family, FAMILIES);
    if (families.indexOf(family) < index) errors.push(field.duplicate(`spec.ipFamilies[${index}]`, family));
  }
  if (spec.ipFamilyPolicy !== undefined) checkOneOf(errors, "spec.ipFamilyPolicy", spec.ipFamilyPolicy, POLICIES);
  let wrong = false;
  for (const [index, ip] of ips.entries()) {
    if (index === 0 && ip === "None") {
      if (ips.length === 1) continue;
      wrong = true;
      errors.push(field.invalid(PATH, ips, "'None' must be the first and only value"));
      continue;
    }
    const found = validateIp(`${PATH}[${index}]`, ip, known);
    wrong ||= found.length > 0;
    errors.push(...found);
  }
  if (ips.length > 2) errors.push(field.invalid(PATH, ips, "may only hold up to 2 values"));
  if (wrong) return;
  if (ips.length > 1 && new Set(ips.map((ip) => parseIp(ip)?.family)).size === 1) {
    errors.push(field.invalid(PATH, ips, "may specify no more than one IP for each IP family"));
  }
  if (ips[0] === "None") return;
  for (const [index, ip] of ips.entries()) {
    const family = families[index];
    if (family !== undefined && FAMILIES.includes(family) && `IPv${parseIp(ip)?.family}` !== family) {
      errors.push(field.invalid(`${PATH}[${index}]`, ip, `expected an ${family} value as indicated by \`ipFamilies[${index}]\``));
    }
  }
}

export function validateFamilyChanges(spec: Spec, before: Spec, errors: Errors): void {
  if (spec.type === "ExternalName" || before.type === "ExternalName") return;
  const headless = spec.clusterIPs?.[0] === "None";
  const wasHeadless = before.clusterIPs?.[0] === "None";
  if (!(headless && wasHeadless)) checkChange("clusterIPs", "clusterIP", spec, before, errors);
  if (!headless && !wasHeadless) checkChange("ipFamilies", "ipFamily", spec, before, errors);
}

function checkChange(name: "clusterIPs" | "ipFamilies", one: string, spec: Spec, before: Spec, errors: Errors): void {
  const [next, old] = [spec[name] ?? [], before[name] ?? []];
  const path = `spec.${name}`;
  if (old.length === next.length) {
    for (const [index, value] of old.entries()) {
      // Upstream names the first family whichever has changed.
      if (value !== next[index]) errors.push(field.invalid(`${path}[${name === "clusterIPs" ? index : 0}]`, next, CHANGED));
    }
    return;
  }
  if (old.length > next.length && next.length === 0)
    errors.push(field.invalid(`${path}[0]`, spec[name] ?? null, `primary ${one} can not be unset`));
  if (old.length > 0 && next.length > 0 && next[0] !== old[0]) errors.push(field.invalid(`${path}[0]`, next, CHANGED));
  if (old.length > next.length && next.length === 1 && spec.ipFamilyPolicy !== "SingleStack") {
    const detail = `must be set to 'SingleStack' when releasing the secondary ${one}`;
    errors.push(field.invalid("spec.ipFamilyPolicy", spec.ipFamilyPolicy, detail));
  }
}
