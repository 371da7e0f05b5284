// API errors: one type, made by factories that word things as upstream does, since clients match on the words.
// Test with the `is...` predicates, never with instanceof or on the message.

import { groupResource } from "./resource.ts";

/** meta/v1 Status, the body of every failure and of some successes. */
export interface Status {
  kind: "Status";
  apiVersion: "v1";
  metadata: Record<string, unknown>;
  status: "Success" | "Failure";
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code: number;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

/** A failure with the HTTP code and Status the client gets. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: Status;
  constructor(code: number, reason: string, message: string, details?: StatusDetails, options?: ErrorOptions) {
    super(message, options);
    this.status = {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message,
      reason,
      ...(details ? { details } : {}),
      code,
    };
  }
  get code(): number {
    return this.status.code;
  }
  get reason(): string {
    return this.status.reason ?? "";
  }
}

/** Names a resource in messages: group and plural. */
export interface ResourceName {
  readonly group: string;
  readonly plural: string;
}

const detailsOf = (resource: ResourceName, name: string): StatusDetails => ({
  ...(name ? { name } : {}),
  ...(resource.group ? { group: resource.group } : {}),
  kind: resource.plural,
});

export function notFound(resource: ResourceName, name: string): ApiError {
  return new ApiError(404, "NotFound", `${groupResource(resource)} ${quote(name)} not found`, detailsOf(resource, name));
}

export function alreadyExists(resource: ResourceName, name: string): ApiError {
  return new ApiError(409, "AlreadyExists", `${groupResource(resource)} ${quote(name)} already exists`, detailsOf(resource, name));
}

/** `cause` completes the sentence "Operation cannot be fulfilled on pods "x": ...". */
export function conflict(resource: ResourceName, name: string, cause: string): ApiError {
  return new ApiError(
    409,
    "Conflict",
    `Operation cannot be fulfilled on ${groupResource(resource)} ${quote(name)}: ${cause}`,
    detailsOf(resource, name),
  );
}

/** The conflict of a stale resourceVersion. */
export function staleObject(resource: ResourceName, name: string): ApiError {
  return conflict(resource, name, "the object has been modified; please apply your changes to the latest version and try again");
}

export function forbidden(resource: ResourceName, name: string, cause: string): ApiError {
  const subject =
    resource.plural === ""
      ? "forbidden"
      : name === ""
        ? `${groupResource(resource)} is forbidden`
        : `${groupResource(resource)} ${quote(name)} is forbidden`;
  return new ApiError(403, "Forbidden", `${subject}: ${cause}`, detailsOf(resource, name));
}

export function unauthorized(message = "Unauthorized"): ApiError {
  return new ApiError(401, "Unauthorized", message);
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, "BadRequest", message);
}

export function methodNotAllowed(resource: ResourceName, action: string): ApiError {
  return new ApiError(
    405,
    "MethodNotAllowed",
    `${action} is not supported on resources of kind ${quote(groupResource(resource))}`,
    detailsOf(resource, ""),
  );
}

/** Resource expired: the resourceVersion or continue token is older than what is kept. */
export function expired(message: string): ApiError {
  return new ApiError(410, "Expired", message);
}

export function requestEntityTooLarge(message: string): ApiError {
  return new ApiError(413, "RequestEntityTooLarge", message);
}

export function unsupportedMediaType(message: string): ApiError {
  return new ApiError(415, "UnsupportedMediaType", message);
}

export function notAcceptable(message: string): ApiError {
  return new ApiError(406, "NotAcceptable", message);
}

export function tooManyRequests(message: string, retryAfterSeconds: number, details?: StatusDetails): ApiError {
  return new ApiError(429, "TooManyRequests", message, { ...details, retryAfterSeconds });
}

export function internalError(cause: unknown): ApiError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new ApiError(500, "InternalError", `Internal error occurred: ${message}`, { causes: [{ message }] }, { cause });
}

export function serviceUnavailable(message: string): ApiError {
  return new ApiError(503, "ServiceUnavailable", message);
}

export function timeout(message: string, retryAfterSeconds = 0): ApiError {
  return new ApiError(504, "Timeout", `Timeout: ${message}`, { retryAfterSeconds });
}

/** 422 with all field errors; the message joins them as upstream does. */
export function invalid(kind: { readonly group: string; readonly kind: string }, name: string, errors: readonly FieldError[]): ApiError {
  const joined = aggregateText(errors);
  const qualified = kind.group === "" ? kind.kind : `${kind.kind}.${kind.group}`;
  return new ApiError(422, "Invalid", `${qualified} ${quote(name)} is invalid: ${joined}`, {
    name,
    ...(kind.group ? { group: kind.group } : {}),
    kind: kind.kind,
    causes: errors.map((error) => ({ reason: error.type, message: fieldErrorBody(error), field: error.field })),
  });
}

/** Errors as one text, each said once. */
export function aggregateText(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map(fieldErrorText))];
  return texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
}

