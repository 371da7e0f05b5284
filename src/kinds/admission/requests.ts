// What several plugins ask of a request.

import type { AdmissionPlugin } from "#apiserver/admission.ts";

/** Handles creations of a kind, not of its subresources. */
export function isCreationOf(group: string, ...plurals: readonly string[]): AdmissionPlugin["handles"] {
  return (operation, resource, subresource) =>
    operation === "CREATE" && subresource === "" && resource.group === group && plurals.includes(resource.plural);
}
