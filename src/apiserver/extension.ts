// What a kind may add to the server beyond hooks on its objects: subresources of its own, virtual kinds, allocations.
// Implemented in kinds/**/server.ts and handed to createApiServer as a list.

import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
import type { AdmissionPlugin } from "./admission.ts";
import type { Authorizer } from "./access.ts";
import type { ApiRequest, ApiResponse, Handler, UserInfo } from "./http.ts";
import type { Registry } from "./registry.ts";
import type { RequestInfo } from "./request-info.ts";

/** What the server offers extensions when it starts them. */
export interface ServerContext {
  readonly registry: Registry;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
}

/** A call of a subresource or of a virtual kind, already authenticated and authorized. */
export interface ExtensionCall {
  readonly request: ApiRequest;
  readonly info: RequestInfo;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /**
   * The decoded body, checked against the structure of the kind or of the subresource as the request's fieldValidation says, and of the request's namespace; the
   * kind's own is defaulted. `{}` if there was none. Not for hijacked requests.
   */
  readonly body: () => Promise<KubeObject>;
  /** Runs the admission chain for this call's operation with the given object; `oldObject` is what an UPDATE replaces. */
  readonly admit: (operation: "CREATE" | "UPDATE" | "CONNECT", object: KubeObject, oldObject?: KubeObject) => Promise<void>;
  readonly warn: (text: string) => void;
}

/**
 * Answers with an object (encoded as the client asked; `code` default 200, 201 for creates), with a list of objects of the virtual kind, or with a
 * raw response (logs, upgrades, proxies).
 */
export type ExtensionResult =
  | { readonly object: KubeObject; readonly code?: number }
  | { readonly objects: readonly KubeObject[] }
  | { readonly response: ApiResponse };

export interface ExtensionHandler {
  readonly resource: Resource;
  /** "" for a virtual kind itself (POST tokenreviews, GET and LIST of what is worked out when it is asked for). */
  readonly subresource: string;
  /** Other versions (`group/version`) in which the subresource's body may come; they have the same fields. */
  readonly acceptedVersions?: readonly string[];
  readonly handle: (call: ExtensionCall) => Promise<ExtensionResult>;
}

/** Takes things of which there is one each (addresses, ports) as part of a write. */
export interface Allocator {
  readonly resource: Resource;
  /**
   * Before an object is stored (create, update; not dry-run: then `dryRun` is true and nothing may stay taken). May change `next`; throws ApiError.
   * Resolves to functions for what follows: exactly one of them is called.
   */
  readonly allocate: (next: KubeObject, previous: DeepReadonly<KubeObject> | undefined, dryRun: boolean) => Promise<Allocation>;
  /** After an object is gone. The answer to the client waits for what it returns: what was freed can be had again then. */
  readonly release: (object: DeepReadonly<KubeObject>) => Promise<void> | void;
}

/** What was taken for one write, to be kept or given back. The answer waits for either. */
export interface Allocation {
  readonly commit: () => Promise<void> | void;
  readonly rollback: () => Promise<void> | void;
}

/** One extension; started once per server, before it takes requests. */
export interface ServerExtension {
  readonly name: string;
  readonly start: (context: ServerContext) => Promise<{
    readonly handlers?: readonly ExtensionHandler[];
    readonly admission?: readonly AdmissionPlugin[];
    readonly allocators?: readonly Allocator[];
    /** Non-resource paths it answers, exact: `/openid/v1/jwks`. Authorized as any other path before. */
    readonly paths?: Readonly<Record<string, Handler>>;
    /** Runs once, not awaited, when the server takes requests: for objects that must exist soon but not for the first answer. Failures are logged. */
    readonly afterStart?: () => Promise<void>;
    readonly stop?: () => Promise<void>;
  }>;
}
