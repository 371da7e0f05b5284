// What an event must be. Both groups' forms are checked as the core form they are stored in; the newer group is stricter.

import type { Event } from "#kinds/api/core-v1.gen.ts";
import { checkImmutable, checkQualifiedName, checkSubdomain, type Errors } from "#kinds/shared/checks.ts";
import { field, type FieldError } from "#meta/errors.ts";
import { byteLength } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

const MAX_SHORT = 128;
const MAX_NOTE = 1024;
/** What an unset field is to upstream. */
const EMPTY: Readonly<Record<string, unknown>> = {
  reason: "",
  message: "",
  type: "",
  count: 0,
  firstTimestamp: null,
  lastTimestamp: null,
  source: {},
};
const OTHER_NAMESPACE = "does not match event.namespace";

type Read = DeepReadonly<Event>;

export function validateCoreEvent(event: Read): FieldError[] {
  return validateCommon(event, "reportingComponent");
}

export function validateNewEvent(next: Read, previous: Read | undefined): FieldError[] {
  const errors = validateCommon(next, "reportingController");
  if (previous) {
    if (JSON.stringify(next.series) !== JSON.stringify(previous.series)) validateSeries(next, errors);
    for (const name of ["involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "type"] as const) {
      checkImmutable(errors, name, next[name] ?? EMPTY[name], previous[name] ?? EMPTY[name]);
    }
    if (toMicros(next.eventTime) !== toMicros(previous.eventTime)) checkImmutable(errors, "eventTime", next.eventTime, previous.eventTime);
    checkImmutable(errors, "action", next.action ?? "", previous.action ?? "");
    checkImmutable(errors, "related", next.related, previous.related);
    checkImmutable(errors, "reportingController", next.reportingComponent ?? "", previous.reportingComponent ?? "");
    checkImmutable(errors, "reportingInstance", next.reportingInstance ?? "", previous.reportingInstance ?? "");
    return errors;
  }
  validateSeries(next, errors);
  if (!next.eventTime) errors.push(field.required("eventTime"));
  if (next.type !== "Normal" && next.type !== "Warning") errors.push(field.invalid("type", "", `has invalid value: ${next.type ?? ""}`));
  if (next.firstTimestamp) errors.push(field.invalid("firstTimestamp", "", "needs to be unset"));
  if (next.lastTimestamp) errors.push(field.invalid("lastTimestamp", "", "needs to be unset"));
  if (next.count) errors.push(field.invalid("count", "", "needs to be unset"));
  if (next.source?.component || next.source?.host) errors.push(field.invalid("source", "", "needs to be unset"));
  return errors;
}

/** Times differ only from the microsecond on: that is all that is stored. */
function toMicros(time: string | undefined): string {
  return (time ?? "").replace(/(\.\d{6})\d*/, "$1");
}

function validateSeries({ series }: Read, errors: Errors): void {
  if (!series) return;
  if ((series.count ?? 0) < 2) errors.push(field.invalid("series.count", "", "should be at least 2"));
  if (!series.lastObservedTime) errors.push(field.required("series.lastObservedTime"));
}

function validateCommon(event: Read, controllerField: string): Errors {
  const errors: Errors = [];
  const namespace = event.metadata?.namespace ?? "";
  const about = event.involvedObject.namespace ?? "";
  const wrongNamespace = () => errors.push(field.invalid("involvedObject.namespace", about, OTHER_NAMESPACE));
  if (!event.eventTime) {
    if (about === "" ? namespace !== "" && namespace !== "default" : namespace !== about) wrongNamespace();
    return errors;
  }
  checkSubdomain(errors, "metadata.name", event.metadata?.name);
  if (about === "" && namespace !== "default" && namespace !== "kube-system") wrongNamespace();
  const controller = event.reportingComponent ?? "";
  if (controller === "") errors.push(field.required(controllerField));
  checkQualifiedName(errors, controllerField, controller);
  const required = (path: string, value: string | undefined) => {
    if (!value) errors.push(field.required(path));
    limited(path, value, MAX_SHORT);
  };
  const limited = (path: string, value: string | undefined, limit: number) => {
    if (byteLength(value ?? "") > limit) errors.push(field.invalid(path, "", `can have at most ${limit} characters`));
  };
  required("reportingInstance", event.reportingInstance);
  required("action", event.action);
  required("reason", event.reason);
  limited("message", event.message, MAX_NOTE);
  return errors;
}
