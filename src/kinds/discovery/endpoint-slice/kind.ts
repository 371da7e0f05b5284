import type { EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import { ageColumn, listWithMore, nameColumn, text } from "#kinds/shared/columns.ts";
import { equal } from "#lib/equal.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validateEndpointSlice } from "./validate.ts";

export const endpointSliceHooks: KindHooks<EndpointSlice> = {
  default: (slice) => {
    for (const port of slice.ports ?? []) {
      port.name ??= "";
      port.protocol ??= "TCP";
    }
  },
  prepare: (next, previous) => {
    // The old topology map is not kept by this version.
    if (previous && equal(next.endpoints, previous.endpoints)) return;
    for (const endpoint of next.endpoints ?? []) delete endpoint.deprecatedTopology;
  },
  validate: validateEndpointSlice,
  generation: (next, previous) =>
    !equal(next.endpoints, previous.endpoints) ||
    !equal(next.ports, previous.ports) ||
    next.addressType !== previous.addressType ||
    !equal(next.metadata?.labels ?? {}, previous.metadata?.labels ?? {}),
  columns: [
    nameColumn,
    text("AddressType", (slice) => slice.addressType),
    text("Ports", (slice) => listWithMore((slice.ports ?? []).map((port) => String(port.port ?? port.name ?? "*")))),
    text("Endpoints", (slice) => listWithMore((slice.endpoints ?? []).flatMap((endpoint) => endpoint.addresses ?? []))),
    ageColumn,
  ],
};
