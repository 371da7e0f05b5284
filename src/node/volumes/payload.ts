// The files of a volume that is made from objects of the API. Pure.

import type { ConfigMap, DownwardAPIVolumeFile, KeyToPath, Secret } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { podField, resourceField, type FieldSources } from "../pod-fields.ts";
import type { PodObject } from "../pod/pod-view.ts";

export interface PayloadFile {
  readonly data: Uint8Array;
  readonly mode: number;
}

/** By path relative to the volume. */
export type Payload = Map<string, PayloadFile>;

/** Something a volume needs is not there; the message ends the FailedMount event. */
export class VolumeError extends Error {
  override readonly name = "VolumeError";
}

/** A claim has no volume yet. Worth a look again soon; the message is the whole event. */
export class NotBoundError extends Error {
  override readonly name = "NotBoundError";
}

interface Selection {
  readonly items?: DeepReadonly<KeyToPath[]> | undefined;
  readonly optional?: boolean | undefined;
  readonly mode: number;
}

export function configMapPayload(name: string, map: DeepReadonly<ConfigMap> | undefined, selection: Selection): Payload {
  if (map === undefined) return missing(`configmap "${name}" not found`, selection);
  const data = new Map<string, Uint8Array>();
  for (const [key, text] of Object.entries(map.data ?? {})) data.set(key, Buffer.from(text));
  for (const [key, encoded] of Object.entries(map.binaryData ?? {})) data.set(key, Buffer.from(encoded, "base64"));
  return select(data, selection, "configmap");
}

export function secretPayload(name: string, secret: DeepReadonly<Secret> | undefined, selection: Selection): Payload {
  if (secret === undefined) return missing(`secret "${name}" not found`, selection);
  const data = new Map<string, Uint8Array>();
  for (const [key, encoded] of Object.entries(secret.data ?? {})) data.set(key, Buffer.from(encoded, "base64"));
  return select(data, selection, "secret");
}

function missing(message: string, selection: Selection): Payload {
  if (selection.optional === true) return new Map();
  throw new VolumeError(message);
}

function select(data: ReadonlyMap<string, Uint8Array>, selection: Selection, what: string): Payload {
  const payload: Payload = new Map();
  if (!selection.items?.length) {
    for (const [key, value] of data) payload.set(key, { data: value, mode: selection.mode });
    return payload;
  }
  for (const { key, path, mode } of selection.items) {
    const value = data.get(key);
    if (value !== undefined) payload.set(path, { data: value, mode: mode ?? selection.mode });
    else if (selection.optional !== true)
      throw new VolumeError(`${what} references non-existent ${what === "secret" ? "secret" : "config"} key: ${key}`);
  }
  return payload;
}

export function downwardPayload(
  pod: PodObject,
  items: DeepReadonly<DownwardAPIVolumeFile[]> | undefined,
  defaultMode: number,
  sources: FieldSources,
): Payload {
  const payload: Payload = new Map();
  for (const { path, fieldRef, resourceFieldRef, mode } of items ?? []) {
    let text: string | undefined;
    if (fieldRef) {
      text = podField(pod, fieldRef, sources);
    } else if (resourceFieldRef) {
      const container = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find(
        (candidate) => candidate.name === resourceFieldRef.containerName,
      );
      text = container && resourceField(container, resourceFieldRef, sources.allocatable);
    }
    if (text === undefined)
      throw new VolumeError(`unsupported downward API field ${fieldRef?.fieldPath ?? resourceFieldRef?.resource ?? ""}`);
    payload.set(path, { data: Buffer.from(text), mode: mode ?? defaultMode });
  }
  return payload;
}
