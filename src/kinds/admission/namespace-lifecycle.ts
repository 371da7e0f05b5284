// NamespaceLifecycle: nothing is made in a namespace that does not exist or is going away, and some namespaces never go.

import type { AdmissionPlugin } from "#apiserver/admission.ts";
import type { Registry } from "#apiserver/registry.ts";
import { Namespace } from "#kinds/api/core-v1.gen.ts";
import { createLru } from "#lib/lru.ts";
import { forbidden, notFound } from "#meta/errors.ts";
import { makeKey } from "#meta/object.ts";
import { refuse } from "./refuse.ts";

const IMMORTAL: ReadonlySet<string> = new Set(["default", "kube-system", "kube-public"]);

export function namespaceLifecycle({ registry }: { readonly registry: Registry }): AdmissionPlugin {
  const namespaces = registry.cache(Namespace);
  // The cache may not yet show a deletion that was just asked for: these are read from the store.
  const deletedLately = createLru<string, true>(100);

  const find = async (name: string) => {
    const key = makeKey("", name);
    const cached = deletedLately.get(name) ? undefined : namespaces.get(key);
    return cached ?? (await registry.get(Namespace, key));
  };
  const check = async (attributes: Parameters<NonNullable<AdmissionPlugin["mutate"]>>[0]): Promise<void> => {
    const { namespace, operation } = attributes;
    const found = await find(namespace);
    if (!found) throw notFound(Namespace, namespace);
    const terminating = found.status?.phase === "Terminating" || found.metadata?.deletionTimestamp !== undefined;
    if (!terminating || operation !== "CREATE") return;
    throw refuse(attributes, `unable to create new content in namespace ${namespace} because it is being terminated`, [
      { reason: "NamespaceTerminating", message: `namespace ${namespace} is being terminated`, field: "metadata.namespace" },
    ]);
  };

  return {
    name: "NamespaceLifecycle",
    handles: (operation, resource) =>
      // Telling of a namespace's absence in a review would leak it.
      !(resource.group === "authorization.k8s.io") &&
      (isNamespace(resource) ? operation === "DELETE" : resource.namespaced && (operation === "CREATE" || operation === "UPDATE")),
    mutate(attributes) {
      if (!isNamespace(attributes.resource)) {
        const cached = deletedLately.get(attributes.namespace) ? undefined : namespaces.get(makeKey("", attributes.namespace));
        // The usual case costs no promise.
        if (cached && cached.status?.phase !== "Terminating" && cached.metadata?.deletionTimestamp === undefined) return undefined;
        return check(attributes);
      }
      if (IMMORTAL.has(attributes.name)) throw forbidden(Namespace, attributes.name, "this namespace may not be deleted");
      if (!attributes.dryRun) deletedLately.set(attributes.name, true);
      return undefined;
    },
  };
}

function isNamespace(resource: { readonly group: string; readonly plural: string }): boolean {
  return resource.group === "" && resource.plural === "namespaces";
}
