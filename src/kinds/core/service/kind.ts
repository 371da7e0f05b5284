import type { Service } from "#kinds/api/core-v1.gen.ts";
import { ageColumn, formatLabels, nameColumn, text, wide } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { dropTypeDependentFields, keepAllocated } from "./prepare.ts";
import { defaultService, normalizeClusterIps } from "./defaults.ts";
import { validateService } from "./validate.ts";
import { serviceWarnings } from "./warnings.ts";

function externalIpCell({ spec, status }: DeepReadonly<Service>): string {
  const external = spec?.externalIPs ?? [];
  switch (spec?.type ?? "") {
    case "ClusterIP":
    case "NodePort":
      return external.length > 0 ? external.join(",") : "<none>";
    case "LoadBalancer": {
      const ingress = (status?.loadBalancer?.ingress ?? []).map((each) => each.ip || each.hostname || "").filter((each) => each !== "");
      const all = [...[...new Set(ingress)].toSorted(), ...external];
      return all.length > 0 ? all.join(",") : "<pending>";
    }
    case "ExternalName":
      return spec?.externalName ?? "";
    default:
      return "<unknown>";
  }
}

function portsCell({ spec }: DeepReadonly<Service>): string {
  const ports = (spec?.ports ?? []).map(
    ({ port, nodePort, protocol }) => `${port}${(nodePort ?? 0) > 0 ? `:${nodePort}` : ""}/${protocol ?? ""}`,
  );
  return ports.length > 0 ? ports.join(",") : "<none>";
}

export const serviceHooks: KindHooks<Service> = {
  returnsDeleted: true,
  default: defaultService,
  prepare: (next, previous, { subresource }) => {
    if (previous === undefined) next.status = { loadBalancer: {} };
    else if (subresource === "") {
      keepAllocated(next, previous);
      dropTypeDependentFields(next, previous);
    }
    normalizeClusterIps(next, previous);
  },
  validate: (next, previous, { subresource }) => validateService(next, previous, subresource),
  warnings: serviceWarnings,
  nameRule: "dns1123label",
  generation: false,
  createOnUpdate: true,
  selectableFields: (object) => ({ "spec.clusterIP": object.spec?.clusterIP ?? "", "spec.type": object.spec?.type ?? "" }),
  selectableFieldNames: ["spec.clusterIP", "spec.type"],
  columns: [
    nameColumn,
    text("Type", (object) => object.spec?.type ?? ""),
    text("Cluster-IP", (object) => object.spec?.clusterIPs?.[0] ?? "<none>"),
    text("External-IP", externalIpCell),
    text("Port(s)", portsCell),
    ageColumn,
    wide(text("Selector", (object) => formatLabels(object.spec?.selector))),
  ],
};
