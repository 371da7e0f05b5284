import type { Client } from "#client/client.ts";
import { type Binding, Pod } from "#kinds/api/core-v1.gen.ts";
import type { Plugin } from "../framework.ts";

/** Tells the API where the pod goes. */
export function defaultBinder(client: Client): Plugin {
  return {
    name: "DefaultBinder",
    bind: async ({ key, namespace, uid, pod }, node, signal) => {
      const binding: Binding = {
        apiVersion: "v1",
        kind: "Binding",
        metadata: { name: pod.metadata?.name ?? "", namespace, uid },
        target: { apiVersion: "v1", kind: "Node", name: node },
      };
      await client.createSubresource(Pod, key, "binding", binding, { signal });
    },
  };
}
