// Sysctls that belong to a namespace, which a pod may share with its host.

import type { PodSpec } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";

const NET_SYSCTLS = ["net."];
const IPC_SYSCTLS = ["kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue."];

/** The field that puts the sysctl out of the pod's reach; undefined: none does. */
export function hostSysctl(
  name: string | undefined,
  spec: DeepReadonly<Pick<PodSpec, "hostNetwork" | "hostIPC">>,
): "hostNetwork" | "hostIPC" | undefined {
  const dotted = (name ?? "").replaceAll("/", ".");
  if (spec.hostNetwork && NET_SYSCTLS.some((prefix) => dotted.startsWith(prefix))) return "hostNetwork";
  return spec.hostIPC && IPC_SYSCTLS.some((prefix) => dotted.startsWith(prefix)) ? "hostIPC" : undefined;
}
