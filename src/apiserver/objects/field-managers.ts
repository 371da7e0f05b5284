// The field managers of the served kinds: each made at the first write of its kind.

import { clone } from "#lib/clone.ts";
import type { FieldManager, FieldPath, ManagedVersion } from "#meta/apply/field-manager.ts";
import { createFieldManager } from "#meta/apply/create-field-manager.ts";
import { inheritPreservation } from "#meta/apply/preserved.ts";
import type { KubeObject } from "#meta/object.ts";
import type { Schema } from "#meta/schema.ts";
import { SCALE } from "./scale-kind.ts";
import type { ServedKind } from "./served-kind.ts";
import type { FieldManagers } from "./write-call.ts";

/** `kinds` gives all served kinds: another version of a kind may be asked for the fields that were set through it. */
export function createFieldManagers(kinds: () => readonly ServedKind[]): FieldManagers {
  let scale: FieldManager | undefined;
  const managers = new WeakMap<ServedKind, FieldManager>();
  const versions = new WeakMap<ServedKind, ManagedVersion>();
  const versionOf = (kind: ServedKind): ManagedVersion => {
    let version = versions.get(kind);
    if (!version) versions.set(kind, (version = makeVersion(kind)));
    return version;
  };
  const schemas = new WeakMap<Schema, Schema>();
  const schemaOf = (schema: Schema): Schema => {
    let inherited = schemas.get(schema);
    if (!inherited) schemas.set(schema, (inherited = inheritPreservation(schema)));
    return inherited;
  };
  const makeVersion = (kind: ServedKind): ManagedVersion => ({
    apiVersion: kind.apiVersion,
    get schema() {
      return schemaOf(kind.definition.schema);
    },
    resetFields: (subresource) => kind.definition.resetFields?.(subresource) ?? usualResetFields(kind, subresource),
    ownableFields: (subresource) => kind.definition.ownableFields?.(subresource),
    other: (apiVersion) => {
      const other = kinds().find((one) => one.prefix === kind.prefix && one.apiVersion === apiVersion);
      if (!other) return undefined;
      return { version: versionOf(other), to: converter(kind, other), from: converter(other, kind) };
    },
  });
  return {
    of: (kind) => {
      let manager = managers.get(kind);
      if (!manager) managers.set(kind, (manager = createFieldManager(versionOf(kind))));
      return manager;
    },
    scale: () => (scale ??= createFieldManager({ apiVersion: SCALE.apiVersion, schema: SCALE.schema, resetFields: () => NONE })),
  };
}

const STATUS: readonly FieldPath[] = [["status"]];
const NONE: readonly FieldPath[] = [];

/** What the server itself takes back from writers: status from those of the object, everything else from those of the status. */
function usualResetFields(kind: ServedKind, subresource: string): readonly FieldPath[] {
  if (subresource === "") return kind.hasStatus ? STATUS : NONE;
  if (subresource !== "status") return NONE;
  const kept = kind.definition.statusKeepsMetadata ?? [];
  return [["spec"], ...(kept === "all" ? [["metadata"]] : kept.map((name) => ["metadata", name]))];
}

/** Whole objects of one version as those of another. Neither argument nor result is shared. */
function converter(from: ServedKind, to: ServedKind): (object: KubeObject) => KubeObject {
  return (object) => {
    const copy = clone(object) as KubeObject; // clone drops no marks here: the object is plain
    const stored = from.definition.convert?.toStored(copy as never) ?? copy; // the hook's own type
    const converted: KubeObject = to.definition.convert?.fromStored(stored) ?? stored;
    return { ...converted, kind: to.resource.kind, apiVersion: to.apiVersion };
  };
}
