// Who set which field: the rules of server-side apply and of managedFields over one structure. Pure: objects in, objects out.

import type { KubeObject } from "../object.ts";
import type { Schema } from "../schema.ts";

/** A field path by JSON names, e.g. `["spec", "replicas"]`. */
export type FieldPath = readonly string[];

/** Who writes, through which subresource ("" is the object itself), when (RFC 3339 in seconds). */
export interface FieldWriter {
  readonly manager: string;
  readonly subresource: string;
  readonly now: string;
}

/** One version of a kind, as managed fields see it. */
export interface ManagedVersion {
  readonly apiVersion: string;
  readonly schema: Schema;
  /** Fields that a writer through the subresource never owns, for the server resets them (upstream: GetResetFields). */
  readonly resetFields: (subresource: string) => readonly FieldPath[];
  /** The only fields that a writer through the subresource can own, with what is below them; `*` is any item (upstream: GetResetFieldsFilter). */
  readonly ownableFields?: (subresource: string) => readonly FieldPath[] | undefined;
  /** Another served version of the kind, with the conversion of whole objects to it from this one and back; undefined if it is not served any more. */
  readonly other?: (apiVersion: string) =>
    | {
        readonly version: ManagedVersion;
        readonly to: (object: KubeObject) => KubeObject;
        readonly from: (object: KubeObject) => KubeObject;
      }
    | undefined;
}

export interface FieldManager {
  /**
   * The object after `configuration` was applied, with metadata.managedFields set; `live` is undefined when apply creates.
   * `live` and `configuration` stay unchanged. If nothing changed, the answer equals `live`, times included.
   * Throws ApiError: 409 Conflict naming managers and fields (causes FieldManagerConflict) unless `force`; 422/400 as upstream when the configuration does not fit.
   */
  readonly apply: (live: KubeObject | undefined, configuration: KubeObject, writer: FieldWriter, force: boolean) => KubeObject;
  /** Sets next.metadata.managedFields for a write that is no apply. `live` (undefined on create) stays unchanged. */
  readonly track: (live: KubeObject | undefined, next: KubeObject, writer: FieldWriter) => void;
}
