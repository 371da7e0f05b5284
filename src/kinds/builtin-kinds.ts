// The kinds every cluster has: the structure table's resources with their behaviour.

import type { KindDefinition, KindHooks, SubresourceInfo } from "#meta/kind.ts";
import type { KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
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

/** Of bodies that an extension gets; the server has those of the object itself and of scales. */
function withSchema(sub: SubresourceInfo, { group, version }: Resource, structure: BuiltinStructure): SubresourceInfo {
  if (!sub.verbs.includes("create") || sub.options !== undefined) return sub;
  const name = structure.nameOf(sub.group ?? group, sub.version ?? version, sub.kind);
  if (name === undefined) return sub;
  return {
    ...sub,
    get schema() {
      return structure.schema(name);
    },
  };
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
    subresources: subresources.map((sub) => withSchema(sub, resource, structure)),
    definitionName,
    get schema() {
      return structure.schema(definitionName);
    },
    ...(virtual ? { virtual } : {}),
    ...(behaviour?.storagePrefix === undefined ? {} : { storagePrefix: behaviour.storagePrefix }),
    ...(behaviour?.convert === undefined ? {} : { convert: behaviour.convert }),
  };
}
