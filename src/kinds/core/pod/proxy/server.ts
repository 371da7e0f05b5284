// pods/proxy: HTTP to a port of a pod.

import type { ServerExtension } from "#apiserver/extension.ts";
import type { BackendAgent } from "#apiserver/proxy/backend.ts";
import { pathAfter, reverseProxy } from "#apiserver/proxy/reverse-proxy.ts";
import { Pod } from "#kinds/api/core-v1.gen.ts";
import { checkProxyAddress, parseProxyName, portNumber } from "#kinds/shared/proxy-target.ts";
import { badRequest, notFound } from "#meta/errors.ts";
import { makeKey, type KubeObject } from "#meta/object.ts";

/** `api/v1/namespaces/<ns>/pods/<name>/proxy` */
const SEGMENTS = 7;

export function podProxyExtension(agent: BackendAgent): ServerExtension {
  return {
    name: "pod-proxy",
    async start({ registry }) {
      return {
        handlers: [
          {
            resource: Pod,
            subresource: "proxy",
            async handle({ request, info, admit }) {
              const wanted = parseProxyName(info.name);
              if (!wanted) throw badRequest(`invalid pod request ${JSON.stringify(info.name)}`);
              const pod = await registry.get(Pod, makeKey(info.namespace, wanted.name));
              if (!pod) throw notFound({ group: "", plural: "pods" }, wanted.name);
              const rest = pathAfter(request.path, SEGMENTS);
              await admit("CONNECT", { kind: "PodProxyOptions", apiVersion: "v1", path: rest } as KubeObject); // options are objects to admission
              const { podIPs, podIP, hostIP } = pod.status ?? {};
              const host = checkProxyAddress(podIPs?.[0]?.ip ?? podIP, [hostIP]);
              const declared = pod.spec?.containers.flatMap(({ ports }) => ports ?? [])[0]?.containerPort;
              const port = wanted.port === "" ? (declared ?? (wanted.scheme === "https" ? 443 : 80)) : portNumber(wanted.port);
              if (port === undefined) throw badRequest(`invalid pod request ${JSON.stringify(info.name)}`);
              return { response: await reverseProxy(request, { scheme: wanted.scheme, host, port, agent }, rest) };
            },
          },
        ],
      };
    },
  };
}
