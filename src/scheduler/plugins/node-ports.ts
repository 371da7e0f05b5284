import type { Plugin, Refusal } from "../framework.ts";
import { hostPortsOf, portsClash } from "../host-ports.ts";

const TAKEN: Refusal = { reasons: ["node(s) didn't have free ports for the requested pod ports"] };

/** Two pods cannot have the same host port on one node. */
export const nodePorts: Plugin = {
  name: "NodePorts",
  filter: ({ hostPorts }) =>
    hostPorts.length === 0
      ? undefined
      : { check: ({ usedPorts }) => (hostPorts.some((port) => portsClash(port, usedPorts)) ? TAKEN : undefined) },
  events: [
    {
      resource: "Pod",
      actions: ["delete"],
      helps: (pod, before) => {
        if (!before?.spec?.nodeName && !before?.status?.nominatedNodeName) return false;
        const freed = new Map(hostPortsOf(before).map((port) => [port, 1]));
        return freed.size > 0 && pod.hostPorts.some((port) => portsClash(port, freed));
      },
    },
    { resource: "Node", actions: ["add"] },
  ],
};
