// The Table form of objects: what `kubectl get` asks for and prints.

import { humanDuration } from "./duration.ts";
import type { Column } from "./kind.ts";
import type { DeepReadonly, KubeObject, ListMeta, ObjectMeta } from "./object.ts";

export { humanDuration, shortHumanDuration } from "./duration.ts";

const META_VERSION = "meta.k8s.io/v1";

export interface Table {
  kind: "Table";
  /** `meta.k8s.io/v1`; older clients ask for `v1beta1`. */
  apiVersion: string;
  metadata: ListMeta;
  /** Null where the client said it needs none: after the first event of a watch. */
  columnDefinitions: ColumnDefinition[] | null;
  rows: TableRow[];
}

export interface ColumnDefinition {
  name: string;
  type: string;
  format: string;
  description: string;
  /** 0: always shown; 1: only with `-o wide`. */
  priority: number;
}

export interface TableRow {
  cells: (string | number | boolean | null)[];
  object: DeepReadonly<KubeObject> | PartialObjectMetadata | null;
}

export interface PartialObjectMetadata {
  kind: "PartialObjectMetadata";
  apiVersion: string;
  metadata: DeepReadonly<ObjectMeta>;
}

export interface TableOptions {
  readonly nowMs: number;
  /** What each row carries of its object; Metadata is the default of the API. */
  readonly includeObject: "None" | "Metadata" | "Object";
  readonly noHeaders?: boolean;
  /** Of the list that the objects are from. */
  readonly metadata?: ListMeta;
  readonly apiVersion?: string;
}

/** Renders objects of one kind; objects in rows are not copied. */
export function renderTable<T extends KubeObject>(
  columns: readonly Column<T>[] | undefined,
  objects: readonly DeepReadonly<T>[],
  options: TableOptions,
): Table {
  const used: readonly Column<T>[] = columns ?? defaultColumns;
  return {
    kind: "Table",
    apiVersion: options.apiVersion ?? META_VERSION,
    metadata: options.metadata ?? {},
    columnDefinitions: options.noHeaders ? null : used.map(defineColumn),
    rows: objects.map((object) => ({
      cells: used.map((column) => column.value(object, options.nowMs) ?? null),
      object:
        options.includeObject === "Object"
          ? object
          : options.includeObject === "Metadata"
            ? partialMetadata(object, options.apiVersion)
            : null,
    })),
  };
}

function defineColumn<T>(column: Column<T>): ColumnDefinition {
  return {
    name: column.name,
    type: column.type,
    format: column.format ?? "",
    description: column.description ?? "",
    priority: column.wide ? 1 : 0,
  };
}

/** An object with nothing but its metadata. */
export function partialMetadata(object: DeepReadonly<KubeObject>, apiVersion: string = META_VERSION): PartialObjectMetadata {
  return { kind: "PartialObjectMetadata", apiVersion, metadata: object.metadata ?? {} };
}

/** The first column of nearly every kind. */
export const nameColumn: Column<KubeObject> = {
  name: "Name",
  type: "string",
  format: "name",
  value: (object) => object.metadata?.name ?? "",
};

/** The last column of nearly every kind: how long ago the object was made. */
export const ageColumn: Column<KubeObject> = {
  name: "Age",
  type: "string",
  value: (object, nowMs) => age(object.metadata?.creationTimestamp, nowMs),
};

/** The columns of kinds that have none of their own. */
export const defaultColumns: readonly Column<KubeObject>[] = [
  nameColumn,
  { name: "Created At", type: "date", value: (object) => object.metadata?.creationTimestamp ?? "" },
];

/** How long ago an RFC 3339 time was, or `<unknown>`. */
export function age(timestamp: string | undefined, nowMs: number): string {
  const thenMs = timestamp === undefined ? Number.NaN : Date.parse(timestamp);
  return Number.isNaN(thenMs) ? "<unknown>" : humanDuration(nowMs - thenMs);
}
