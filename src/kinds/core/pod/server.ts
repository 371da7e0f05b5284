// pods/ephemeralcontainers and pods/resize: the two doors through which parts of a running pod's spec change.

import type { ExtensionCall, ExtensionResult, ServerExtension } from "#apiserver/extension.ts";
import { Pod, type Container } from "#kinds/api/core-v1.gen.ts";
import { builtinStructure } from "#kinds/structure.ts";
import { clone } from "#lib/clone.ts";
import { ApiError, badRequest, conflict, notFound, staleObject, unsupportedMediaType } from "#meta/errors.ts";
import { makeKey, type DeepReadonly } from "#meta/object.ts";
import { applyJsonPatch } from "#meta/patch/json-patch.ts";
import { applyMergePatch } from "#meta/patch/merge-patch.ts";
import { applyStrategicMergePatch } from "#meta/patch/strategic-merge-patch.ts";

const PODS = { group: "", plural: "pods" };
const POD_DEFINITION = "io.k8s.api.core.v1.Pod";

type Wanted = (current: Pod) => Pod;

/** Reads what the client wants: a whole pod, or a change to the current one. */
async function readWanted(call: ExtensionCall): Promise<Wanted> {
  const { method, headers } = call.request;
  if (method === "PUT") {
    const body = (await call.body()) as Pod; // only the parts below are used, and validated with the pod
    return () => body;
  }
  if (method !== "PATCH") throw new ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
  let patch: unknown;
  try {
    patch = JSON.parse(new TextDecoder().decode(await call.request.body()));
  } catch (error) {
    throw badRequest(`error decoding patch: ${error instanceof Error ? error.message : String(error)}`);
  }
  const type = (headers["content-type"] ?? "").split(";")[0]?.trim() ?? "";
  switch (type) {
    case "application/json-patch+json":
      return (current) => applyJsonPatch(current, patch) as Pod; // a patched pod is checked as a pod
    case "application/merge-patch+json":
      return (current) => applyMergePatch(current, patch) as Pod; // likewise
    case "application/strategic-merge-patch+json": {
      const schema = builtinStructure().schema(POD_DEFINITION);
      return (current) => applyStrategicMergePatch(current, patch, schema) as Pod; // likewise
    }
    default:
      throw unsupportedMediaType(
        "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json",
      );
  }
}

function takeEphemeralContainers(pod: Pod, wanted: DeepReadonly<Pod>): void {
  if (!pod.spec) return;
  const containers = wanted.spec?.ephemeralContainers;
  if (containers?.length) pod.spec.ephemeralContainers = clone(containers);
  else delete pod.spec.ephemeralContainers;
}

/** Takes over resources and resize policies; that containers are the same is left to validation. */
function takeResources(pod: Pod, wanted: DeepReadonly<Pod>): void {
  if (!pod.spec || !wanted.spec) return;
  if (wanted.spec.resources) pod.spec.resources = clone(wanted.spec.resources);
  const merge = (own: Container[], next: DeepReadonly<Container[]>): Container[] => {
    if (own.length !== next.length || own.some((container, index) => container.name !== next[index]?.name)) return clone(next);
    return own.map((container, index) => {
      const { resources, resizePolicy } = next[index] ?? {};
      return {
        ...container,
        ...(resources ? { resources: clone(resources) } : {}),
        ...(resizePolicy ? { resizePolicy: clone(resizePolicy) } : {}),
      };
    });
  };
  pod.spec.containers = merge(pod.spec.containers, wanted.spec.containers);
  if (pod.spec.initContainers || wanted.spec.initContainers) {
    pod.spec.initContainers = merge(pod.spec.initContainers ?? [], wanted.spec.initContainers ?? []);
  }
}

export function podExtension(): ServerExtension {
  return {
    name: "pod",
    async start({ registry }) {
      const door = (subresource: string, take: (pod: Pod, wanted: DeepReadonly<Pod>) => void) => ({
        resource: Pod,
        subresource,
        handle: async (call: ExtensionCall): Promise<ExtensionResult> => {
          const { name, namespace } = call.info;
          const key = makeKey(namespace, name);
          if (call.request.method === "GET") {
            const pod = await registry.get(Pod, key);
            if (!pod) throw notFound(PODS, name);
            return { object: pod };
          }
          const wantedOf = await readWanted(call);
          const change = (pod: Pod) => {
            const wanted = wantedOf(clone(pod));
            const { resourceVersion, uid, name: named = name } = wanted.metadata ?? {};
            if (named !== name) throw badRequest(`the name of the object (${named}) does not match the name on the URL (${name})`);
            if (resourceVersion && resourceVersion !== "0" && resourceVersion !== pod.metadata?.resourceVersion)
              throw staleObject(PODS, name);
            if (uid && uid !== pod.metadata?.uid) {
              throw conflict(
                PODS,
                name,
                `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata?.uid ?? ""}`,
              );
            }
            take(pod, wanted);
          };
          return { object: await registry.update(Pod, key, change, { subresource, dryRun: call.dryRun }) };
        },
      });
      return { handlers: [door("ephemeralcontainers", takeEphemeralContainers), door("resize", takeResources)] };
    },
  };
}
