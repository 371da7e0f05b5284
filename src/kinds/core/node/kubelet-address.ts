// Where a node's own API is.

import type { Node } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";

const PREFERRED = ["InternalIP", "ExternalIP", "InternalDNS", "ExternalDNS", "Hostname"];
export const DEFAULT_KUBELET_PORT = 10250;

/** Undefined: the node has told of no address. */
export function kubeletAddress(node: DeepReadonly<Node>): { readonly host: string; readonly port: number } | undefined {
  const addresses = node.status?.addresses ?? [];
  for (const type of PREFERRED) {
    const host = addresses.find((address) => address.type === type && address.address !== "")?.address;
    if (host !== undefined) return { host, port: node.status?.daemonEndpoints?.kubeletEndpoint?.Port || DEFAULT_KUBELET_PORT };
  }
  return undefined;
}
