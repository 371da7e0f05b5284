// NodeRestriction: a node writes what is its own, and nothing of others'. The words are upstream's.

import type { AdmissionAttributes, AdmissionPlugin } from "#apiserver/admission.ts";
import type { Registry } from "#apiserver/registry.ts";
import type { TokenRequest } from "#kinds/api/authentication-v1.gen.ts";
import type { CertificateSigningRequest } from "#kinds/api/certificates-v1.gen.ts";
import { Node, type PersistentVolumeClaim, Pod } from "#kinds/api/core-v1.gen.ts";
import type { ResourceSlice } from "#kinds/api/resource-v1.gen.ts";
import { outlineOf } from "#kinds/certificates/request.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import { notFound } from "#meta/errors.ts";
import { type DeepReadonly, makeKey } from "#meta/object.ts";
import { groupResource, type Resource } from "#meta/resource.ts";
import { refuse } from "./refuse.ts";

const NODES_GROUP = "system:nodes";
const USER_PREFIX = "system:node:";
const MIRROR = "kubernetes.io/config.mirror";
const LEASES = "kube-node-lease";
const NODE_SIGNERS = ["kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet"];

/** Says why the node may not; undefined: it may. */
type Rule = (node: string, attributes: AdmissionAttributes, registry: Registry) => Promise<string | undefined> | string | undefined;

const RULES: Readonly<Record<string, Rule | undefined>> = {
  pods: wrongPod,
  nodes: wrongNode,
  persistentvolumeclaims: wrongClaim,
  serviceaccounts: wrongToken,
  "leases.coordination.k8s.io": wrongLease,
  "csinodes.storage.k8s.io": (node, { name, object }) =>
    (name || object?.metadata?.name) === node ? undefined : "can only access CSINode with the same name as the requesting node",
  "resourceslices.resource.k8s.io": wrongSlice,
  "certificatesigningrequests.certificates.k8s.io": wrongRequest,
};

export function nodeRestriction({ registry }: { readonly registry: Registry }): AdmissionPlugin {
  return {
    name: "NodeRestriction",
    handles: (operation, resource) => operation !== "CONNECT" && RULES[groupResource(resource)] !== undefined,
    mutate(attributes) {
      const { user, resource } = attributes;
      if (!user.groups.includes(NODES_GROUP) || !user.name.startsWith(USER_PREFIX)) return undefined;
      const node = user.name.slice(USER_PREFIX.length);
      const wrong = RULES[groupResource(resource)]?.(node, attributes, registry);
      const check = (cause: string | undefined) => {
        if (cause !== undefined) throw refuse(attributes, cause);
      };
      return wrong instanceof Promise ? wrong.then(check) : check(wrong);
    },
  };
}

const quoted = (text: string): string => JSON.stringify(text);

function wrongPod(node: string, attributes: AdmissionAttributes, registry: Registry): ReturnType<Rule> {
  const { operation, subresource, object, oldObject, namespace, name } = attributes;
  // handles() lets only pods and what lies below them through
  const previous = oldObject as Pod | undefined;
  switch (subresource) {
    case "":
      if (operation === "CREATE") return wrongMirror(node, object as Pod, registry);
      if (operation !== "DELETE")
        return `unexpected operation ${quoted(operation)}, node ${quoted(node)} can only create and delete mirror pods`;
      return previous?.spec?.nodeName === node ? undefined : `node ${quoted(node)} can only delete pods with spec.nodeName set to itself`;
    case "status": {
      if (operation !== "UPDATE") return `unexpected operation ${quoted(operation)}`;
      const next = object as Pod;
      if (previous?.spec?.nodeName !== node)
        return `node ${quoted(node)} can only update pod status for pods with spec.nodeName set to itself`;
      if (!semanticEqual(previous.metadata?.labels, next.metadata?.labels))
        return `node ${quoted(node)} cannot update labels through pod status`;
      if (!semanticEqual(previous.status?.resourceClaimStatuses, next.status?.resourceClaimStatuses)) {
        return `node ${quoted(node)} cannot update resource claim statues`;
      }
      if (!semanticEqual(previous.status?.extendedResourceClaimStatus, next.status?.extendedResourceClaimStatus)) {
        return `node ${quoted(node)} cannot update extended resource claim status`;
      }
      return undefined;
    }
    case "eviction":
      if (operation !== "CREATE") return `unexpected operation ${operation}`;
      return find(registry, Pod, makeKey(namespace, name || (object?.metadata?.name ?? ""))).then((pod) =>
        pod.spec?.nodeName === node ? undefined : `node ${node} can only evict pods with spec.nodeName set to itself`,
      );
    default:
      return `unexpected pod subresource ${quoted(subresource)}, only 'status' and 'eviction' are allowed`;
  }
}

