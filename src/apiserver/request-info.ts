// What a request is about, read from its path and method alone. (parseRequestInfo to follow in this file)

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
