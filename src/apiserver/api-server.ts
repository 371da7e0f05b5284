// (interface below; createApiServer to follow in this file)

import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import type { KindDefinition } from "#meta/kind.ts";
import type { Store } from "#store/store.ts";
import type { Authenticator, Authorizer } from "./access.ts";
import type { AdmissionPlugin } from "./admission.ts";
import type { ServerExtension } from "./extension.ts";
import type { Handler } from "./http.ts";
import type { Registry } from "./registry.ts";

export interface ApiServerOptions {
  readonly store: Store;
  readonly kinds: readonly KindDefinition[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Asked in order; the first that knows the user wins; none: system:anonymous. Built by a function since they may read stored objects. */
  readonly authenticators: (registry: Registry) => readonly Authenticator[] | Promise<readonly Authenticator[]>;
  /** Asked in order until one allows or denies. */
  readonly authorizers: (registry: Registry) => readonly Authorizer[] | Promise<readonly Authorizer[]>;
  /** Compiled-in plugins that come before those of extensions, in order. */
  readonly admission?: (registry: Registry) => readonly AdmissionPlugin[];
  readonly extensions?: readonly ServerExtension[];
  /** Reported by /version: gitVersion like `v1.36.4+kobune.0.1.0`. */
  readonly version: { readonly major: string; readonly minor: string; readonly gitVersion: string };
  /** Ready only when these resolve true: shown by /readyz?verbose by name. */
  readonly readiness?: Readonly<Record<string, () => boolean>>;
}

/** A running API server without sockets. listen() (listen.ts) puts it on the network; the in-process transport calls handler directly. */
export interface ApiServer extends AsyncDisposable {
  readonly handler: Handler;
  readonly registry: Registry;
  /** Ends watches, waits for requests under way (at most graceMs), stops extensions. Does not close the store. */
  stop(graceMs?: number): Promise<void>;
}