async function find<T extends Pod | Node>(registry: Registry, resource: Resource<T>, key: ReturnType<typeof makeKey>): Promise<T> {
  const found = await registry.get(resource, key);
  if (!found) throw notFound(resource, key.slice(key.indexOf("/") + 1));
  return found;
}

/** Nodes make pods only to show those that they run of their own accord. */
async function wrongMirror(node: string, pod: Pod, registry: Registry): Promise<string | undefined> {
  const me = `node ${quoted(node)}`;
  const { annotations, ownerReferences: owners = [] } = pod.metadata ?? {};
  if (annotations?.[MIRROR] === undefined) return `pod does not have ${quoted(MIRROR)} annotation, ${me} can only create mirror pods`;
  if (pod.spec?.nodeName !== node) return `${me} can only create pods with spec.nodeName set to itself`;
  if (owners.length > 1) return `${me} can only create pods with a single owner reference set to itself`;
  const [owner] = owners;
  if (owner?.apiVersion !== "v1" || owner.kind !== "Node" || owner.name !== node) {
    return `${me} can only create pods with an owner reference set to itself`;
  }
  if (owner.controller !== true) return `${me} can only create pods with a controller owner reference set to itself`;
  if (owner.blockOwnerDeletion === true) return `${me} must not set blockOwnerDeletion on an owner reference`;
  const found = await find(registry, Node, makeKey("", node));
  if (owner.uid !== found.metadata?.uid) return `node ${node} UID mismatch: expected ${owner.uid} got ${found.metadata?.uid ?? ""}`;
  const referenced = referencedKind(pod);
  return referenced === undefined ? undefined : `${me} can not create pods that reference ${referenced}`;
}

/** What of the API a pod depends on. */
function referencedKind({ spec }: DeepReadonly<Pod>): string | undefined {
  if (spec?.serviceAccountName) return "serviceaccounts";
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const uses = (secret: boolean) =>
    containers.some(
      ({ env = [], envFrom = [] }) =>
        env.some(({ valueFrom }) => (secret ? valueFrom?.secretKeyRef : valueFrom?.configMapKeyRef) !== undefined) ||
        envFrom.some(({ secretRef, configMapRef }) => (secret ? secretRef : configMapRef) !== undefined),
    );
  if (uses(true) || (spec?.imagePullSecrets?.length ?? 0) > 0) return "secrets";
  if (uses(false)) return "configmaps";
  if ((spec?.resourceClaims?.length ?? 0) > 0) return "resourceclaims";
  for (const volume of spec?.volumes ?? []) {
    if (volume.configMap) return "configmaps (via configmap volumes)";
    if (volume.secret) return "secrets (via secret volumes)";
    if (volume.csi) return "csidrivers (via CSI volumes)";
    if (volume.glusterfs) return "endpoints (via glusterFS volumes)";
    if (volume.persistentVolumeClaim) return "persistentvolumeclaims";
    if (volume.ephemeral) return "persistentvolumeclaims (via ephemeral volumes)";
    if (volume.azureFile) return "secrets (via azureFile volumes)";
    for (const source of volume.projected?.sources ?? []) {
      if (source.configMap) return "configmaps (via projected volumes)";
      if (source.secret) return "secrets (via projected volumes)";
      if (source.serviceAccountToken) return "serviceaccounts (via projected volumes)";
      if (source.clusterTrustBundle) return "clustertrustbundles";
      if (source.podCertificate) return "podcertificates";
    }
  }
  return undefined;
}

function wrongNode(node: string, { operation, name, object, oldObject }: AdmissionAttributes): string | undefined {
  const requested = name || (object?.metadata?.name ?? "");
  if (requested !== node) return `node ${quoted(node)} is not allowed to modify node ${quoted(requested)}`;
  if (operation === "DELETE") return undefined;
  const [next, previous] = [object as Node, oldObject as Node | undefined];
  const labels = modified(next.metadata?.labels, previous?.metadata?.labels).filter((label) => !isNodesLabel(label));
  if (operation === "CREATE") {
    if (next.spec?.configSource !== undefined) return `node ${quoted(node)} is not allowed to create pods with a non-nil configSource`;
    return labels.length > 0 ? `node ${quoted(node)} is not allowed to set the following labels: ${labels.join(", ")}` : undefined;
  }
  if (next.spec?.configSource !== undefined && !semanticEqual(next.spec.configSource, previous?.spec?.configSource)) {
    return `node ${quoted(node)} is not allowed to update configSource to a new non-nil configSource`;
  }
  if (!semanticEqual(next.spec?.taints, previous?.spec?.taints)) return `node ${quoted(node)} is not allowed to modify taints`;
  if (!semanticEqual(next.metadata?.ownerReferences, previous?.metadata?.ownerReferences)) {
    return `node ${quoted(node)} is not allowed to modify ownerReferences`;
  }
  return labels.length > 0 ? `is not allowed to modify labels: ${labels.join(", ")}` : undefined;
}