/** Upstream's field error types (apimachinery util/validation/field), by their wire value. */
export type FieldErrorType =
  | "FieldValueNotFound"
  | "FieldValueRequired"
  | "FieldValueDuplicate"
  | "FieldValueInvalid"
  | "FieldValueNotSupported"
  | "FieldValueForbidden"
  | "FieldValueTooLong"
  | "FieldValueTooMany"
  | "InternalError"
  | "FieldValueTypeInvalid";

/** One thing wrong with one field. `field` is a path such as `spec.containers[0].name`. */
export interface FieldError {
  readonly type: FieldErrorType;
  readonly field: string;
  readonly value?: unknown;
  readonly detail: string;
}

/** As the value of a field error: the message shows none. */
export const OMIT_VALUE: unique symbol = Symbol("omit value");

export const field = {
  required: (path: string, detail = ""): FieldError => ({ type: "FieldValueRequired", field: path, detail }),
  invalid: (path: string, value: unknown, detail: string): FieldError => ({ type: "FieldValueInvalid", field: path, value, detail }),
  forbidden: (path: string, detail: string): FieldError => ({ type: "FieldValueForbidden", field: path, detail }),
  duplicate: (path: string, value: unknown): FieldError => ({ type: "FieldValueDuplicate", field: path, value, detail: "" }),
  notFound: (path: string, value: unknown): FieldError => ({ type: "FieldValueNotFound", field: path, value, detail: "" }),
  /** Upstream lists some sets of values in an order of its own: `given`. */
  notSupported: (path: string, value: unknown, supported: readonly string[], order: "sorted" | "given" = "sorted"): FieldError => ({
    type: "FieldValueNotSupported",
    field: path,
    value,
    detail: supported.length > 0 ? `supported values: ${(order === "given" ? supported : supported.toSorted()).map(quote).join(", ")}` : "",
  }),
  tooLong: (path: string, maxLength: number): FieldError => ({
    type: "FieldValueTooLong",
    field: path,
    detail: maxLength >= 0 ? `may not be more than ${maxLength} bytes` : "value is too long",
  }),
  tooMany: (path: string, actual: number, max: number): FieldError => ({
    type: "FieldValueTooMany",
    field: path,
    value: actual,
    detail: `must have at most ${max} item${max === 1 ? "" : "s"}`,
  }),
  typeInvalid: (path: string, value: unknown, detail: string): FieldError => ({
    type: "FieldValueTypeInvalid",
    field: path,
    value,
    detail,
  }),
};

const TYPE_TEXT: Record<FieldErrorType, string> = {
  FieldValueNotFound: "Not found",
  FieldValueRequired: "Required value",
  FieldValueDuplicate: "Duplicate value",
  FieldValueInvalid: "Invalid value",
  FieldValueNotSupported: "Unsupported value",
  FieldValueForbidden: "Forbidden",
  FieldValueTooLong: "Too long",
  FieldValueTooMany: "Too many",
  InternalError: "Internal error",
  FieldValueTypeInvalid: "Invalid value",
};

const WITHOUT_VALUE: ReadonlySet<FieldErrorType> = new Set<FieldErrorType>([
  "FieldValueRequired",
  "FieldValueForbidden",
  "FieldValueTooLong",
  "InternalError",
]);

function fieldErrorBody(error: FieldError): string {
  const head = TYPE_TEXT[error.type];
  const text = error.value === OMIT_VALUE || WITHOUT_VALUE.has(error.type) ? head : `${head}: ${showValue(error.value)}`;
  return error.detail === "" ? text : `${text}: ${error.detail}`;
}

export function fieldErrorText(error: FieldError): string {
  return `${error.field}: ${fieldErrorBody(error)}`;
}

function showValue(value: unknown): string {
  if (value === undefined || value === null) return "null";
  if (typeof value === "string") return quote(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Go's %q for the strings that occur here. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

export function isApiError(error: unknown): error is ApiError {
  return typeof error === "object" && error !== null && (error as { name?: unknown }).name === "ApiError";
}
/** Whether the API's answer gives this cause among its details. */
export function hasCause(error: unknown, cause: string): boolean {
  return isApiError(error) && error.status.details?.causes?.some(({ reason }) => reason === cause) === true;
}
const hasReason =
  (reason: string) =>
  (error: unknown): boolean =>
    isApiError(error) && error.reason === reason;
export const isNotFound: (error: unknown) => boolean = hasReason("NotFound");
export const isAlreadyExists: (error: unknown) => boolean = hasReason("AlreadyExists");
export const isConflict: (error: unknown) => boolean = hasReason("Conflict");
export const isInvalid: (error: unknown) => boolean = hasReason("Invalid");
export const isForbidden: (error: unknown) => boolean = hasReason("Forbidden");
export const isTooManyRequests: (error: unknown) => boolean = hasReason("TooManyRequests");
export const isExpired = (error: unknown): boolean => isApiError(error) && (error.reason === "Expired" || error.reason === "Gone");
