// What several plugins ask of a request.

import type { AdmissionOperation, AdmissionPlugin } from "#apiserver/admission.ts";

/** Handles writes of pods themselves, not of their subresources. */
export function isPodWrite(...operations: readonly AdmissionOperation[]): AdmissionPlugin["handles"] {
  return (operation, resource, subresource) =>
    resource.plural === "pods" && resource.group === "" && subresource === "" && operations.includes(operation);
}
