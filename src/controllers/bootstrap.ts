// The objects every cluster has before anybody does anything: system namespaces, and the Service by which pods reach the API.

import type { Client } from "#client/client.ts";
import { Endpoints, Namespace, Service } from "#kinds/api/core-v1.gen.ts";
import { EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import { equal } from "#lib/equal.ts";
import { isAlreadyExists, isNotFound } from "#meta/errors.ts";
import { keyOf, type KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
import type { LoopDefinition } from "#reconcile/controller.ts";

export interface BootstrapOptions {
  /** First address of the service range: what default/kubernetes has as its clusterIP. */
  readonly serviceIp: string;
  /** Where the API server listens for pods: the Service's endpoint. */
  readonly address: string;
  readonly port: number;
}

const SYSTEM_NAMESPACES = ["kube-system", "kube-public", "kube-node-lease", "default"] as const;
const SERVICE_PORT = 443;
/** Upstream looks after the namespaces once a minute, the Service every 10 s. */
const INTERVAL_MS = 60_000;

/** Makes what is missing and mends what differs; harmless to repeat. Needs rights in all system namespaces. */
export async function bootstrapObjects(client: Client, options: BootstrapOptions, signal?: AbortSignal): Promise<void> {
  await Promise.all(SYSTEM_NAMESPACES.map((name) => ensure(client, Namespace, { metadata: { name } }, () => undefined, signal)));
  await Promise.all([
    ensure(client, Service, serviceOf(options), (current) => mendService(current, options), signal),
    ensure(
      client,
      Endpoints,
      endpointsOf(options),
      (current) => {
        const { subsets } = endpointsOf(options);
        return equal(current.subsets, subsets) ? undefined : { ...current, subsets: subsets ?? [] };
      },
      signal,
    ),
    ensure(
      client,
      EndpointSlice,
      sliceOf(options),
      (current) => {
        const { endpoints, ports } = sliceOf(options);
        return equal(current.endpoints, endpoints) && equal(current.ports, ports)
          ? undefined
          : { ...current, endpoints: endpoints ?? [], ports: ports ?? [] };
      },
      signal,
    ),
  ]);
}

/** Repeats bootstrapObjects for as long as the cluster lives, so that what someone deletes comes back. */
export function bootstrapLoop(options: BootstrapOptions): LoopDefinition {
  return {
    name: "kubernetes-service",
    async run({ client, clock, signal, log }) {
      while (!signal.aborted) {
        await clock.sleep(INTERVAL_MS, signal).catch(() => {}); // only rejects when stopped, looked at next
        if (signal.aborted) return;
        await bootstrapObjects(client, options, signal).catch((error: unknown) => {
          if (!signal.aborted) log.warn("system objects could not be looked after", { error });
        });
      }
    },
  };
}

/** Creates `wanted`, or writes what `mend` makes of what is there (undefined: it is fine as it is). */
async function ensure<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  wanted: T,
  mend: (current: T) => T | undefined,
  signal: AbortSignal | undefined,
): Promise<void> {
  const call = signal ? { signal } : {};
  let current: T;
  try {
    current = await client.get(resource, keyOf(wanted), call);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    try {
      await client.create(resource, wanted, call);
    } catch (creation) {
      if (!isAlreadyExists(creation)) throw creation;
    }
    return;
  }
  const mended = mend(current);
  if (mended) await client.update(resource, mended, call);
}

const META = { name: "kubernetes", namespace: "default" } as const;
const LABELS = { component: "apiserver", provider: "kubernetes" };

function serviceOf({ serviceIp, port }: BootstrapOptions): Service {
  return {
    metadata: { ...META, labels: LABELS },
    spec: {
      clusterIP: serviceIp,
      clusterIPs: [serviceIp],
      type: "ClusterIP",
      sessionAffinity: "None",
      ports: [{ name: "https", port: SERVICE_PORT, protocol: "TCP", targetPort: port }],
    },
  };
}

/** A Service's address cannot be changed; its port follows the server's. */
function mendService(current: Service, options: BootstrapOptions): Service | undefined {
  const targets = current.spec?.ports?.map((port) => port.targetPort);
  if (equal(targets, [options.port])) return undefined;
  return { ...current, spec: { ...current.spec, ports: serviceOf(options).spec?.ports ?? [] } };
}

function endpointsOf({ address, port }: BootstrapOptions): Endpoints {
  return {
    metadata: { ...META, labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } },
    subsets: [{ addresses: [{ ip: address }], ports: [{ name: "https", port, protocol: "TCP" }] }],
  };
}

function sliceOf({ address, port }: BootstrapOptions): EndpointSlice {
  return {
    metadata: { ...META, labels: { "kubernetes.io/service-name": "kubernetes" } },
    addressType: address.includes(":") ? "IPv6" : "IPv4",
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: "https", port, protocol: "TCP" }],
  };
}
