// Turns the store's errors into API errors. Nothing else maps their codes.

import { ApiError, expired, internalError, isApiError, serviceUnavailable } from "#meta/errors.ts";
import { StoreError } from "#store/store.ts";

export function isStoreError(error: unknown): error is StoreError {
  return error instanceof StoreError;
}

/** A write lost against another one, or found the key missing (or there) when it expected otherwise. */
export function isWriteConflict(error: unknown): error is StoreError {
  return isStoreError(error) && (error.code === "conflict" || error.code === "notFound");
}

export function isCompacted(error: unknown): boolean {
  return isStoreError(error) && error.code === "compacted";
}

/** Any thrown value as an API error. */
export function toApiError(error: unknown): ApiError {
  if (isApiError(error)) return error;
  if (!isStoreError(error)) return internalError(error);
  switch (error.code) {
    case "compacted":
      return expired("The resourceVersion for the provided list is too old.");
    case "closed":
      return serviceUnavailable("the server is shutting down");
    case "future":
      return new ApiError(504, "Timeout", `Timeout: ${error.message}`, {
        causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
        retryAfterSeconds: 1,
      });
    case "locked":
    case "conflict":
    case "notFound":
    case "corrupt":
    case "io":
      return internalError(error);
  }
}

/** A version the store has not reached: clients wait and ask again. */
export function tooLargeResourceVersion(requested: number, current: number): ApiError {
  return new ApiError(504, "Timeout", `Timeout: Too large resource version: ${requested}, current: ${current}`, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });
}
