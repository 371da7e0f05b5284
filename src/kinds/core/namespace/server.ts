// namespaces/finalize: how whoever empties a deleted namespace lets it go.

import type { ExtensionCall, ExtensionResult, ServerExtension } from "#apiserver/extension.ts";
import { Namespace } from "#kinds/api/core-v1.gen.ts";
import { ApiError, badRequest, staleObject } from "#meta/errors.ts";
import { makeKey } from "#meta/object.ts";

const NAMESPACES = { group: "", plural: "namespaces" };

export function namespaceExtension(): ServerExtension {
  return {
    name: "namespace",
    async start({ registry }) {
      const handle = async (call: ExtensionCall): Promise<ExtensionResult> => {
        if (call.request.method !== "PUT") {
          throw new ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
        }
        const wanted = (await call.body()) as Namespace; // its finalizers are checked by the kind's validation
        const { name } = call.info;
        if ((wanted.metadata?.name ?? name) !== name) {
          const own = wanted.metadata?.name ?? "";
          throw badRequest(`the name of the object (${own}) does not match the name on the URL (${name})`);
        }
        const version = wanted.metadata?.resourceVersion;
        const object = await registry.update(
          Namespace,
          makeKey("", name),
          (namespace) => {
            if (version && version !== "0" && version !== namespace.metadata?.resourceVersion) throw staleObject(NAMESPACES, name);
            namespace.spec = wanted.spec?.finalizers?.length ? { finalizers: [...wanted.spec.finalizers] } : {};
          },
          { subresource: "finalize", dryRun: call.dryRun },
        );
        return { object };
      };
      return { handlers: [{ resource: Namespace, subresource: "finalize", handle }] };
    },
  };
}
