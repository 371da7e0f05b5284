// (interface below; implementation to follow in this file)

import type { DeepReadonly, KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";

/** Writes core/v1 Events about objects: repeats of one event are counted on the first one, spam is limited. Never throws, never blocks. */
export interface EventRecorder {
  event(
    about: { readonly resource: Resource; readonly object: DeepReadonly<KubeObject>; readonly fieldPath?: string },
    type: "Normal" | "Warning",
    /** CamelCase, upstream's word. */
    reason: string,
    message: string,
  ): void;
}
