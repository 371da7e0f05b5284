// The object that says which Service has a cluster address.

import type { IPAddress } from "#kinds/api/networking-v1.gen.ts";
import { formatIp, type Ip } from "#kinds/shared/ip.ts";
import type { ServiceName } from "#kinds/core/service/pools.ts";
import type { DeepReadonly } from "#meta/object.ts";

export const FAMILY_LABEL = "ipaddress.kubernetes.io/ip-family";
export const MANAGED_BY_LABEL = "ipaddress.kubernetes.io/managed-by";
export const MANAGED_BY = "ipallocator.k8s.io";

export function addressObject(ip: Ip, { namespace, name }: ServiceName): IPAddress {
  return {
    metadata: { name: formatIp(ip), labels: { [FAMILY_LABEL]: `IPv${ip.family}`, [MANAGED_BY_LABEL]: MANAGED_BY } },
    spec: { parentRef: { group: "", resource: "services", namespace, name } },
  };
}

export function isManaged({ metadata }: DeepReadonly<IPAddress>): boolean {
  return metadata?.labels?.[MANAGED_BY_LABEL] === MANAGED_BY;
}
