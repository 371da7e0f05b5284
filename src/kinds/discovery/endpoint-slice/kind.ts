import type { EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import { ageColumn, listWithMore, nameColumn, text } from "#kinds/shared/columns.ts";
import { equal } from "#lib/equal.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import { warningsForIp } from "#kinds/shared/ip-warnings.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { validateEndpointSlice } from "./validate.ts";

const CONTROLLERS = ["endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"];

/** Those that controllers write are in order. */
function addressWarnings({ metadata, endpoints }: DeepReadonly<EndpointSlice>): string[] {
  if (CONTROLLERS.includes(metadata?.labels?.["endpointslice.kubernetes.io/managed-by"] ?? "")) return [];
  return (endpoints ?? []).flatMap(({ addresses }, index) =>
    (addresses ?? []).flatMap((address, at) => warningsForIp(`endpoints[${index}].addresses[${at}]`, address)),
  );
}

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
  warnings: (slice, previous) => [
    ...(!previous && slice.addressType === "FQDN" ? ["spec.addressType: FQDN endpoints are deprecated"] : []),
    ...addressWarnings(slice),
  ],
  generation: (next, previous) =>
    !semanticEqual(next.endpoints, previous.endpoints) ||
    !semanticEqual(next.ports, previous.ports) ||
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
