// The options of list, watch and deletecollection, read from the query and checked against one another as upstream does.

import { badRequest, field, fieldErrorText, invalid, quote, type FieldError } from "#meta/errors.ts";
import { parseFieldSelector, parseLabelSelector, type FieldMatcher, type LabelMatcher } from "#meta/selectors.ts";
import { isTrue } from "../request-info.ts";

export type VersionMatch = "" | "Exact" | "NotOlderThan";

export interface ListOptions {
  readonly labels: LabelMatcher;
  readonly fields: FieldMatcher;
  readonly bookmarks: boolean;
  /** Undefined: not asked. */
  readonly sendInitialEvents: boolean | undefined;
  /** As sent; not parsed yet. */
  readonly resourceVersion: string;
  readonly match: VersionMatch;
  /** The token as sent; "" if there is none. */
  readonly continued: string;
  /** 0: no limit. */
  readonly limit: number;
  /** Undefined: not asked, or 0. */
  readonly timeoutSeconds: number | undefined;
}

/**
 * Throws a 400 for what cannot be read and a 422 for what does not go together. What `watch=true` asks is checked by other rules than
 * a list, whatever the path says.
 */
export function parseListOptions(query: URLSearchParams): ListOptions {
  const watch = isTrue(query.get("watch"));
  const initial = query.get("sendInitialEvents");
  const timeoutSeconds = integerOf(query, "timeoutSeconds");
  const limit = integerOf(query, "limit");
  const options = {
    labels: parseLabelSelector(query.get("labelSelector") ?? ""),
    fields: parseFieldSelector(query.get("fieldSelector") ?? ""),
    bookmarks: isTrue(query.get("allowWatchBookmarks")),
    sendInitialEvents: initial === null ? undefined : isTrue(initial),
    resourceVersion: query.get("resourceVersion") ?? "",
    match: query.get("resourceVersionMatch") ?? "",
    continued: query.get("continue") ?? "",
    limit: Math.max(0, limit),
    timeoutSeconds: timeoutSeconds === 0 ? undefined : timeoutSeconds,
  };
  if (watch && initial === null && options.match === "" && isUnset(options.resourceVersion)) {
    // What older clients mean by a watch from nowhere.
    options.sendInitialEvents = true;
    options.match = "NotOlderThan";
  }
  const errors = watch ? watchErrors(options) : listErrors(options);
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", errors);
  return { ...options, match: options.match as VersionMatch }; // one of the three, as checked
}

function isUnset(resourceVersion: string): boolean {
  return resourceVersion === "" || resourceVersion === "0";
}

interface Checked {
  readonly match: string;
  readonly resourceVersion: string;
  readonly continued: string;
  readonly sendInitialEvents: boolean | undefined;
}

function listErrors({ match, resourceVersion, continued, sendInitialEvents }: Checked): FieldError[] {
  const errors: FieldError[] = [];
  const path = "resourceVersionMatch";
  if (match !== "") {
    if (resourceVersion === "") errors.push(field.forbidden(path, "resourceVersionMatch is forbidden unless resourceVersion is provided"));
    if (continued !== "") errors.push(field.forbidden(path, "resourceVersionMatch is forbidden when continue is provided"));
    if (match !== "Exact" && match !== "NotOlderThan") errors.push(field.notSupported(path, match, ["Exact", "NotOlderThan", ""], "given"));
    if (match === "Exact" && resourceVersion === "0") {
      errors.push(field.forbidden(path, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
    }
  }
  if (sendInitialEvents !== undefined) errors.push(field.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
  return errors;
}

function watchErrors({ match, continued, sendInitialEvents }: Checked): FieldError[] {
  const errors: FieldError[] = [];
  const path = "resourceVersionMatch";
  if (sendInitialEvents !== undefined && match !== "NotOlderThan") {
    errors.push(field.forbidden(path, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
  }
  if (match !== "") {
    if (sendInitialEvents === undefined) {
      errors.push(field.forbidden(path, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"));
    }
    if (match !== "NotOlderThan") errors.push(field.notSupported(path, match, ["NotOlderThan"]));
    if (continued !== "") errors.push(field.forbidden(path, "resourceVersionMatch is forbidden when continue is provided"));
  }
  return errors;
}

/** A whole number of the query; 0 if it is not there. Throws a 400 in the words of Go's parser. */
export function integerOf(query: URLSearchParams, name: string): number {
  const text = query.get(name);
  if (text === null) return 0;
  const fail = (problem: string) => badRequest(`strconv.ParseInt: parsing ${quote(text)}: ${problem}`);
  if (!/^[+-]?\d+$/.test(text)) throw fail("invalid syntax");
  const value = BigInt(text.replace("+", ""));
  if (BigInt.asIntN(64, value) !== value) throw fail("value out of range");
  return Number(value);
}

/** What is wrong with the text of a resourceVersion. */
export function versionError(text: string): FieldError | undefined {
  if (text === "" || (/^\d+$/.test(text) && BigInt.asUintN(64, BigInt(text)) === BigInt(text))) return undefined;
  const problem = /^\d+$/.test(text) ? "value out of range" : "invalid syntax";
  return field.invalid("resourceVersion", text, `strconv.ParseUint: parsing ${quote(text)}: ${problem}`);
}

/** A resourceVersion that a read asks for; 0: any. Throws a 400 for what is no version. */
export function parseVersion(text: string): number {
  if (text === "") return 0;
  const error = versionError(text);
  if (error) throw badRequest(`invalid resource version: ${fieldErrorText(error)}`);
  return Number(text);
}
