// Security contexts of pods and containers.

import type {
  AppArmorProfile,
  PodSecurityContext,
  PodSpec,
  SeccompProfile,
  SecurityContext,
  WindowsSecurityContextOptions,
} from "#kinds/api/core-v1.gen.ts";
import { checkOneOf, checkRequired, checkRequiredOneOf, checkRule, type Errors } from "#kinds/shared/checks.ts";
import { field } from "#meta/errors.ts";
import { byteLength, dns1123Subdomain, userId } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { checkDescendingPath } from "./paths.ts";
import { hostSysctl } from "./sysctls.ts";
import type { Tolerated } from "./tolerated.ts";

type Read<T> = DeepReadonly<T>;

const PROFILE_TYPES = ["Localhost", "RuntimeDefault", "Unconfined"];
const MAX_PROFILE_PATH = 4095;
const SYSCTL = "([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?";
const MAX_SYSCTL = 253;

function checkId(errors: Errors, path: string, id: number | undefined): void {
  if (id === undefined) return;
  for (const wrong of userId(id)) errors.push(field.invalid(path, id, wrong));
}

/** A container's. `hostUsers`: the pod uses the host's user namespace. */
export function validateSecurityContext(
  errors: Errors,
  path: string,
  context: Read<SecurityContext> | undefined,
  hostUsers: boolean,
): void {
  if (!context) return;
  checkId(errors, `${path}.runAsUser`, context.runAsUser);
  checkId(errors, `${path}.runAsGroup`, context.runAsGroup);
  const { procMount, allowPrivilegeEscalation, privileged } = context;
  if (procMount !== undefined) {
    checkOneOf(errors, `${path}.procMount`, procMount, ["Default", "Unmasked"]);
    if (hostUsers && procMount === "Unmasked") {
      errors.push(field.invalid(`${path}.procMount`, procMount, "`hostUsers` must be false to use `Unmasked`"));
    }
  }
  validateSeccomp(errors, `${path}.seccompProfile`, context.seccompProfile);
  if (allowPrivilegeEscalation === false) {
    const refuse = (other: string) =>
      errors.push(field.invalid(path, context, `cannot set \`allowPrivilegeEscalation\` to false and ${other}`));
    if (privileged) refuse("`privileged` to true");
    if (context.capabilities?.add?.includes("CAP_SYS_ADMIN")) refuse("`capabilities.Add` CAP_SYS_ADMIN");
  }
  validateWindowsOptions(errors, `${path}.windowsOptions`, context.windowsOptions);
  validateAppArmor(errors, `${path}.appArmorProfile`, context.appArmorProfile);
}

export function validatePodSecurityContext(
  errors: Errors,
  path: string,
  context: Read<PodSecurityContext>,
  spec: Read<PodSpec>,
  { seLinuxPolicies, hostSysctls }: Tolerated,
): void {
  checkId(errors, `${path}.fsGroup`, context.fsGroup);
  checkId(errors, `${path}.runAsUser`, context.runAsUser);
  checkId(errors, `${path}.runAsGroup`, context.runAsGroup);
  for (const [index, group] of (context.supplementalGroups ?? []).entries()) checkId(errors, `${path}.supplementalGroups[${index}]`, group);
  if (spec.shareProcessNamespace && spec.hostPID) {
    errors.push(field.invalid(`${path}.shareProcessNamespace`, true, "ShareProcessNamespace and HostPID cannot both be enabled"));
  }
  validateSysctls(errors, `${path}.sysctls`, context, spec, hostSysctls);
  const { fsGroupChangePolicy, supplementalGroupsPolicy, seLinuxChangePolicy } = context;
  if (fsGroupChangePolicy !== undefined)
    checkOneOf(errors, `${path}.fsGroupChangePolicy`, fsGroupChangePolicy, ["Always", "OnRootMismatch"]);
  validateSeccomp(errors, `${path}.seccompProfile`, context.seccompProfile);
  validateWindowsOptions(errors, `${path}.windowsOptions`, context.windowsOptions);
  validateAppArmor(errors, `${path}.appArmorProfile`, context.appArmorProfile);
  if (supplementalGroupsPolicy !== undefined)
    checkOneOf(errors, `${path}.supplementalGroupsPolicy`, supplementalGroupsPolicy, ["Merge", "Strict"]);
  if (seLinuxChangePolicy !== undefined)
    checkOneOf(errors, `${path}.seLinuxChangePolicy`, seLinuxChangePolicy, seLinuxPolicies ? ["MountOption", "Recursive"] : ["Recursive"]);
}

