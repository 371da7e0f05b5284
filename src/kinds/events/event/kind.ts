// Events as events.k8s.io serves them: another form of the core group's, which is the stored one.

import type { Event as CoreEvent } from "#kinds/api/core-v1.gen.ts";
import type { Event } from "#kinds/api/events-v1.gen.ts";
import { eventColumns } from "#kinds/core/event/columns.ts";
import { eventFields } from "#kinds/core/event/kind.ts";
import { validateNewEvent } from "#kinds/core/event/validate.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";

/** Field names of this form and of the core form; all others are called the same. */
const RENAMED: readonly (readonly [string, string])[] = [
  ["regarding", "involvedObject"],
  ["note", "message"],
  ["reportingController", "reportingComponent"],
  ["deprecatedSource", "source"],
  ["deprecatedFirstTimestamp", "firstTimestamp"],
  ["deprecatedLastTimestamp", "lastTimestamp"],
  ["deprecatedCount", "count"],
];
const TO_CORE = new Map(RENAMED);
const FROM_CORE = new Map(RENAMED.map(([own, core]) => [core, own]));

function rename(object: object, names: ReadonlyMap<string, string>, apiVersion: string): KubeObject {
  const renamed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(object)) renamed[names.get(name) ?? name] = value;
  renamed["apiVersion"] = apiVersion;
  return renamed;
}

/** The same object in the core form; shares its parts with the given one. */
export function toCoreEvent(event: DeepReadonly<Event>): CoreEvent {
  // The two interfaces differ in nothing but the names above.
  const core = rename(event, TO_CORE, "v1") as CoreEvent;
  core.involvedObject ??= {};
  return core;
}

export function fromCoreEvent(event: DeepReadonly<CoreEvent>): Event {
  return rename(event, FROM_CORE, "events.k8s.io/v1") as Event;
}

const FIELD_NAMES = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];

export const newEventHooks: KindHooks<Event> = {
  defaultPropagation: "Unsupported",
  validate: (next, previous) => validateNewEvent(toCoreEvent(next), previous && toCoreEvent(previous)),
  createOnUpdate: true,
  generation: false,
  selectableFields: (event) => {
    const core = eventFields(toCoreEvent(event));
    const fields: Record<string, string> = {
      reason: core["reason"] ?? "",
      reportingController: core["reportingComponent"] ?? "",
      type: core["type"] ?? "",
    };
    for (const name of FIELD_NAMES) fields[`regarding.${name}`] = core[`involvedObject.${name}`] ?? "";
    return fields;
  },
  selectableFieldNames: ["reason", "reportingController", "type", ...FIELD_NAMES.map((name) => `regarding.${name}`)],
  columns: eventColumns<Event>(toCoreEvent),
};
