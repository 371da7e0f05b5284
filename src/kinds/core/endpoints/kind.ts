import type { Endpoints } from "#kinds/api/core-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import { warningsForIp } from "#kinds/shared/ip-warnings.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { MANAGED_BY, MANAGED_BY_LABEL } from "./plan.ts";
import { validateEndpoints } from "./validate.ts";

const MAX_SHOWN = 3;

function endpointsCell(endpoints: DeepReadonly<Endpoints>): string {
  if (!endpoints.subsets?.length) return "<none>";
  const all: string[] = [];
  for (const { addresses = [], ports = [] } of endpoints.subsets) {
    if (ports.length === 0) all.push(...addresses.map((address) => address.ip));
    for (const { port } of ports) {
      all.push(...addresses.map(({ ip }) => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`)));
    }
  }
  const shown = all.slice(0, MAX_SHOWN).join(",");
  return all.length > MAX_SHOWN ? `${shown} + ${all.length - MAX_SHOWN} more...` : shown;
}

/** Those that the controller writes are in order. */
function addressWarnings({ metadata, subsets = [] }: DeepReadonly<Endpoints>): string[] {
  if (metadata?.labels?.[MANAGED_BY_LABEL] === MANAGED_BY) return [];
  return subsets.flatMap(({ addresses = [], notReadyAddresses = [] }, index) => [
    ...addresses.flatMap(({ ip }, at) => warningsForIp(`subsets[${index}].addresses[${at}].ip`, ip)),
    ...notReadyAddresses.flatMap(({ ip }, at) => warningsForIp(`subsets[${index}].notReadyAddresses[${at}].ip`, ip)),
  ]);
}

export const endpointsHooks: KindHooks<Endpoints> = {
  default: (endpoints) => {
    for (const subset of endpoints.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= "TCP";
  },
  validate: validateEndpoints,
  // The first is told of every request upstream, since the kind as a whole is old.
  warnings: (endpoints) => ["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice", ...addressWarnings(endpoints)],
  createOnUpdate: true,
  generation: false,
  columns: [nameColumn, text("Endpoints", endpointsCell), ageColumn],
};
