// Building blocks of table columns. Names, order and cell texts are those that upstream's server prints.

import { humanDuration } from "#meta/duration.ts";
import type { Column } from "#meta/kind.ts";
import type { DeepReadonly, KubeObject, LabelSelector } from "#meta/object.ts";
import { formatLabelSelector } from "#meta/selectors.ts";

type Cell<T> = Column<T>["value"];

export function text<T>(name: string, value: Cell<T>): Column<T> {
  return { name, type: "string", value };
}

export function integer<T>(name: string, value: Cell<T>): Column<T> {
  return { name, type: "integer", value };
}

export function boolean<T>(name: string, value: Cell<T>): Column<T> {
  return { name, type: "boolean", value };
}

/** A column that only `-o wide` shows. */
export function wide<T>(column: Column<T>): Column<T> {
  return { ...column, wide: true };
}

export const nameColumn: Column<KubeObject> = {
  name: "Name",
  type: "string",
  format: "name",
  value: (object) => object.metadata?.name ?? "",
};

export const ageColumn: Column<KubeObject> = {
  name: "Age",
  type: "string",
  value: (object, nowMs) => since(object.metadata?.creationTimestamp, nowMs),
};

/** How long ago `timestamp` was, as upstream prints it. */
export function since(timestamp: string | null | undefined, nowMs: number): string {
  if (timestamp === undefined || timestamp === null || timestamp === "") return "<unknown>";
  return humanDuration(nowMs - Date.parse(timestamp));
}

/** Labels as `a=b,c=d` in order of their keys; `<none>` if there are none. */
export function formatLabels(labels: Readonly<Record<string, string>> | null | undefined): string {
  const keys = Object.keys(labels ?? {});
  if (keys.length === 0) return "<none>";
  return keys
    .toSorted()
    .map((key) => `${key}=${labels?.[key] ?? ""}`)
    .join(",");
}

/** As formatLabelSelector, with the texts that Deployments use: nothing for an empty selector. */
export function formatDeploymentSelector(selector: DeepReadonly<LabelSelector> | null | undefined): string {
  const shown = formatLabelSelector(selector);
  return shown === "<none>" ? "" : shown === "<error>" ? "<invalid>" : shown;
}

/** Parameters of a policy's binding: one object, or Go's words for the selector that finds them. */
export function parameterCell(ref: ParameterRef | undefined): string {
  if (ref?.name) return `${ref.namespace || "*"}/${ref.name}`;
  return ref?.selector ? goSelector(ref.selector) : "<unset>";
}

/** A selector as Go prints the structure: upstream's messages have it so. */
export function goSelector({ matchLabels = {}, matchExpressions = [] }: DeepReadonly<LabelSelector>): string {
  const labels = Object.keys(matchLabels)
    .toSorted()
    .map((key) => `${key}: ${matchLabels[key] ?? ""},`);
  const expressions = matchExpressions.map(
    ({ key, operator, values = [] }) => `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(" ")}],},`,
  );
  return `&LabelSelector{MatchLabels:map[string]string{${labels.join("")}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join("")}},}`;
}

interface ParameterRef {
  readonly name?: string;
  readonly namespace?: string;
  readonly selector?: DeepReadonly<LabelSelector>;
}

interface Templated {
  readonly name: string;
  readonly image?: string | undefined;
}

/** The wide columns Containers and Images of a workload. */
export function containerColumns<T>(containers: (object: DeepReadonly<T>) => readonly Templated[] | undefined): [Column<T>, Column<T>] {
  return [
    wide(text("Containers", (object) => joined(containers(object), "name"))),
    wide(text("Images", (object) => joined(containers(object), "image"))),
  ];
}

function joined(containers: readonly Templated[] | undefined, key: "name" | "image"): string {
  return (containers ?? []).map((container) => container[key] ?? "").join(",");
}

/** The first `max` of a list, and how many more there are; `<unset>` for none. */
export function listWithMore(list: readonly string[], max = 3): string {
  if (list.length > max) return `${list.slice(0, max).join(",")} + ${list.length - max} more...`;
  const shown = list.join(",");
  return shown === "" ? "<unset>" : shown;
}

export function printBool(value: boolean | null | undefined): string {
  return value === undefined || value === null ? "<unset>" : value ? "True" : "False";
}
