// What a write through the status of a ResourceClaim drops.

import type { ResourceClaim } from "#kinds/api/resource-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";

interface DeviceLike {
  readonly driver?: string;
  readonly pool?: string;
  readonly device?: string;
  readonly shareID?: string;
}

/** A device, or one share of it. The fields are those that upstream shows in messages. */
export function deviceId({ driver = "", pool = "", device = "", shareID = "" }: DeviceLike): Readonly<Record<string, string>> {
  return { Driver: driver, Pool: pool, Device: device, ShareID: shareID };
}

export const deviceKey = (device: DeviceLike): string => JSON.stringify(deviceId(device));

/** The status of devices that are given back goes with them. */
export function dropDeallocated(next: ResourceClaim, previous: DeepReadonly<ResourceClaim>): void {
  const status = next.status;
  if (!status?.devices) return;
  const kept = new Set((status.allocation?.devices?.results ?? []).map(deviceKey));
  const given = new Set((previous.status?.allocation?.devices?.results ?? []).map(deviceKey).filter((id) => !kept.has(id)));
  status.devices = status.devices.filter((device) => !given.has(deviceKey(device)));
  if (status.devices.length === 0) delete status.devices;
}
