// Allocation of cluster addresses and node ports as part of writing a Service.

import type { ServerExtension } from "#apiserver/extension.ts";
import { Service } from "#kinds/api/core-v1.gen.ts";
import { parseCidr } from "#kinds/shared/ip.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";
import { allocateService, give, heldBy, mark, type Pools } from "./allocation.ts";
import { createAddressPool, createPortPool, type PortRange } from "./pools.ts";

export interface ServiceOptions {
  /** Ranges of cluster addresses, one or one of each family; the first family is the default. */
  readonly serviceCidrs: readonly string[];
  readonly nodePortRange?: PortRange;
}

const DEFAULT_NODE_PORTS: PortRange = { first: 30000, last: 32767 };

export function serviceExtension({ serviceCidrs, nodePortRange = DEFAULT_NODE_PORTS }: ServiceOptions): ServerExtension {
  return {
    name: "service",
    async start({ registry, random }) {
      const [primary, ...others] = serviceCidrs.map((text) => {
        const cidr = parseCidr(text);
        if (!cidr) throw new TypeError(`not a range of addresses: ${text}`);
        return createAddressPool(cidr, random);
      });
      if (!primary) throw new TypeError("no range of service addresses was given");
      const pools: Pools = { addresses: [primary, ...others], ports: createPortPool(nodePortRange, random) };
      for (const service of await registry.list(Service)) mark(pools, heldBy(service));
      // The server hands an allocator objects of its own resource only.
      const asService = (object: DeepReadonly<KubeObject>) => object as DeepReadonly<Service>;
      return {
        allocators: [
          {
            resource: Service,
            allocate: async (next, previous) => allocateService(pools, next as Service, previous && asService(previous)),
            release: (object) => give(pools, heldBy(asService(object))),
          },
        ],
      };
    },
  };
}
