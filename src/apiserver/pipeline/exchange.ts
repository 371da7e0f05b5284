// One request on its way through the pipeline.

import type { ApiRequest, ApiResponse, UserInfo } from "../http.ts";
import type { RequestInfo } from "../request-info.ts";

export interface Exchange {
  readonly request: ApiRequest;
  readonly auditId: string;
  /** Set by the filters in turn; before that, what an unknown user asks of nothing. */
  info: RequestInfo;
  user: UserInfo;
  /** Texts of Warning headers. */
  readonly warnings: string[];
}

/** A step answers at once where it can: no promise is made for what is in memory. */
export type Step = (exchange: Exchange) => ApiResponse | Promise<ApiResponse>;

/** A filter wraps the steps after it. */
export type Filter = (next: Step) => Step;

/** The first filter is the outermost. */
export function compose(filters: readonly Filter[], last: Step): Step {
  return filters.reduceRight((next, filter) => filter(next), last);
}

export const ANONYMOUS: UserInfo = { name: "system:anonymous", groups: ["system:unauthenticated"] };
