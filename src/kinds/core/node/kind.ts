import type { Node } from "#kinds/api/core-v1.gen.ts";
import { ageColumn, nameColumn, text, wide } from "#kinds/shared/columns.ts";
import { canonicalize } from "#kinds/shared/quantities.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { nodeWarnings, validateNode } from "./validate.ts";

const ROLE_PREFIX = "node-role.kubernetes.io/";
const ROLE_LABEL = "kubernetes.io/role";

function statusCell(node: DeepReadonly<Node>): string {
  const ready = node.status?.conditions?.findLast((condition) => condition.type === "Ready");
  const shown = ready === undefined ? "Unknown" : ready.status === "True" ? "Ready" : "NotReady";
  return node.spec?.unschedulable ? `${shown},SchedulingDisabled` : shown;
}

function rolesCell(node: DeepReadonly<Node>): string {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata?.labels ?? {})) {
    if (key.startsWith(ROLE_PREFIX) && key.length > ROLE_PREFIX.length) roles.add(key.slice(ROLE_PREFIX.length));
    else if (key === ROLE_LABEL && value !== "") roles.add(value);
  }
  return roles.size === 0 ? "<none>" : [...roles].toSorted().join(",");
}

function addressCell(node: DeepReadonly<Node>, type: string): string {
  return node.status?.addresses?.find((address) => address.type === type)?.address ?? "<none>";
}

function kernelCell(node: DeepReadonly<Node>): string {
  const info = node.status?.nodeInfo;
  const kernel = info?.kernelVersion || "<unknown>";
  return info?.architecture ? `${kernel} (${info.architecture})` : kernel;
}

export const nodeHooks: KindHooks<Node> = {
  statusOnCreate: true,
  default: (node) => {
    const { spec, status } = node;
    // The single range and the list are two spellings of one fact; the single one wins.
    if (spec?.podCIDR && spec.podCIDR !== spec.podCIDRs?.[0]) spec.podCIDRs = [spec.podCIDR];
    else if (spec && !spec.podCIDR && spec.podCIDRs?.[0]) spec.podCIDR = spec.podCIDRs[0];
    canonicalize(status?.capacity);
    canonicalize(status?.allocatable);
    if (status?.capacity && !status.allocatable) status.allocatable = { ...status.capacity };
  },
  prepare: ({ spec, status }, previous, { subresource }) => {
    // Configuration by the API is gone; what is stored stays.
    if (subresource === "" && spec && !previous?.spec?.configSource) delete spec.configSource;
    if (subresource === "status" || !previous) if (status && !previous?.status?.config) delete status.config;
  },
  validate: (next, previous) => validateNode(next, previous),
  warnings: (node, _previous, { subresource }) => (subresource === "" ? nodeWarnings(node) : []),
  selectableFields: (node) => ({ "spec.unschedulable": String(node.spec?.unschedulable ?? false) }),
  selectableFieldNames: ["spec.unschedulable"],
  generation: false,
  columns: [
    nameColumn,
    text("Status", statusCell),
    text("Roles", rolesCell),
    ageColumn,
    text("Version", (node) => node.status?.nodeInfo?.kubeletVersion ?? ""),
    wide(text("Internal-IP", (node) => addressCell(node, "InternalIP"))),
    wide(text("External-IP", (node) => addressCell(node, "ExternalIP"))),
    wide(text("OS-Image", (node) => node.status?.nodeInfo?.osImage || "<unknown>")),
    wide(text("Kernel-Version", kernelCell)),
    wide(text("Container-Runtime", (node) => node.status?.nodeInfo?.containerRuntimeVersion || "<unknown>")),
  ],
};
