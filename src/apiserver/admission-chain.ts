// Runs the admission plugins a write concerns: all mutating hooks in order, later all validating ones.

import type { Resource } from "#meta/resource.ts";
import type { AdmissionAttributes, AdmissionOperation, AdmissionPlugin } from "./admission.ts";

/** The hooks of the plugins that handle one sort of request. Undefined when there are none, so that nothing is awaited. */
export interface SelectedPlugins {
  readonly mutate: ((attributes: AdmissionAttributes) => Promise<void>) | undefined;
  readonly validate: ((attributes: AdmissionAttributes) => Promise<void>) | undefined;
}

export interface AdmissionChain {
  select(operation: AdmissionOperation, resource: Resource, subresource: string): SelectedPlugins;
}

/** Plugins are asked once for each sort of request whether they handle it. */
export function createAdmissionChain(plugins: readonly AdmissionPlugin[]): AdmissionChain {
  const selections = new Map<string, SelectedPlugins>();
  return {
    select(operation, resource, subresource) {
      const key = `${operation} ${resource.group}/${resource.version}/${resource.plural}/${subresource}`;
      let selection = selections.get(key);
      if (!selection) {
        const selected = plugins.filter((plugin) => plugin.handles(operation, resource, subresource));
        selection = {
          mutate: runAll(selected.flatMap((plugin) => plugin.mutate?.bind(plugin) ?? [])),
          validate: runAll(selected.flatMap((plugin) => plugin.validate?.bind(plugin) ?? [])),
        };
        selections.set(key, selection);
      }
      return selection;
    },
  };
}

type Hook = (attributes: AdmissionAttributes) => Promise<void> | void;

function runAll(hooks: readonly Hook[]): ((attributes: AdmissionAttributes) => Promise<void>) | undefined {
  if (hooks.length === 0) return undefined;
  return async (attributes) => {
    for (const hook of hooks) {
      const pending = hook(attributes);
      if (pending) await pending;
    }
  };
}