function validateSysctls(
  errors: Errors,
  path: string,
  { sysctls = [] }: Read<PodSecurityContext>,
  spec: Read<PodSpec>,
  allowsHost: boolean,
): void {
  const names = new Set<string>();
  for (const [index, { name }] of sysctls.entries()) {
    const at = `${path}[${index}].name`;
    if (checkRequired(errors, at, name)) {
      if (name.length > MAX_SYSCTL || !new RegExp(`^${SYSCTL}$`).test(name)) {
        errors.push(field.invalid(at, name, `must have at most ${MAX_SYSCTL} characters and match regex ^${SYSCTL}$`));
      } else if (names.has(name)) errors.push(field.duplicate(at, name));
    }
    const shared = allowsHost ? undefined : hostSysctl(name, spec);
    if (shared) errors.push(field.invalid(at, name, `may not be specified when '${shared}' is true`));
    names.add(name);
  }
}

function validateSeccomp(errors: Errors, path: string, profile: Read<SeccompProfile> | undefined): void {
  if (!profile) return;
  const { type, localhostProfile } = profile;
  if (checkRequired(errors, `${path}.type`, type, "type is required when seccompProfile is set"))
    checkOneOf(errors, `${path}.type`, type, PROFILE_TYPES);
  if (type === "Localhost") {
    if (localhostProfile === undefined)
      errors.push(field.required(`${path}.localhostProfile`, "must be set when seccomp type is Localhost"));
    else checkDescendingPath(errors, `${path}.localhostProfile`, localhostProfile);
  } else if (localhostProfile !== undefined) {
    errors.push(field.invalid(`${path}.localhostProfile`, profile, "can only be set when seccomp type is Localhost"));
  }
}

function validateAppArmor(errors: Errors, path: string, profile: Read<AppArmorProfile> | undefined): void {
  if (!profile) return;
  const { type, localhostProfile: local } = profile;
  const at = `${path}.localhostProfile`;
  if (type === "Localhost") {
    if (local === undefined || local === "") errors.push(field.required(at, "must be set when AppArmor type is Localhost"));
    else if (local.trim() !== local) errors.push(field.invalid(at, local, "must not be padded with whitespace"));
    if (byteLength(local ?? "") > MAX_PROFILE_PATH) errors.push(field.tooLong(at, MAX_PROFILE_PATH));
    return;
  }
  if (local !== undefined && PROFILE_TYPES.includes(type))
    errors.push(field.invalid(at, local, "can only be set when AppArmor type is Localhost"));
  if (checkRequired(errors, `${path}.type`, type, "type is required when appArmorProfile is set"))
    checkOneOf(errors, `${path}.type`, type, PROFILE_TYPES);
}

function validateWindowsOptions(errors: Errors, path: string, options: Read<WindowsSecurityContextOptions> | undefined): void {
  if (!options) return;
  const { gmsaCredentialSpecName: name, gmsaCredentialSpec: credentials, runAsUserName: user } = options;
  if (name !== undefined) checkRule(errors, `${path}.gmsaCredentialSpecName`, name, dns1123Subdomain);
  if (credentials === "")
    errors.push(field.invalid(`${path}.gmsaCredentialSpec`, credentials, "gmsaCredentialSpec cannot be an empty string"));
  else if (credentials !== undefined && byteLength(credentials) > 64 * 1024) {
    errors.push(field.invalid(`${path}.gmsaCredentialSpec`, credentials, "gmsaCredentialSpec size must be under 64 KiB"));
  }
  if (user !== undefined) for (const wrong of windowsUser(user)) errors.push(field.invalid(`${path}.runAsUserName`, user, wrong));
}

