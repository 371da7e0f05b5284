// Sees to it that every living namespace has a ServiceAccount named default.

import { Namespace, ServiceAccount } from "#kinds/api/core-v1.gen.ts";
import { isAlreadyExists } from "#meta/errors.ts";
import { makeKey, splitKey } from "#meta/object.ts";
import { watch, type ControllerDefinition } from "#reconcile/controller.ts";

const DEFAULT = "default";

export const serviceAccountController: ControllerDefinition = {
  name: "service-account-controller",
  for: Namespace,
  watches: [watch(ServiceAccount, ({ metadata }) => (metadata?.name === DEFAULT ? [makeKey(undefined, metadata.namespace ?? "")] : []))],
  async reconcile(key, { cache, client, signal }) {
    const namespace = cache(Namespace).get(key);
    if (!namespace || namespace.metadata?.deletionTimestamp || namespace.status?.phase === "Terminating") return;
    const { name } = splitKey(key);
    if (cache(ServiceAccount).get(makeKey(name, DEFAULT))) return;
    try {
      await client.create(ServiceAccount, { metadata: { name: DEFAULT, namespace: name } }, { signal });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  },
};
