// How admission refuses a write: 403 in upstream's words.

import type { AdmissionAttributes } from "#apiserver/admission.ts";
import { ApiError, forbidden, type StatusCause } from "#meta/errors.ts";

/** The 403 for a write, naming its object as well as it is known yet. */
export function refuse(attributes: AdmissionAttributes, cause: string, causes?: readonly StatusCause[]): ApiError {
  const { resource, object } = attributes;
  const name = attributes.name || object?.metadata?.name || object?.metadata?.generateName || "Unknown";
  const error = forbidden(resource, name, cause);
  if (!causes) return error;
  const { message = "", details } = error.status;
  return new ApiError(403, "Forbidden", message, { ...details, causes: [...causes] });
}
