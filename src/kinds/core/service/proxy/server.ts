// services/proxy: HTTP to one of a Service's ready endpoints.

import type { ServerExtension } from "#apiserver/extension.ts";
import type { BackendAgent } from "#apiserver/proxy/backend.ts";
import { pathAfter, reverseProxy } from "#apiserver/proxy/reverse-proxy.ts";
import { Service } from "#kinds/api/core-v1.gen.ts";
import { EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import { checkProxyAddress, parseProxyName, portNumber } from "#kinds/shared/proxy-target.ts";
import { badRequest, notFound, serviceUnavailable } from "#meta/errors.ts";
import { makeKey, type DeepReadonly, type KubeObject } from "#meta/object.ts";

/** `api/v1/namespaces/<ns>/services/<name>/proxy` */
const SEGMENTS = 7;

/** The name of the Service's port that a client means by its name or number. */
export function servicePortName(service: DeepReadonly<Service>, wanted: string): string {
  const number = portNumber(wanted);
  if (number === undefined) return wanted;
  const found = service.spec?.ports?.find(({ port }) => port === number);
  if (!found) throw serviceUnavailable(`no service port ${number} found for service ${JSON.stringify(service.metadata?.name ?? "")}`);
  return found.name ?? "";
}

export function readyAddresses(
  slices: readonly DeepReadonly<EndpointSlice>[],
  serviceName: string,
  portName: string,
): { readonly host: string; readonly port: number }[] {
  return slices.flatMap(({ metadata, ports, endpoints }) => {
    if (metadata?.labels?.["kubernetes.io/service-name"] !== serviceName) return [];
    const port = ports?.find(({ name = "" }) => name === portName)?.port;
    if (port === undefined) return [];
    // An endpoint that says nothing about itself is ready.
    return (endpoints ?? []).flatMap(({ addresses, conditions }) => {
      const host = addresses?.[0];
      return host === undefined || conditions?.ready === false ? [] : [{ host, port }];
    });
  });
}

export function serviceProxyExtension(agent: BackendAgent): ServerExtension {
  return {
    name: "service-proxy",
    async start({ registry, random }) {
      return {
        handlers: [
          {
            resource: Service,
            subresource: "proxy",
            async handle({ request, info, admit }) {
              const wanted = parseProxyName(info.name);
              if (!wanted) throw badRequest(`invalid service request ${JSON.stringify(info.name)}`);
              const service = await registry.get(Service, makeKey(info.namespace, wanted.name));
              if (!service) throw notFound({ group: "", plural: "services" }, wanted.name);
              const rest = pathAfter(request.path, SEGMENTS);
              await admit("CONNECT", { kind: "ServiceProxyOptions", apiVersion: "v1", path: rest } as KubeObject); // options are objects to admission
              const portName = servicePortName(service, wanted.port);
              const ready = readyAddresses(await registry.list(EndpointSlice, info.namespace), wanted.name, portName);
              const chosen = ready[Math.floor(random() * ready.length)];
              if (!chosen) throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(wanted.name)}`);
              checkProxyAddress(chosen.host);
              return { response: await reverseProxy(request, { scheme: wanted.scheme, ...chosen, agent }, rest) };
            },
          },
        ],
      };
    },
  };
}
