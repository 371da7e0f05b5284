// What `kubectl get events` shows, from the fields of either API group's form.

import { since, text, wide } from "#kinds/shared/columns.ts";
import type { Column } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { Event } from "#kinds/api/core-v1.gen.ts";

type Read = DeepReadonly<Event>;

const firstSeen = (event: Read, nowMs: number): string => since(event.firstTimestamp || event.eventTime, nowMs);

function lastSeen(event: Read, nowMs: number): string {
  if (event.series) return since(event.series.lastObservedTime, nowMs);
  return event.lastTimestamp ? since(event.lastTimestamp, nowMs) : firstSeen(event, nowMs);
}

function objectCell({ involvedObject }: Read): string {
  const kind = (involvedObject.kind ?? "").toLowerCase();
  return involvedObject.name ? `${kind}/${involvedObject.name}` : kind;
}

function sourceCell(event: Read): string {
  const component = event.source?.component || event.reportingComponent || "";
  const instance = event.source?.host || event.reportingInstance || "";
  return instance === "" ? component : `${component}, ${instance}`;
}

/** Columns of a form that `toCore` turns into the core group's. */
export function eventColumns<T>(toCore: (event: DeepReadonly<T>) => Read): Column<T>[] {
  return [
    text("Last Seen", (event, nowMs) => lastSeen(toCore(event), nowMs)),
    text("Type", (event) => toCore(event).type ?? ""),
    text("Reason", (event) => toCore(event).reason ?? ""),
    text("Object", (event) => objectCell(toCore(event))),
    wide(text("Subobject", (event) => toCore(event).involvedObject.fieldPath ?? "")),
    wide(text("Source", (event) => sourceCell(toCore(event)))),
    text("Message", (event) => (toCore(event).message ?? "").trim()),
    wide(text("First Seen", (event, nowMs) => firstSeen(toCore(event), nowMs))),
    wide(text("Count", (event) => toCore(event).series?.count ?? (toCore(event).count || 1))),
    wide({ name: "Name", type: "string", format: "name", value: (event) => toCore(event).metadata?.name ?? "" }),
  ];
}
