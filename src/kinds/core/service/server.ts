// Allocation of cluster addresses and node ports as part of writing a Service, and their repair.

import type { ServerExtension } from "#apiserver/extension.ts";
import { Service } from "#kinds/api/core-v1.gen.ts";
import { ServiceCIDR } from "#kinds/api/networking-v1.gen.ts";
import { parseCidr } from "#kinds/shared/ip.ts";
import { isAlreadyExists } from "#meta/errors.ts";
import { makeKey, type DeepReadonly, type KubeObject } from "#meta/object.ts";
import { createClusterAddresses, DEFAULT_SERVICE_CIDR } from "./addresses/server.ts";
import { allocateService, give, heldBy, ownerOf, type Pools } from "./allocation.ts";
import { createPortPool, type PortPool, type PortRange } from "./pools.ts";
import { repairAddresses } from "./repair/server.ts";

export interface ServiceOptions {
  /** Ranges of cluster addresses, one or one of each family; the first family is the default. */
  readonly serviceCidrs: readonly string[];
  readonly nodePortRange?: PortRange;
}

const DEFAULT_NODE_PORTS: PortRange = { first: 30000, last: 32767 };

export function serviceExtension({ serviceCidrs, nodePortRange = DEFAULT_NODE_PORTS }: ServiceOptions): ServerExtension {
  return {
    name: "service",
    async start(context) {
      const { registry, random, log } = context;
      for (const text of serviceCidrs) if (!parseCidr(text)) throw new TypeError(`not a range of addresses: ${text}`);
      const services = registry.cache(Service);
      const [addresses] = await Promise.all([createClusterAddresses({ registry, cidrs: serviceCidrs, random, log }), services.ready]);
      const ports = createPortPool(nodePortRange, random);
      services.subscribe(({ before, after }) => followPorts(ports, before, after));
      const pools: Pools = { addresses, ports };
      const repair = repairAddresses(context);
      // The server hands an allocator objects of its own resource only.
      const asService = (object: DeepReadonly<KubeObject>) => object as DeepReadonly<Service>;
      return {
        allocators: [
          {
            resource: Service,
            allocate: (next, previous, dryRun) => allocateService(pools, next as Service, previous && asService(previous), dryRun),
            release: (object) => give(pools, heldBy(asService(object)), ownerOf(asService(object))),
          },
        ],
        async afterStart() {
          await ensureDefaultRange(registry, serviceCidrs);
          repair.start();
        },
        stop: async () => repair.stop(),
      };
    },
  };
}

/** What other servers on the same store gave and took back. */
function followPorts(ports: PortPool, before: DeepReadonly<Service> | undefined, after: DeepReadonly<Service> | undefined): void {
  const next = heldBy(after).ports;
  if (before) for (const port of heldBy(before).ports) if (!next.has(port)) ports.give(port, ownerOf(before));
  if (after) for (const port of next) ports.mark(port, ownerOf(after));
}

/** The object that tells of the cluster's own ranges. A second family may come later. */
async function ensureDefaultRange(registry: Parameters<ServerExtension["start"]>[0]["registry"], cidrs: readonly string[]): Promise<void> {
  const stored = registry.cache(ServiceCIDR).get(makeKey("", DEFAULT_SERVICE_CIDR));
  if (stored) {
    const old = stored.spec?.cidrs ?? [];
    if (old.length !== 1 || cidrs.length !== 2 || old[0] !== cidrs[0]) return;
    await registry.update(ServiceCIDR, makeKey("", DEFAULT_SERVICE_CIDR), (range) => {
      range.spec = { ...range.spec, cidrs: [...cidrs] };
    });
    return;
  }
  try {
    await registry.create(ServiceCIDR, { metadata: { name: DEFAULT_SERVICE_CIDR }, spec: { cidrs: [...cidrs] } });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}
