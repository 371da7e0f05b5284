// Stores the flow schemas and priority levels that every cluster has, once the server answers.

import { setImmediate } from "node:timers/promises";
import type { ServerExtension } from "#apiserver/extension.ts";
import type { Registry } from "#apiserver/registry.ts";
import { FlowSchema, PriorityLevelConfiguration } from "#kinds/api/flowcontrol-v1.gen.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import { isAlreadyExists } from "#meta/errors.ts";
import { keyOf, type KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
import { AUTO_UPDATE_ANNOTATION, type FlowControlBootstrap, mandatoryFlowControl, suggestedFlowControl } from "./bootstrap.ts";

export const flowControlExtension: ServerExtension = {
  name: "flowcontrol",
  start: ({ registry }) =>
    Promise.resolve({
      async afterStart() {
        // The first request goes first.
        await setImmediate();
        await Promise.all([ensureAll(registry, mandatoryFlowControl()), ensureAll(registry, suggestedFlowControl())]);
      },
    }),
};

async function ensureAll(registry: Registry, { priorityLevels, flowSchemas }: FlowControlBootstrap): Promise<void> {
  await Promise.all([
    ...priorityLevels.map((level) => ensure(registry, PriorityLevelConfiguration, level)),
    ...flowSchemas.map((schema) => ensure(registry, FlowSchema, schema)),
  ]);
}

/** Creates what is missing; puts a spec right as long as its annotation lets the server do so. */
async function ensure<T extends KubeObject & { spec?: unknown }>(registry: Registry, resource: Resource<T>, wanted: T): Promise<void> {
  const key = keyOf(wanted);
  const stored = await registry.get(resource, key);
  if (!stored) {
    try {
      await registry.create(resource, wanted);
    } catch (error) {
      // Another server on the same store was first.
      if (!isAlreadyExists(error)) throw error;
    }
    return;
  }
  if (stored.metadata?.annotations?.[AUTO_UPDATE_ANNOTATION] !== "true" || keepsSpec(stored, wanted)) return;
  await registry.update(resource, key, (object) => {
    object.spec = wanted.spec;
  });
}

/** What the level `exempt` says of itself is for people to change. */
function keepsSpec(stored: { readonly spec?: unknown }, wanted: { readonly spec?: unknown }): boolean {
  if (typeof wanted.spec === "object" && wanted.spec !== null && "exempt" in wanted.spec) return true;
  return semanticEqual(stored.spec, wanted.spec);
}
