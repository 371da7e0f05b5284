// autoscaling/v1 Scale: the form in which the replicas of any scalable kind are read and written, and how the fields' managers go over.

import type { KubeObject, ManagedFieldsEntry } from "#meta/object.ts";
import type { Field, Schema } from "#meta/schema.ts";
import type { BodyKind } from "../encoding/field-check.ts";

export interface Scale extends KubeObject {
  spec?: { replicas?: number };
  status?: { replicas?: number; selector?: string };
}

const TEXT: Schema = { type: "string" };
const TIME: Schema = { type: "string", format: "date-time" };
const COUNT: Schema = { type: "integer", format: "int32" };
const LONG: Schema = { type: "integer", format: "int64" };
const BOOLEAN: Schema = { type: "boolean" };
const ANY: Schema = { type: "any" };
const TEXTS: Schema = { type: "map", items: TEXT };
const META = "io.k8s.apimachinery.pkg.apis.meta.v1";

function struct(name: string, schemas: Readonly<Record<string, Schema>>): Schema {
  const fields = Object.entries(schemas).map(([key, schema]): [string, Field] => [key, { name: key, schema, required: false }]);
  return { type: "object", name, fields: new Map(fields) };
}

const OWNER = struct(`${META}.OwnerReference`, {
  apiVersion: TEXT,
  kind: TEXT,
  name: TEXT,
  uid: TEXT,
  controller: BOOLEAN,
  blockOwnerDeletion: BOOLEAN,
});
const ENTRY = struct(`${META}.ManagedFieldsEntry`, {
  manager: TEXT,
  operation: TEXT,
  apiVersion: TEXT,
  time: TIME,
  fieldsType: TEXT,
  fieldsV1: ANY,
  subresource: TEXT,
});

const METADATA = struct(`${META}.ObjectMeta`, {
  name: TEXT,
  generateName: TEXT,
  namespace: TEXT,
  selfLink: TEXT,
  uid: TEXT,
  resourceVersion: TEXT,
  generation: LONG,
  creationTimestamp: TIME,
  deletionTimestamp: TIME,
  deletionGracePeriodSeconds: LONG,
  labels: TEXTS,
  annotations: TEXTS,
  ownerReferences: { type: "array", items: OWNER },
  finalizers: { type: "array", items: TEXT },
  managedFields: { type: "array", items: ENTRY },
});

export const SCALE: BodyKind & { readonly group: string } = {
  group: "autoscaling",
  kind: "Scale",
  version: "v1",
  apiVersion: "autoscaling/v1",
  schema: struct("io.k8s.api.autoscaling.v1.Scale", {
    kind: TEXT,
    apiVersion: TEXT,
    metadata: METADATA,
    spec: struct("io.k8s.api.autoscaling.v1.ScaleSpec", { replicas: COUNT }),
    status: struct("io.k8s.api.autoscaling.v1.ScaleStatus", { replicas: COUNT, selector: TEXT }),
  }),
};

type Entries = readonly ManagedFieldsEntry[];
type FieldTree = { readonly [key: string]: FieldTree };

const SCALE_FIELDS = { "f:spec": { "f:replicas": {} } };

/** The managers of a kind's replicas as managers of its Scale's. `path` is `.spec.replicas` or what the kind has for it. */
export function scaleManagers(entries: Entries | undefined, path: string): ManagedFieldsEntry[] {
  const found = (entries ?? []).filter((entry) => hasPath(treeOf(entry), partsOf(path)));
  return found.map((entry) => ({ ...entry, apiVersion: SCALE.apiVersion, fieldsV1: SCALE_FIELDS }));
}

/** The managers of the whole object after a write through its Scale, whose managers are `scaled`. `apiVersion` is the kind's. */
export function managersAfterScale(
  entries: Entries | undefined,
  scaled: Entries | undefined,
  path: string,
  apiVersion: string,
): ManagedFieldsEntry[] {
  const parts = partsOf(path);
  const owners = new Map(
    (scaled ?? []).filter((entry) => hasPath(treeOf(entry), ["spec", "replicas"])).map((entry) => [identity(entry), entry]),
  );
  const kept: ManagedFieldsEntry[] = [];
  for (const entry of entries ?? []) {
    if (!hasPath(treeOf(entry), parts) || owners.delete(identity(entry))) kept.push(entry);
    else {
      const rest = withoutPath(treeOf(entry), parts);
      if (rest !== undefined) kept.push({ ...entry, fieldsV1: rest });
    }
  }
  const tree = parts.reduceRight<FieldTree>((inner, name) => ({ [`f:${name}`]: inner }), {});
  for (const owner of owners.values()) kept.push({ ...owner, apiVersion, fieldsV1: tree });
  return kept;
}

const identity = ({ manager, operation, subresource }: ManagedFieldsEntry): string => JSON.stringify([manager, operation, subresource]);
const treeOf = (entry: ManagedFieldsEntry): FieldTree => (entry.fieldsV1 ?? {}) as FieldTree; // made by a field manager
const partsOf = (path: string): string[] => path.split(".").filter((part) => part !== "");

function hasPath(tree: FieldTree | undefined, parts: readonly string[]): boolean {
  const [name, ...rest] = parts;
  if (tree === undefined) return false;
  return name === undefined || hasPath(tree[`f:${name}`], rest);
}

/** The tree without the leaf; undefined if nothing is left. */
function withoutPath(tree: FieldTree, [name = "", ...rest]: readonly string[]): FieldTree | undefined {
  const { [`f:${name}`]: inner, ...others } = tree;
  const left = inner === undefined || rest.length === 0 ? undefined : withoutPath(inner, rest);
  const result = left === undefined ? others : { ...tree, [`f:${name}`]: left };
  return Object.keys(result).length === 0 ? undefined : result;
}
