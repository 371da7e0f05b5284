// What Services use: their number, their node ports, and load balancers.

import type { Service } from "#kinds/api/core-v1.gen.ts";
import { ONE, ZERO } from "#kinds/core/resource-quota/amounts.ts";
import { quantityOf } from "#meta/quantity.ts";
import type { Evaluator } from "./evaluator.ts";

const COUNT = "count/services";
const NODE_PORTS = "services.nodeports";
const LOAD_BALANCERS = "services.loadbalancers";

export const services: Evaluator = {
  measures: (name) => [COUNT, "services", NODE_PORTS, LOAD_BALANCERS].includes(name),
  handles: ({ subresource }) => subresource === "",
  usage(object) {
    const { spec } = object as Service; // only asked of services
    const balanced = spec?.type === "LoadBalancer";
    const ports = spec?.ports ?? [];
    let nodePorts = spec?.type === "NodePort" || balanced ? ports.length : 0;
    if (balanced && spec.allocateLoadBalancerNodePorts === false) nodePorts = ports.filter((port) => (port.nodePort ?? 0) !== 0).length;
    return new Map([
      [COUNT, ONE],
      ["services", ONE],
      [NODE_PORTS, quantityOf(nodePorts)],
      [LOAD_BALANCERS, balanced ? ONE : ZERO],
    ]);
  },
};
