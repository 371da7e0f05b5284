// metrics.k8s.io/v1beta1: what nodes and pods use. Asked, never stored.

import { text } from "#kinds/shared/columns.ts";
import type { Column, KindDefinition } from "#meta/kind.ts";
import type { KubeObject } from "#meta/object.ts";
import { addQuantities, formatQuantity, type Quantity } from "#meta/quantity.ts";
import type { Resource } from "#meta/resource.ts";
import type { Field, Schema } from "#meta/schema.ts";
import { nameColumn } from "#meta/table.ts";

export interface NodeMetrics extends KubeObject {
  /** RFC 3339; the end of the window. */
  timestamp: string;
  /** As Go prints durations. */
  window: string;
  usage: Record<string, string>;
}

export interface PodMetrics extends KubeObject {
  timestamp: string;
  window: string;
  containers: { name: string; usage: Record<string, string> }[];
}

const GROUP = { group: "metrics.k8s.io", version: "v1beta1" } as const;

export const NodeMetrics: Resource<NodeMetrics> = { ...GROUP, kind: "NodeMetrics", plural: "nodes", namespaced: false };
export const PodMetrics: Resource<PodMetrics> = { ...GROUP, kind: "PodMetrics", plural: "pods", namespaced: true };

const PACKAGE = "io.k8s.metrics.pkg.apis.metrics.v1beta1";

/** `metadata` is the schema of ObjectMeta. */
export function metricsKinds(metadata: Schema): readonly KindDefinition[] {
  const string: Schema = { type: "string" };
  const quantities: Schema = { type: "map", items: { type: "string", format: "quantity" } };
  const object = (name: string, ...fields: Field[]): Schema => ({
    type: "object",
    name: `${PACKAGE}.${name}`,
    fields: new Map(fields.map((field) => [field.name, field])),
  });
  const field = (name: string, schema: Schema, required = true): Field => ({ name, schema, required });
  const common = [
    field("apiVersion", string, false),
    field("kind", string, false),
    field("metadata", metadata, false),
    field("timestamp", { type: "string", format: "date-time" }),
    field("window", { type: "string", format: "duration" }),
  ];
  const container = object("ContainerMetrics", field("name", string), field("usage", quantities));
  const define = <T extends KubeObject>(resource: Resource<T>, columns: readonly Column<T>[], ...own: Field[]): KindDefinition<T> => ({
    resource,
    singular: "",
    shortNames: [],
    categories: [],
    verbs: ["get", "list"],
    subresources: [],
    schema: object(resource.kind, ...common, ...own),
    definitionName: `${PACKAGE}.${resource.kind}`,
    virtual: true,
    columns,
  });
  const columnsOf = <T extends NodeMetrics | PodMetrics>(amount: (object: Readonly<T>, resource: string) => string): Column<T>[] => [
    nameColumn,
    text("cpu", (one) => amount(one as Readonly<T>, "cpu")), // read-only to its depth is read-only
    text("memory", (one) => amount(one as Readonly<T>, "memory")), // likewise
    text("Window", (one) => (one as Readonly<T>).window), // likewise
  ];
  const nodes = define(
    NodeMetrics,
    columnsOf<NodeMetrics>(({ usage }, name) => usage[name] ?? ""),
    field("usage", quantities),
  );
  const pods = define(
    PodMetrics,
    columnsOf<PodMetrics>(({ containers }, name) => total(containers.map(({ usage }) => usage[name] ?? "0"))),
    field("containers", { type: "array", listType: "atomic", items: container }),
  );
  // Hooks of one kind are only ever called with objects of that kind.
  return [nodes as unknown as KindDefinition, pods as unknown as KindDefinition];
}

function total(amounts: readonly string[]): string {
  let sum: Quantity | string = "0";
  for (const amount of amounts) sum = addQuantities(sum, amount);
  return formatQuantity(sum);
}
