// Admission: plugins that change or refuse a write after authorization and decoding, before it is stored.

import type { KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
import type { UserInfo } from "./http.ts";

export type AdmissionOperation = "CREATE" | "UPDATE" | "DELETE" | "CONNECT";

export interface AdmissionAttributes {
  readonly operation: AdmissionOperation;
  readonly resource: Resource;
  /** "" for the object itself. */
  readonly subresource: string;
  readonly namespace: string;
  /** "" on create with generateName before the name is made. */
  readonly name: string;
  /** What is about to be written, defaulted; mutating plugins change it in place. Absent for DELETE. */
  readonly object: KubeObject | undefined;
  /** What is stored now; absent for CREATE. */
  readonly oldObject: KubeObject | undefined;
  readonly user: UserInfo;
  /** How the request came, for plugins that ask whether more may be done: a patch is an UPDATE too. Absent: as the operation says. */
  readonly verb?: "update" | "patch";
  readonly dryRun: boolean;
  /** Adds a Warning header to the answer. */
  warn(text: string): void;
}

/** A plugin. Both hooks throw ApiError to refuse. All mutate hooks run, in list order, before validation; then all validate hooks. */
export interface AdmissionPlugin {
  /** Upstream's plugin name, e.g. `NamespaceLifecycle`. */
  readonly name: string;
  /** Whether the plugin wants to see such a request; checked first so that the others cost nothing. */
  readonly handles: (operation: AdmissionOperation, resource: Resource, subresource: string) => boolean;
  readonly mutate?: (attributes: AdmissionAttributes) => Promise<void> | void;
  readonly validate?: (attributes: AdmissionAttributes) => Promise<void> | void;
}
