import type { Plugin } from "../framework.ts";
import { hostPortsOf, portsClash } from "../host-ports.ts";

/** Two pods cannot have the same host port on one node. */
export const nodePorts: Plugin = {
  name: "NodePorts",
  weight: 0,
  prepare: (pod) => {
    const wanted = hostPortsOf(pod);
    if (wanted.length === 0) return undefined;
    return {
      filter: ({ usedPorts }) =>
        wanted.some((port) => portsClash(port, usedPorts))
          ? { reasons: ["node(s) didn't have free ports for the requested pod ports"] }
          : undefined,
    };
  },
};
