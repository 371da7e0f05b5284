// Publishes the API server's CA in every living namespace, as the ConfigMap that pods mount to verify it.

import { ConfigMap, Namespace } from "#kinds/api/core-v1.gen.ts";
import { clone } from "#lib/clone.ts";
import { isAlreadyExists, isNotFound } from "#meta/errors.ts";
import { makeKey, splitKey, type DeepReadonly, type KubeObject, type ObjectMeta } from "#meta/object.ts";
import { watch, type ControllerDefinition } from "#reconcile/controller.ts";

const NAME = "kube-root-ca.crt";
const DESCRIPTION = "kubernetes.io/description";
const DESCRIPTION_TEXT =
  "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or " +
  "kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.";

/** What this controller, and those that only want metadata, need of a ConfigMap. */
export function withoutForeignData(object: KubeObject): KubeObject {
  if (object.metadata?.name === NAME) return object;
  const { metadata } = object;
  return metadata ? { metadata } : {};
}

/** `ca`: PEM bundle. */
export function rootCaPublisher(ca: string): ControllerDefinition {
  return {
    name: "root-ca-cert-publisher",
    for: Namespace,
    watches: [watch(ConfigMap, ({ metadata }) => (metadata?.name === NAME ? [makeKey(undefined, metadata.namespace ?? "")] : []))],
    async reconcile(key, { cache, client, signal }) {
      const namespace = cache(Namespace).get(key);
      if (!namespace || namespace.metadata?.deletionTimestamp || namespace.status?.phase === "Terminating") return;
      const { name } = splitKey(key);
      const current = cache(ConfigMap).get(makeKey(name, NAME));
      if (current && isPublished(current, ca)) return;
      const data = { "ca.crt": ca };
      try {
        if (!current) {
          const metadata = { name: NAME, namespace: name, annotations: { [DESCRIPTION]: DESCRIPTION_TEXT } };
          await client.create(ConfigMap, { metadata, data }, { signal });
        } else {
          const metadata = clone(current.metadata ?? {}) as ObjectMeta; // a copy of our own
          metadata.annotations = { ...metadata.annotations, [DESCRIPTION]: DESCRIPTION_TEXT };
          await client.update(ConfigMap, { metadata, data }, { signal });
        }
      } catch (error) {
        // Made by someone else meanwhile, or the namespace went: the change wakes us if there is more to do.
        if (!isAlreadyExists(error) && !isNotFound(error)) throw error;
      }
    },
  };
}

/** Whether the object says exactly what it should. Other annotations are nobody's business here. */
function isPublished(configMap: DeepReadonly<ConfigMap>, ca: string): boolean {
  const data = configMap.data ?? {};
  return data["ca.crt"] === ca && Object.keys(data).length === 1 && configMap.metadata?.annotations?.[DESCRIPTION] === DESCRIPTION_TEXT;
}
