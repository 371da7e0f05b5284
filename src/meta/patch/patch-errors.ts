// Failures of patches, with upstream's statuses.

import { ApiError } from "../errors.ts";

/** 422 for a well-formed patch that does not fit the object. Upstream's message says nothing; the cause does, and kubectl shows it. */
export function unprocessablePatch(detail: string): ApiError {
  return new ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {
    causes: [{ reason: "FieldValueInvalid", message: detail, field: "patch" }],
  });
}

/** Upstream lets these strategic merge errors through as they are, and so answers 500 without a reason. */
export function unsoundPatch(detail: string): ApiError {
  return new ApiError(500, "", detail);
}