function modified(next: Readonly<Record<string, string>> = {}, previous: Readonly<Record<string, string>> = {}): string[] {
  const names = new Set([...Object.keys(next), ...Object.keys(previous)]);
  return [...names].filter((name) => next[name] !== previous[name]).toSorted();
}

const OWN_LABELS: ReadonlySet<string> = new Set([
  "kubernetes.io/hostname",
  "topology.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region",
  "beta.kubernetes.io/instance-type",
  "node.kubernetes.io/instance-type",
  "kubernetes.io/os",
  "kubernetes.io/arch",
  "beta.kubernetes.io/os",
  "beta.kubernetes.io/arch",
]);

/** Labels outside Kubernetes' domains are free, of those in them some are for nodes. */
function isNodesLabel(label: string): boolean {
  const domain = label.includes("/") ? label.slice(0, label.indexOf("/")) : "";
  const isIn = (parent: string) => domain === parent || domain.endsWith(`.${parent}`);
  if (isIn("node-restriction.kubernetes.io")) return false;
  if (!isIn("kubernetes.io") && !isIn("k8s.io")) return true;
  return OWN_LABELS.has(label) || isIn("kubelet.kubernetes.io") || isIn("node.kubernetes.io");
}

function wrongClaim(node: string, { operation, subresource, object, oldObject }: AdmissionAttributes): string | undefined {
  if (subresource !== "status") return "may only update PVC status";
  if (operation !== "UPDATE") return `unexpected operation ${quoted(operation)}`;
  const rest = (claim: PersistentVolumeClaim) => {
    const { capacity: _c, conditions: _d, allocatedResources: _a, allocatedResourceStatuses: _s, ...status } = claim.status ?? {};
    const { resourceVersion: _r, managedFields: _m, ...metadata } = claim.metadata ?? {};
    return { metadata, spec: claim.spec, status };
  };
  // handles() lets only claims through
  if (semanticEqual(rest(object as PersistentVolumeClaim), rest(oldObject as PersistentVolumeClaim))) return undefined;
  return `node ${quoted(node)} is not allowed to update fields other than status.quantity and status.conditions`;
}

async function wrongToken(
  node: string,
  { operation, subresource, object, namespace }: AdmissionAttributes,
  registry: Registry,
): Promise<string | undefined> {
  if (operation !== "CREATE" || subresource !== "token") return undefined;
  const reference = (object as TokenRequest).spec?.boundObjectRef; // what is posted to it
  if (reference?.apiVersion !== "v1" || reference.kind !== "Pod" || !reference.name) return "node requested token not bound to a pod";
  if (!reference.uid) return "node requested token with a pod binding without a uid";
  const pod = await find(registry, Pod, makeKey(namespace, reference.name));
  if (reference.uid !== pod.metadata?.uid) {
    return `the UID in the bound object reference (${reference.uid}) does not match the UID in record. The object might have been deleted and then recreated`;
  }
  return pod.spec?.nodeName === node ? undefined : "node requested token bound to a pod scheduled on a different node";
}

function wrongLease(node: string, { namespace, name, object }: AdmissionAttributes): string | undefined {
  if (namespace !== LEASES) return `can only access leases in the ${quoted(LEASES)} system namespace`;
  return (name || object?.metadata?.name) === node ? undefined : "can only access node lease with the same name as the requesting node";
}

function wrongSlice(node: string, { operation, object, oldObject }: AdmissionAttributes): string | undefined {
  if (operation !== "CREATE" && operation !== "DELETE") return undefined;
  const slice = (operation === "CREATE" ? object : oldObject) as ResourceSlice; // handles() lets only slices through
  if (slice.spec?.nodeName === node) return undefined;
  return `can only ${operation.toLowerCase()} ResourceSlice with the same NodeName as the requesting node`;
}

function wrongRequest(node: string, { operation, object }: AdmissionAttributes): string | undefined {
  if (operation !== "CREATE") return undefined;
  const { spec } = object as CertificateSigningRequest; // on creation there is one
  if (!NODE_SIGNERS.includes(spec?.signerName ?? "")) return undefined;
  const outline = outlineOf(spec?.request);
  if (!outline) return "unable to parse csr: PEM block type must be CERTIFICATE REQUEST";
  return outline.commonName === USER_PREFIX + node ? undefined : `can only create a node CSR with CN=system:node:${node}`;
}
