// Objects that `kubectl apply` kept before it applied on the server's side: their fields pass to the new manager without conflicts.

import { equal } from "#lib/equal.ts";
import { isJsonObject } from "#lib/own-field.ts";
import type { DeepReadonly, KubeObject } from "../object.ts";
import type { Schema } from "../schema.ts";
import { fieldsOfObject } from "./applied-fields.ts";
import { compareObjects } from "./compare.ts";
import { configurationProblem } from "./configuration-check.ts";
import { difference, EMPTY, type FieldSet } from "./field-set.ts";
import { FieldPathError, goJson } from "./path-element.ts";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";
/** The one manager for which the annotation counts. Others have chosen to be somebody else. */
export const KUBECTL = "kubectl";
const MOST_ANNOTATION_BYTES = 256 * 1024;

/** The fields that client-side apply set and nobody changed since. Undefined if the object does not tell. */
export function lastAppliedFields(live: DeepReadonly<KubeObject>, apiVersion: string, schema: Schema): FieldSet | undefined {
  const text = live.metadata?.annotations?.[LAST_APPLIED];
  if (!text) return undefined;
  try {
    const configuration: unknown = JSON.parse(text);
    if (!isJsonObject(configuration) || configuration["apiVersion"] !== apiVersion) return undefined;
    if (configurationProblem(configuration, schema) !== undefined) return undefined;
    // What is in the object beyond the configuration is no matter here; what differs is.
    const { changed = EMPTY, removed = EMPTY } = compareObjects(configuration, live, schema, { raw: false });
    return difference(difference(fieldsOfObject(configuration, schema), changed), removed);
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof FieldPathError) return undefined;
    throw error;
  }
}

/** Keeps the annotation in step with what is applied, so that a client-side apply could go on. Changes `object`. */
export function renewLastApplied(object: KubeObject, configuration: DeepReadonly<KubeObject>): void {
  const annotations = object.metadata?.annotations;
  if (!annotations?.[LAST_APPLIED]) return;
  const { metadata = {} } = configuration;
  const { [LAST_APPLIED]: _, ...others } = metadata.annotations ?? {};
  const applied = { ...configuration, metadata: metadata.annotations ? { ...metadata, annotations: others } : metadata };
  annotations[LAST_APPLIED] = `${goJson(applied)}\n`;
  if (annotationBytes(annotations) > MOST_ANNOTATION_BYTES) delete annotations[LAST_APPLIED];
}

function annotationBytes(annotations: Readonly<Record<string, string>>): number {
  const encoder = new TextEncoder();
  return Object.entries(annotations).reduce((sum, pair) => sum + encoder.encode(pair.join("")).length, 0);
}

/** Whether two objects are the same but for times of their managed fields, so that the first's times may stay. */
export function differsInTimesOnly(live: DeepReadonly<KubeObject>, next: DeepReadonly<KubeObject>): boolean {
  const before = live.metadata?.managedFields ?? [];
  const after = next.metadata?.managedFields ?? [];
  if (before.length !== after.length || after.length === 0) return false;
  let times = 0;
  for (const [index, entry] of after.entries()) {
    const { time, ...rest } = entry;
    const { time: oldTime, ...oldRest } = before[index] ?? {};
    if (time !== oldTime) times++;
    if (!equal(rest, oldRest)) return false;
  }
  if (times === 0) return false;
  const { metadata, ...rest } = live;
  const { metadata: nextMetadata, ...nextRest } = next;
  return equal({ ...metadata, managedFields: undefined }, { ...nextMetadata, managedFields: undefined }) && equal(rest, nextRest);
}
