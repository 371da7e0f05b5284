// Annotations that mean something to pods: what they may say, and that they do not contradict the fields that took their place.

import type { AppArmorProfile, PodSpec, SeccompProfile } from "#kinds/api/core-v1.gen.ts";
import type { Errors } from "#kinds/shared/checks.ts";
import { field } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { APP_ARMOR_ANNOTATION } from "./app-armor.ts";
import { checkDescendingPath } from "./paths.ts";

type Read<T> = DeepReadonly<T>;
type Annotations = Readonly<Record<string, string>>;

export const MIRROR_POD = "kubernetes.io/config.mirror";
const DELETION_COST = "controller.kubernetes.io/pod-deletion-cost";
const SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/";
const LOCAL = "localhost/";
const MAX_INT32 = 2 ** 31 - 1;
const LISTS = ["initContainers", "containers", "ephemeralContainers"] as const;

/** `path` is that of the annotations. */
export function validatePodAnnotations(
  errors: Errors,
  path: string,
  annotations: Annotations,
  spec: Read<PodSpec> | undefined,
  before: Annotations | undefined,
): void {
  const mirror = annotations[MIRROR_POD];
  if (mirror !== undefined && !spec?.nodeName)
    errors.push(field.invalid(`${path}[${MIRROR_POD}]`, mirror, "must set spec.nodeName if mirror pod annotation is set"));
  const cost = annotations[DELETION_COST];
  // A cost that was stored wrong once may stay.
  if (cost !== undefined && !isInt32(cost) && (before?.[DELETION_COST] === undefined || isInt32(before[DELETION_COST])))
    errors.push(field.invalid(`${path}[${DELETION_COST}]`, cost, "must be a 32bit integer"));
  for (const [key, value] of Object.entries(annotations)) {
    if (key === SECCOMP_POD || key.startsWith(SECCOMP_CONTAINER)) validateSeccompText(errors, `${path}.${key}`, value);
  }
  for (const [key, value] of Object.entries(annotations)) {
    if (!key.startsWith(APP_ARMOR_ANNOTATION)) continue;
    const name = key.slice(APP_ARMOR_ANNOTATION.length);
    if (!LISTS.some((list) => spec?.[list]?.some((container) => container.name === name)))
      errors.push(field.invalid(`${path}[${key}]`, name, "container not found"));
    if (value !== "" && value !== "runtime/default" && value !== "unconfined" && !value.startsWith(LOCAL))
      errors.push(field.invalid(`${path}[${key}]`, value, `invalid AppArmor profile name: ${JSON.stringify(value)}`));
  }
}

function isInt32(text: string): boolean {
  return /^(0|-?[1-9]\d{0,9})$/.test(text) && Number(text) <= MAX_INT32 && Number(text) >= -MAX_INT32 - 1;
}

function validateSeccompText(errors: Errors, path: string, value: string): void {
  if (value === "runtime/default" || value === "docker/default" || value === "unconfined") return;
  if (value.startsWith(LOCAL)) checkDescendingPath(errors, path, value.slice(LOCAL.length));
  else errors.push(field.invalid(path, value, "must be a valid seccomp profile"));
}

/** `path` is the spec's. */
export function validateAnnotationsMatch(errors: Errors, path: string, annotations: Annotations, spec: Read<PodSpec>): void {
  const pod = spec.securityContext;
  matchSeccomp(errors, `${path}.securityContext.seccompProfile`, annotations[SECCOMP_POD], pod?.seccompProfile);
  const containers = LISTS.flatMap((list) =>
    (spec[list] ?? []).map((container, index) => ({ container, at: `${path}.${list}[${index}].securityContext` })),
  );
  for (const { container, at } of containers) {
    matchSeccomp(
      errors,
      `${at}.seccompProfile`,
      annotations[SECCOMP_CONTAINER + container.name],
      container.securityContext?.seccompProfile,
    );
  }
  if (spec.os?.name === "windows") return;
  for (const { container, at } of containers) {
    const profile = container.securityContext?.appArmorProfile ?? pod?.appArmorProfile;
    matchProfile(errors, `${at}.appArmorProfile`, "apparmor", annotations[APP_ARMOR_ANNOTATION + container.name], profile);
  }
}

function matchSeccomp(errors: Errors, path: string, annotation: string | undefined, profile: Read<SeccompProfile> | undefined): void {
  matchProfile(errors, path, "seccomp", annotation === "docker/default" ? "runtime/default" : annotation, profile);
}

function matchProfile(
  errors: Errors,
  path: string,
  what: string,
  annotation: string | undefined,
  profile: Read<SeccompProfile> | Read<AppArmorProfile> | undefined,
): void {
  if (annotation === undefined || !profile) return;
  const differs = (name: string, called: string) =>
    errors.push(field.forbidden(`${path}.${name}`, `${what} ${called} in annotation and field must match`));
  if (profile.type === "Unconfined" && annotation !== "unconfined") differs("type", "type");
  else if (profile.type === "RuntimeDefault" && annotation !== "runtime/default") differs("type", "type");
  else if (profile.type === "Localhost") {
    if (!annotation.startsWith(LOCAL)) differs("type", "type");
    else if (annotation.slice(LOCAL.length) !== profile.localhostProfile) differs("localhostProfile", "profile");
  }
}

/** Annotations that updates must leave as they are. */
export function validateAnnotationChange(errors: Errors, next: Annotations, before: Annotations): void {
  const names = (key: string): string | undefined =>
    key.startsWith(APP_ARMOR_ANNOTATION) ? "AppArmor annotations" : key === MIRROR_POD ? "mirror pod annotation" : undefined;
  for (const [key, value] of Object.entries(before)) {
    const called = names(key);
    if (called && next[key] !== value) errors.push(field.forbidden(`metadata.annotations[${key}]`, `may not remove or update ${called}`));
  }
  for (const key of Object.keys(next)) {
    const called = names(key);
    if (called && before[key] === undefined) errors.push(field.forbidden(`metadata.annotations[${key}]`, `may not add ${called}`));
  }
}
