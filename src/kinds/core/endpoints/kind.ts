import type { Endpoints } from "#kinds/api/core-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";
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

export const endpointsHooks: KindHooks<Endpoints> = {
  default: (endpoints) => {
    for (const subset of endpoints.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= "TCP";
  },
  validate: validateEndpoints,
  warnings: () => ["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"],
  createOnUpdate: true,
  generation: false,
  columns: [nameColumn, text("Endpoints", endpointsCell), ageColumn],
};
