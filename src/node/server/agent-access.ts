// The agents of this process as the node's API sees them.

import type { DeepReadonly } from "#meta/object.ts";
import type { Pod } from "#kinds/api/core-v1.gen.ts";
import type { NodeAgent } from "../agent.ts";
import { readLogs } from "../logs.ts";
import type { ContainerStats, PodAccess } from "./pod-access.ts";
import { Refusal } from "./reply.ts";

type AgentView = Pick<NodeAgent, "nodeName" | "runtime" | "pod" | "pods" | "sandboxId" | "container" | "containerId" | "logPath">;

export function podAccessOf(agent: AgentView): PodAccess {
  const { runtime } = agent;
  const running = async (namespace: string, pod: string, container: string): Promise<string> => {
    const state = await agent.container(namespace, pod, container);
    if (state?.phase !== "running") throw new Refusal(500, `container not found (${JSON.stringify(container)})`);
    return state.id;
  };
  return {
    nodeName: agent.nodeName,
    virtual: runtime.virtual ?? false,
    pods: () => agent.pods(),
    pod: (namespace, name) => agent.pod(namespace, name),
    exec: async (namespace, pod, container, command, io) => runtime.exec(await running(namespace, pod, container), command, io),
    attach: async (namespace, pod, container, io) => runtime.attach(await running(namespace, pod, container), io),
    async logs(namespace, pod, container, { previous = false, ...options }) {
      const newest = await agent.container(namespace, pod, container);
      // While the next attempt waits for its turn, the newest one there is has ended and is the previous one.
      const isBetween = previous && newest?.phase === "exited" && isWaiting(agent.pod(namespace, pod), container);
      const choice = { previous: previous && !isBetween };
      const path = await agent.logPath(namespace, pod, container, choice);
      const id = await agent.containerId(namespace, pod, container, choice);
      if (path === undefined || id === undefined)
        throw new Refusal(
          400,
          `${previous ? "previous terminated " : ""}container ${JSON.stringify(container)} in pod ${JSON.stringify(pod)} not found`,
        );
      const ended = async () => {
        const states = await runtime.listContainers(agent.pod(namespace, pod)?.metadata?.uid);
        return states.find((state) => state.id === id)?.phase !== "running";
      };
      return readLogs(path, { ...options, ended });
    },
    async portForward(namespace, pod, port) {
      const sandbox = agent.sandboxId(namespace, pod);
      if (sandbox === undefined) throw new Error(`no running sandbox of pod ${namespace}/${pod}`);
      return runtime.connect(sandbox, port);
    },
    stats: () =>
      Promise.all(
        agent.pods().map(async (pod) => {
          const { uid, annotations } = pod.metadata ?? {};
          const containers: ContainerStats[] = [];
          for (const { id, name, phase, startedAt, createdAt } of await runtime.listContainers(uid)) {
            const usage = phase === "running" ? await runtime.stats(id, annotations) : undefined;
            if (usage) containers.push({ name, startedAt: startedAt ?? createdAt, ...usage });
          }
          return { pod, containers };
        }),
      ),
  };
}

function isWaiting(pod: DeepReadonly<Pod> | undefined, container: string): boolean {
  const { containerStatuses = [], initContainerStatuses = [] } = pod?.status ?? {};
  return [...containerStatuses, ...initContainerStatuses].find(({ name }) => name === container)?.state?.waiting !== undefined;
}

/** Several agents behind one server: whoever has the pod answers. */
export function joinAccess(parts: readonly PodAccess[], nodeName: string): PodAccess {
  const ownerOf = (namespace: string, name: string): PodAccess => {
    const owner = parts.find((part) => part.pod(namespace, name) !== undefined);
    if (!owner) throw new Refusal(404, "pod does not exist");
    return owner;
  };
  return {
    nodeName,
    get virtual() {
      return parts.length > 0 && parts.every((part) => part.virtual);
    },
    pods: () => parts.flatMap((part) => part.pods()),
    pod: (namespace, name) => parts.find((part) => part.pod(namespace, name))?.pod(namespace, name),
    exec: async (namespace, pod, ...rest) => ownerOf(namespace, pod).exec(namespace, pod, ...rest),
    attach: async (namespace, pod, ...rest) => ownerOf(namespace, pod).attach(namespace, pod, ...rest),
    logs: async (namespace, pod, ...rest) => ownerOf(namespace, pod).logs(namespace, pod, ...rest),
    portForward: async (namespace, pod, port) => ownerOf(namespace, pod).portForward(namespace, pod, port),
    stats: async () => (await Promise.all(parts.map((part) => part.stats()))).flat(),
  };
}
