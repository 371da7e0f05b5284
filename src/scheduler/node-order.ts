// The order in which nodes are looked at: those of different zones in turn. Pure. Rules: kube-scheduler backend/cache/node_tree.go.

import type { AnyNode, NodeInfo } from "./framework.ts";

export function zoneKeyOf(node: AnyNode): string {
  const labels = node.metadata?.labels ?? {};
  const zone = labels["failure-domain.beta.kubernetes.io/zone"] ?? labels["topology.kubernetes.io/zone"] ?? "";
  const region = labels["failure-domain.beta.kubernetes.io/region"] ?? labels["topology.kubernetes.io/region"] ?? "";
  return region === "" && zone === "" ? "" : `${region}:${zone}`;
}

export function interleaveZones(nodes: Iterable<NodeInfo>): NodeInfo[] {
  const zones = new Map<string, NodeInfo[]>();
  let count = 0;
  for (const info of nodes) {
    count++;
    const zone = zoneKeyOf(info.node);
    const found = zones.get(zone);
    if (found) found.push(info);
    else zones.set(zone, [info]);
  }
  const order: NodeInfo[] = [];
  for (let round = 0; order.length < count; round++) {
    for (const members of zones.values()) {
      const info = members[round];
      if (info) order.push(info);
    }
  }
  return order;
}
