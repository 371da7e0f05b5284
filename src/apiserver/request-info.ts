// What a request is about, read from its path, method and query alone; no catalog of kinds is asked.

/** Upstream's RequestInfo (apiserver pkg/endpoints/request). */
export interface RequestInfo {
  readonly isResourceRequest: boolean;
  readonly path: string;
  /** get, list, watch, create, update, patch, delete, deletecollection; for non-resource requests the lower-case method. */
  readonly verb: string;
  readonly apiGroup: string;
  readonly apiVersion: string;
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** Path parts after the subresource (`proxy/metrics/x` gives ["metrics", "x"]). */
  readonly rest: readonly string[];
}

const METHOD_VERBS: Readonly<Record<string, string>> = {
  POST: "create",
  GET: "get",
  HEAD: "get",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** Below /namespaces/<name>/ these are subresources of the namespace, not resources in it. */
const NAMESPACE_SUBRESOURCES: ReadonlySet<string> = new Set(["status", "finalize"]);

/** Reads a request line. `query` is asked only where it decides the verb. Throws URIError if the path is badly escaped. */
export function parseRequestInfo(method: string, path: string, query: () => URLSearchParams): RequestInfo {
  const parts = splitPath(path);
  const root = parts[0];
  if (root === "api" && parts.length >= 3) return resourceInfo(method, path, query, "", parts[1] ?? "", parts.slice(2));
  if (root === "apis" && parts.length >= 4) return resourceInfo(method, path, query, parts[1] ?? "", parts[2] ?? "", parts.slice(3));
  return {
    isResourceRequest: false,
    path,
    verb: method.toLowerCase(),
    apiGroup: root === "apis" ? (parts[1] ?? "") : "",
    apiVersion: root === "apis" ? (parts[2] ?? "") : root === "api" ? (parts[1] ?? "") : "",
    namespace: "",
    resource: "",
    subresource: "",
    name: "",
    rest: [],
  };
}

/** Decoded before it is split, as upstream does: an escaped slash is a slash, and no part of a key can hold one. */
function splitPath(raw: string): string[] {
  const path = raw.includes("%") ? decodeURIComponent(raw) : raw;
  const parts: string[] = [];
  let start = 1;
  while (start < path.length) {
    let end = path.indexOf("/", start);
    if (end < 0) end = path.length;
    if (end > start) parts.push(path.slice(start, end));
    start = end + 1;
  }
  return parts;
}

function resourceInfo(
  method: string,
  path: string,
  query: () => URLSearchParams,
  apiGroup: string,
  apiVersion: string,
  segments: readonly string[],
): RequestInfo {
  let verb = METHOD_VERBS[method] ?? "";
  let parts = segments;
  // The old form /api/v1/watch/...: everything below it is a watch.
  const legacyWatch = parts[0] === "watch" && parts.length > 1;
  if (legacyWatch) parts = parts.slice(1);
  let namespace = "";
  if (parts[0] === "namespaces" && parts.length > 1) {
    namespace = parts[1] ?? "";
    if (parts.length > 2 && !NAMESPACE_SUBRESOURCES.has(parts[2] ?? "")) parts = parts.slice(2);
  }
  const resource = parts[0] ?? "";
  let name = parts[1] ?? "";
  const subresource = parts[2] ?? "";
  if (legacyWatch) verb = "watch";
  else if (name === "" && verb === "get") verb = isTrue(query().get("watch")) ? "watch" : "list";
  else if (name === "" && verb === "delete") verb = "deletecollection";
  // A list of one named object is authorized as that name.
  if (name === "" && (verb === "list" || verb === "watch" || verb === "deletecollection")) {
    name = nameOfSelector(query().get("fieldSelector"));
  }
  return { isResourceRequest: true, path, verb, apiGroup, apiVersion, namespace, resource, subresource, name, rest: parts.slice(3) };
}

function nameOfSelector(selector: string | null): string {
  if (!selector?.includes("metadata.name")) return "";
  const name = /(?:^|,)metadata\.name==?([^,]*)(?:,|$)/.exec(selector)?.[1] ?? "";
  return /^[^/%\\]+$/.test(name) ? name : "";
}

/** How upstream reads a boolean query parameter: absent, "false" in any case and "0" are false, everything else is true. */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== "0" && value.toLowerCase() !== "false";
}