function windowsUser(text: string): string[] {
  if (text === "") return ["runAsUserName cannot be an empty string"];
  // oxlint-disable-next-line no-control-regex -- control characters are what this looks for
  if (/[\x00-\x1f\x7f]/.test(text)) return ["runAsUserName cannot contain control characters"];
  const parts = text.split("\\");
  if (parts.length > 2) return ["runAsUserName cannot contain more than one backslash"];
  const [user = "", domain] = parts.toReversed();
  const wrong: string[] = [];
  if (domain !== undefined) {
    if (byteLength(domain) >= 256) wrong.push("runAsUserName's Domain length must be under 256 characters");
    const label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
    const fits = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/.test(domain) || new RegExp(`^${label}(?:\\.${label})*$`).test(domain);
    if (!fits) wrong.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  }
  if (user === "") wrong.push("runAsUserName's User cannot be empty");
  else if (byteLength(user) > 104) wrong.push("runAsUserName's User length must not be longer than 104 characters");
  if (/^[. ]+$/.test(user)) wrong.push("runAsUserName's User cannot contain only periods or spaces");
  if (/["/\\:;|=,+*?<>@[\]]/.test(user)) wrong.push("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]");
  return wrong;
}

const WINDOWS_TEXT = "cannot be set for a windows pod";
const NOT_WINDOWS_POD = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "fsGroup",
  "fsGroupChangePolicy",
  "runAsUser",
  "runAsGroup",
  "supplementalGroups",
  "supplementalGroupsPolicy",
  "seLinuxChangePolicy",
] as const;
const NOT_WINDOWS_CONTAINER = [
  "appArmorProfile",
  "seLinuxOptions",
  "seccompProfile",
  "capabilities",
  "readOnlyRootFilesystem",
  "privileged",
  "allowPrivilegeEscalation",
  "procMount",
  "runAsUser",
  "runAsGroup",
] as const;

/** What each operating system knows nothing of. */
export function validateOs(errors: Errors, path: string, spec: Read<PodSpec>): void {
  const name = spec.os?.name;
  if (spec.os === undefined) return;
  if (name !== "linux" && name !== "windows") {
    checkRequiredOneOf(errors, name ? `${path}.os` : `${path}.os.name`, name, ["linux", "windows"]);
    return;
  }
  const containers = (["initContainers", "containers", "ephemeralContainers"] as const).flatMap((list) =>
    (spec[list] ?? []).map((container, index) => ({ at: `${path}.${list}[${index}].securityContext`, context: container.securityContext })),
  );
  const pod = spec.securityContext;
  if (name === "linux") {
    for (const { at, context } of [{ at: `${path}.securityContext`, context: pod }, ...containers]) {
      if (context?.windowsOptions) errors.push(field.forbidden(`${at}.windowsOptions`, "windows options cannot be set for a linux pod"));
    }
    return;
  }
  for (const key of NOT_WINDOWS_POD)
    if (pod?.[key] !== undefined) errors.push(field.forbidden(`${path}.securityContext.${key}`, WINDOWS_TEXT));
  if (pod?.sysctls?.length) errors.push(field.forbidden(`${path}.securityContext.sysctls`, WINDOWS_TEXT));
  if (spec.hostUsers !== undefined) errors.push(field.forbidden(`${path}.hostUsers`, WINDOWS_TEXT));
  if (spec.hostPID) errors.push(field.forbidden(`${path}.hostPID`, WINDOWS_TEXT));
  if (spec.hostIPC) errors.push(field.forbidden(`${path}.hostIPC`, WINDOWS_TEXT));
  if (spec.shareProcessNamespace !== undefined) errors.push(field.forbidden(`${path}.shareProcessNamespace`, WINDOWS_TEXT));
  for (const { at, context } of containers) {
    for (const key of NOT_WINDOWS_CONTAINER) if (context?.[key] !== undefined) errors.push(field.forbidden(`${at}.${key}`, WINDOWS_TEXT));
  }
}
