// nodes/proxy: the node's own API, or another HTTP server on the node.

import type { ServerExtension } from "#apiserver/extension.ts";
import type { BackendAgent } from "#apiserver/proxy/backend.ts";
import { pathAfter, reverseProxy } from "#apiserver/proxy/reverse-proxy.ts";
import { Node } from "#kinds/api/core-v1.gen.ts";
import { checkProxyAddress, parseProxyName, portNumber } from "#kinds/shared/proxy-target.ts";
import { badRequest, internalError, notFound } from "#meta/errors.ts";
import { makeKey, type KubeObject } from "#meta/object.ts";
import { kubeletAddress } from "./kubelet-address.ts";

/** `api/v1/nodes/<name>/proxy` */
const SEGMENTS = 5;

export interface NodeProxyAgents {
  /** With the credentials for nodes' APIs. */
  readonly kubelet: BackendAgent;
  readonly workload: BackendAgent;
}

export function nodeProxyExtension({ kubelet, workload }: NodeProxyAgents): ServerExtension {
  return {
    name: "node-proxy",
    async start({ registry }) {
      return {
        handlers: [
          {
            resource: Node,
            subresource: "proxy",
            async handle({ request, info, admit }) {
              const wanted = parseProxyName(info.name);
              if (!wanted) throw badRequest(`invalid node request ${JSON.stringify(info.name)}`);
              const node = await registry.get(Node, makeKey("", wanted.name));
              if (!node) throw notFound({ group: "", plural: "nodes" }, wanted.name);
              const rest = pathAfter(request.path, SEGMENTS);
              await admit("CONNECT", { kind: "NodeProxyOptions", apiVersion: "v1", path: rest } as KubeObject); // options are objects to admission
              const address = kubeletAddress(node);
              if (!address) throw internalError(new Error("no preferred addresses found; known addresses: []"));
              const port = wanted.port === "" ? address.port : portNumber(wanted.port);
              if (port === undefined) throw badRequest(`invalid node request ${JSON.stringify(info.name)}`);
              if (port === address.port)
                return { response: await reverseProxy(request, { scheme: "https", ...address, agent: kubelet }, rest) };
              // Whatever else listens on this machine is not the node's.
              const host = checkProxyAddress(address.host, [address.host]);
              return { response: await reverseProxy(request, { scheme: wanted.scheme, host, port, agent: workload }, rest) };
            },
          },
        ],
        stop: async () => {
          kubelet[Symbol.dispose]();
          workload[Symbol.dispose]();
        },
      };
    },
  };
}
