// AppArmor's old annotation, which names a container and its profile, beside the field that took its place.

import type { AppArmorProfile } from "#kinds/api/core-v1.gen.ts";

export const APP_ARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/";
const LOCAL = "localhost/";

/** The field that says what the annotation's value says; undefined if that means nothing. */
export function profileOfAnnotation(value: string): AppArmorProfile | undefined {
  if (value === "unconfined") return { type: "Unconfined" };
  if (value === "runtime/default") return { type: "RuntimeDefault" };
  if (!value.startsWith(LOCAL) || value === LOCAL) return undefined;
  return { type: "Localhost", localhostProfile: value.slice(LOCAL.length) };
}
