// The kinds every cluster has: the structure table's resources with their behaviour.

import type { KindDefinition, KindHooks } from "#meta/kind.ts";
import type { KubeObject } from "#meta/object.ts";
import { hooksOf, type KindBehaviour } from "./hooks.ts";
import { builtinStructure, type BuiltinResource, type BuiltinStructure } from "./structure.ts";

/** Makes the definitions anew; schemas are read from the table when they are first asked for. */
export function builtinKinds(structure: BuiltinStructure = builtinStructure()): readonly KindDefinition[] {
  const behaviours = hooksOf();
  return structure.resources.map((entry) => define(entry, structure, behaviours.get(behaviourKey(entry.resource))));
}

function behaviourKey({ group, version, kind }: { readonly group: string; readonly version: string; readonly kind: string }): string {
  return `${group}/${version}/${kind}`;
}

function define(entry: BuiltinResource, structure: BuiltinStructure, behaviour: KindBehaviour | undefined): KindDefinition {
  const { definitionName, resource, singular, shortNames, categories, verbs, subresources, virtual } = entry;
  const hooks: KindHooks<KubeObject> = behaviour?.hooks ?? {};
  return {
    ...hooks,
    resource,
    singular,
    shortNames,
    categories,
    verbs,
    subresources,
    definitionName,
    get schema() {
      return structure.schema(definitionName);
    },
    ...(virtual ? { virtual } : {}),
    ...(behaviour?.storagePrefix === undefined ? {} : { storagePrefix: behaviour.storagePrefix }),
    ...(behaviour?.convert === undefined ? {} : { convert: behaviour.convert }),
  };
}
