import type { Event } from "#kinds/api/core-v1.gen.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { eventColumns } from "./columns.ts";
import { validateCoreEvent } from "./validate.ts";

/** Selectable fields of events, the same in both groups; `reportingComponent` stands for source in v1. */
export function eventFields(event: DeepReadonly<Event>): Record<string, string> {
  const { involvedObject: object } = event;
  return {
    "involvedObject.kind": object.kind ?? "",
    "involvedObject.namespace": object.namespace ?? "",
    "involvedObject.name": object.name ?? "",
    "involvedObject.uid": object.uid ?? "",
    "involvedObject.apiVersion": object.apiVersion ?? "",
    "involvedObject.resourceVersion": object.resourceVersion ?? "",
    "involvedObject.fieldPath": object.fieldPath ?? "",
    reason: event.reason ?? "",
    reportingComponent: event.reportingComponent ?? "",
    source: event.source?.component || event.reportingComponent || "",
    type: event.type ?? "",
  };
}

export const EVENT_FIELD_NAMES: readonly string[] = [
  "involvedObject.kind",
  "involvedObject.namespace",
  "involvedObject.name",
  "involvedObject.uid",
  "involvedObject.apiVersion",
  "involvedObject.resourceVersion",
  "involvedObject.fieldPath",
  "reason",
  "reportingComponent",
  "source",
  "type",
];

export const eventHooks: KindHooks<Event> = {
  defaultPropagation: "Unsupported",
  default: (event) => {
    event.involvedObject ??= {};
  },
  validate: validateCoreEvent,
  // Events of the old form may be called anything; the others are checked in validation.
  nameRule: "path",
  createOnUpdate: true,
  generation: false,
  selectableFields: eventFields,
  selectableFieldNames: EVENT_FIELD_NAMES,
  columns: eventColumns<Event>((event) => event),
};
