// The served resources, from the paths of the API: names, verbs, subresources. What paths do not tell (short names,
// categories, kinds of streaming subresources) are facts of upstream's discovery documents, listed here.

import type { GoPackage } from "./go-types.ts";
import { readOperations, type Operation } from "./client-node.ts";
import { GROUP_VERSIONS, type GroupVersion } from "./sources.ts";

export interface SubresourceModel {
  readonly name: string;
  readonly kind: string;
  /** Only when the kind belongs to another group-version than the resource. */
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
}

export interface ResourceModel {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
  readonly subresources: readonly SubresourceModel[];
  readonly packagePath: string;
}

const SHORT_NAMES: Readonly<Record<string, readonly string[]>> = {
  certificatesigningrequests: ["csr"],
  componentstatuses: ["cs"],
  configmaps: ["cm"],
  cronjobs: ["cj"],
  customresourcedefinitions: ["crd", "crds"],
  daemonsets: ["ds"],
  deployments: ["deploy"],
  endpoints: ["ep"],
  events: ["ev"],
  horizontalpodautoscalers: ["hpa"],
  ingresses: ["ing"],
  ipaddresses: ["ip"],
  limitranges: ["limits"],
  namespaces: ["ns"],
  networkpolicies: ["netpol"],
  nodes: ["no"],
  persistentvolumeclaims: ["pvc"],
  persistentvolumes: ["pv"],
  poddisruptionbudgets: ["pdb"],
  pods: ["po"],
  priorityclasses: ["pc"],
  replicasets: ["rs"],
  replicationcontrollers: ["rc"],
  resourcequotas: ["quota"],
  serviceaccounts: ["sa"],
  services: ["svc"],
  statefulsets: ["sts"],
  storageclasses: ["sc"],
  volumeattributesclasses: ["vac"],
};

const CATEGORIES: Readonly<Record<string, readonly string[]>> = {
  all: [
    "cronjobs",
    "daemonsets",
    "deployments",
    "horizontalpodautoscalers",
    "jobs",
    "pods",
    "replicasets",
    "replicationcontrollers",
    "services",
    "statefulsets",
  ],
  "api-extensions": [
    "apiservices",
    "customresourcedefinitions",
    "mutatingadmissionpolicies",
    "mutatingadmissionpolicybindings",
    "mutatingwebhookconfigurations",
    "validatingadmissionpolicies",
    "validatingadmissionpolicybindings",
    "validatingwebhookconfigurations",
  ],
};

/** Kinds that discovery gives for subresources whose requests are streams or plain text. */
const STREAM_KINDS: Readonly<Record<string, string>> = {
  "nodes/proxy": "NodeProxyOptions",
  "pods/attach": "PodAttachOptions",
  "pods/exec": "PodExecOptions",
  "pods/log": "Pod",
  "pods/portforward": "PodPortForwardOptions",
  "pods/proxy": "PodProxyOptions",
  "services/proxy": "ServiceProxyOptions",
};

/** Subresource kinds that live in another group than their resource. */
const FOREIGN_KINDS: Readonly<Record<string, { readonly group: string; readonly version: string }>> = {
  Eviction: { group: "policy", version: "v1" },
  Scale: { group: "autoscaling", version: "v1" },
  TokenRequest: { group: "authentication.k8s.io", version: "v1" },
};

/** The list operation of these takes a watch parameter, but they cannot be watched. */
const UNWATCHABLE = ["componentstatuses"];

const COLLECTION_VERBS: Readonly<Record<string, string>> = { GET: "list", POST: "create", DELETE: "deletecollection" };
const OBJECT_VERBS: Readonly<Record<string, string>> = { GET: "get", POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" };

interface Draft {
  kind: string;
  namespaced: boolean;
  readonly verbs: Set<string>;
}

/** All served resources, by group-version in discovery's order, by plural within one. */
export function readResources(clientNode: string, packages: ReadonlyMap<string, GoPackage>): ResourceModel[] {
  return GROUP_VERSIONS.flatMap((entry) => {
    const pkg = packages.get(entry.path);
    if (entry.apiClass === undefined || !pkg) return [];
    return resourcesOf(entry, readOperations(clientNode, entry.apiClass), pkg);
  });
}

function resourcesOf(entry: GroupVersion, operations: readonly Operation[], pkg: GoPackage): ResourceModel[] {
  const drafts = new Map<string, Draft>();
  const prefix = entry.group === "" ? `/api/${entry.version}/` : `/apis/${entry.group}/${entry.version}/`;
  for (const operation of operations) {
    if (!operation.path.startsWith(prefix) || operation.path === prefix) continue;
    let parts = operation.path.slice(prefix.length).split("/");
    const namespaced = parts[0] === "namespaces" && parts[1] === "{namespace}" && parts.length > 2;
    if (namespaced) parts = parts.slice(2);
    const [plural = "", , subresource] = parts;
    // The proxy's form with a further path adds nothing to discovery.
    if (parts.length > 3) continue;
    const key = subresource === undefined ? plural : `${plural}/${subresource}`;
    const draft = drafts.get(key) ?? { kind: STREAM_KINDS[key] ?? "", namespaced: false, verbs: new Set<string>() };
    drafts.set(key, draft);
    draft.namespaced ||= namespaced;
    const verb = (parts.length === 1 ? COLLECTION_VERBS : OBJECT_VERBS)[operation.method];
    if (verb === undefined) continue;
    draft.verbs.add(verb);
    if (verb === "list" && operation.parameters.includes("watch") && !UNWATCHABLE.includes(plural)) draft.verbs.add("watch");
    if (draft.kind === "" && ["get", "create", "update"].includes(verb)) draft.kind = kindOfClass(operation.answer);
  }
  const resources: ResourceModel[] = [];
  for (const [plural, draft] of [...drafts].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (plural.includes("/")) continue;
    resources.push({
      group: entry.group,
      version: entry.version,
      kind: draft.kind,
      plural,
      singular: draft.kind.toLowerCase(),
      namespaced: draft.namespaced,
      shortNames: SHORT_NAMES[plural] ?? [],
      categories: Object.keys(CATEGORIES).filter((category) => CATEGORIES[category]?.includes(plural)),
      verbs: [...draft.verbs].toSorted(),
      subresources: [...drafts]
        .filter(([key]) => key.startsWith(`${plural}/`))
        .map(([key, sub]) => ({
          name: key.slice(plural.length + 1),
          kind: sub.kind,
          ...(pkg.types.has(sub.kind) && sub.kind !== "Scale" ? {} : FOREIGN_KINDS[sub.kind]),
          verbs: [...sub.verbs].toSorted(),
        }))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      packagePath: entry.path,
    });
  }
  return resources;
}

/** `V1Pod` and `CoreV1Event` to `Pod` and `Event`. */
function kindOfClass(className: string): string {
  const kind = /^[A-Z]?[a-z]*V\d+(\w+)$/.exec(className)?.[1];
  if (kind === undefined) throw new Error(`no kind in class name ${className}`);
  return kind;
}
