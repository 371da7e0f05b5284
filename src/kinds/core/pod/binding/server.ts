// pods/binding and bindings: how a scheduler puts a pod on a node.

import type { ExtensionCall, ExtensionResult, ServerExtension } from "#apiserver/extension.ts";
import type { Registry } from "#apiserver/registry.ts";
import { Binding, Pod } from "#kinds/api/core-v1.gen.ts";
import { successStatus } from "#kinds/shared/status.ts";
import type { Clock } from "#lib/clock.ts";
import { setCondition } from "#meta/conditions.ts";
import { aggregateText, ApiError, badRequest, conflict, field, staleObject } from "#meta/errors.ts";
import { makeKey } from "#meta/object.ts";
import { formatTime } from "#meta/time.ts";

const POD_BINDING = { group: "", plural: "pods/binding" };

async function bind(registry: Registry, clock: Clock, call: ExtensionCall): Promise<ExtensionResult> {
  const binding = (await call.body()) as Binding; // checked below
  const name = call.info.subresource === "" ? (binding.metadata?.name ?? "") : call.info.name;
  if (name !== (binding.metadata?.name ?? "")) throw badRequest("name in URL does not match name in Binding object");
  const { uid, resourceVersion } = binding.metadata ?? {};
  const { kind = "", name: node = "" } = binding.target ?? {};
  const wrong = [
    ...(kind !== "" && kind !== "Node" ? [field.notSupported("target.kind", kind, ["Node", "<empty>"], "given")] : []),
    ...(node === "" ? [field.required("target.name")] : []),
  ];
  // Upstream's server does not take these for an error of the client.
  if (wrong.length > 0) throw new ApiError(500, "", aggregateText(wrong));
  await call.admit("CREATE", binding);
  const refuse = (cause: string): never => {
    throw conflict(POD_BINDING, name, cause);
  };
  await registry.update(
    Pod,
    makeKey(call.info.namespace, name),
    (pod) => {
      const metadata = (pod.metadata ??= {});
      const spec = (pod.spec ??= { containers: [] });
      if (uid && uid !== metadata.uid) {
        refuse(`Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid ?? ""}`);
      }
      if (resourceVersion && resourceVersion !== metadata.resourceVersion) throw staleObject(POD_BINDING, name);
      if (metadata.deletionTimestamp) refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
      if (spec.nodeName) refuse(`pod ${name} is already assigned to node ${JSON.stringify(spec.nodeName)}`);
      if (spec.schedulingGates?.length) refuse(`pod ${name} has non-empty .spec.schedulingGates`);
      spec.nodeName = node;
      const status = (pod.status ??= {});
      delete status.nominatedNodeName;
      if (binding.metadata?.annotations) metadata.annotations = { ...metadata.annotations, ...binding.metadata.annotations };
      if (binding.metadata?.labels) metadata.labels = { ...metadata.labels, ...binding.metadata.labels };
      status.conditions = setCondition(status.conditions, { type: "PodScheduled", status: "True" }, formatTime(clock.now()));
    },
    { subresource: "binding", dryRun: call.dryRun },
  );
  return { object: successStatus(), code: 201 };
}

export function bindingExtension(): ServerExtension {
  return {
    name: "pod-binding",
    async start({ registry, clock }) {
      const handle = async (call: ExtensionCall): Promise<ExtensionResult> => {
        if (call.request.method !== "POST")
          throw new ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
        return bind(registry, clock, call);
      };
      return {
        handlers: [
          { resource: Pod, subresource: "binding", handle },
          { resource: Binding, subresource: "", handle },
        ],
      };
    },
  };
}
