// The roles and bindings every cluster starts with. Names and rules are upstream's: people bind to them by name.

import type { AggregationRule, ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from "#kinds/api/rbac-v1.gen.ts";
import type { ObjectMeta } from "#meta/object.ts";
import { controllerRules } from "./bootstrap-controllers.ts";
import { READ, READ_UPDATE, READ_WRITE, recordEvents, rule, urls, WRITE } from "./bootstrap-rules.ts";

const API_VERSION = "rbac.authorization.k8s.io/v1";
const RBAC_GROUP = "rbac.authorization.k8s.io";
const CONTROLLER_PREFIX = "system:controller:";
const BOOTSTRAP_LABEL = "kubernetes.io/bootstrapping";
/** Kept up to date at each start unless a person sets it to `false`. */
const AUTO_UPDATE_ANNOTATION = "rbac.authorization.kubernetes.io/autoupdate";

export interface BootstrapPolicy {
  readonly clusterRoles: readonly ClusterRole[];
  readonly clusterRoleBindings: readonly ClusterRoleBinding[];
  readonly roles: readonly Role[];
  readonly roleBindings: readonly RoleBinding[];
}

/** Builds the policy; aggregated roles already hold the rules they collect. The caller owns the result. */
export function bootstrapPolicy(): BootstrapPolicy {
  const controllers = Object.entries(controllerRules());
  return {
    clusterRoles: [
      ...aggregatedRoles(),
      ...Object.entries(clusterRules()).map(([name, rules]) => clusterRole(name, rules)),
      ...controllers.map(([name, rules]) => clusterRole(CONTROLLER_PREFIX + name, rules)),
    ],
    clusterRoleBindings: [
      ...Object.entries(CLUSTER_BINDINGS).map(([role, subjects]) => clusterBinding(role, subjects)),
      ...controllers.map(([name]) => clusterBinding(CONTROLLER_PREFIX + name, [account(name)])),
    ],
    roles: Object.entries(namespaceRules()).map(([key, rules]) => ({
      apiVersion: API_VERSION,
      kind: "Role",
      metadata: namespacedMetadata(key),
      rules,
    })),
    roleBindings: Object.entries(NAMESPACE_BINDINGS).map(([key, { role, subjects }]) => ({
      apiVersion: API_VERSION,
      kind: "RoleBinding",
      metadata: namespacedMetadata(key),
      roleRef: { apiGroup: RBAC_GROUP, kind: "Role", name: role },
      subjects: [...subjects],
    })),
  };
}

/** What a node agent may do. Upstream leaves the role unbound: its node authorizer uses the rules. */
export function nodeRules(): PolicyRule[] {
  return [
    rule("create", "authentication", "tokenreviews"),
    rule("create", "authorization", "localsubjectaccessreviews subjectaccessreviews"),
    rule(READ, "core", "services"),
    rule("create get list watch", "core", "nodes"),
    rule("patch update", "core", "nodes/status"),
    rule("patch update", "core", "nodes"),
    recordEvents,
    rule(READ, "core", "pods"),
    rule("create delete", "core", "pods"),
    rule("patch update", "core", "pods/status"),
    rule("create", "core", "pods/eviction"),
    rule(READ, "core", "configmaps secrets"),
    rule("get", "core", "persistentvolumeclaims persistentvolumes"),
    rule("get", "core", "endpoints"),
    rule("create get list watch", "certificates", "certificatesigningrequests"),
    rule("create delete get patch update", "coordination", "leases"),
    rule("get", "storage", "volumeattachments"),
    rule("get patch update", "core", "persistentvolumeclaims/status"),
    rule("create", "core", "serviceaccounts/token"),
    rule(READ, "storage", "csidrivers"),
    rule("create delete get patch update", "storage", "csinodes"),
    rule(READ, "node", "runtimeclasses"),
    rule("get", "resource", "resourceclaims"),
    rule("deletecollection", "resource", "resourceslices"),
    rule("get", "core", "serviceaccounts"),
  ];
}

function viewRules(): PolicyRule[] {
  return [
    rule(
      READ,
      "core",
      "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status",
    ),
    rule(
      READ,
      "core",
      "bindings limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status",
    ),
    rule(READ, "core events", "events"),
    rule(READ, "core", "namespaces"),
    rule(READ, "discovery", "endpointslices"),
    rule(
      READ,
      "apps",
      "controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status",
    ),
    rule(READ, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
    rule(READ, "batch", "cronjobs cronjobs/status jobs jobs/status"),
    rule(
      READ,
      "extensions",
      "daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale",
    ),
    rule(READ, "policy", "poddisruptionbudgets poddisruptionbudgets/status"),
    rule(READ, "networking", "ingresses ingresses/status networkpolicies"),
    rule(READ, "resource", "resourceclaims resourceclaims/status resourceclaimtemplates"),
  ];
}

function editRules(): PolicyRule[] {
  return [
    rule(READ, "core", "pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy"),
    rule("impersonate", "core", "serviceaccounts"),
    rule(WRITE, "core", "pods pods/attach pods/exec pods/portforward pods/proxy"),
    rule("create", "core", "pods/eviction"),
    rule(
      WRITE,
      "core",
      "configmaps persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy",
    ),
    rule(WRITE, "core events", "events"),
    rule("create", "core", "serviceaccounts/token"),
    rule(
      WRITE,
      "apps",
      "daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale",
    ),
    rule(WRITE, "autoscaling", "horizontalpodautoscalers"),
    rule(WRITE, "batch", "cronjobs jobs"),
    rule(
      WRITE,
      "extensions",
      "daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets replicasets/scale replicationcontrollers/scale",
    ),
    rule(WRITE, "policy", "poddisruptionbudgets"),
    rule(WRITE, "networking", "ingresses networkpolicies"),
    rule(READ_WRITE, "coordination", "leases"),
    rule(WRITE, "resource", "resourceclaims resourceclaimtemplates"),
  ];
}

function adminRules(): PolicyRule[] {
  return [rule("create", "authorization", "localsubjectaccessreviews"), rule(READ_WRITE, "rbac", "rolebindings roles")];
}

/** admin, edit and view collect their rules by label, so that others can add to them; `system:aggregate-to-*` hold the basic ones. */
function aggregatedRoles(): ClusterRole[] {
  const view = viewRules();
  const edit = editRules();
  const admin = adminRules();
  const metrics = [rule(READ, "metrics", "nodes pods")];
  const label = (target: string) => ({ [`${RBAC_GROUP}/aggregate-to-${target}`]: "true" });
  const collect = (target: string): AggregationRule => ({ clusterRoleSelectors: [{ matchLabels: label(target) }] });
  return [
    { ...clusterRole("admin", [...edit, ...metrics, ...view, ...admin]), aggregationRule: collect("admin") },
    { ...clusterRole("edit", [...edit, ...metrics, ...view], label("admin")), aggregationRule: collect("edit") },
    { ...clusterRole("view", [...view, ...metrics], label("edit")), aggregationRule: collect("view") },
    clusterRole("system:aggregate-to-admin", admin, label("admin")),
    clusterRole("system:aggregate-to-edit", edit, label("edit")),
    clusterRole("system:aggregate-to-view", view, label("view")),
    // As the metrics server has it elsewhere, which is an add-on there.
    clusterRole("system:aggregated-metrics-reader", metrics, { ...label("admin"), ...label("edit"), ...label("view") }),
  ];
}

const HEALTH = "/healthz /livez /readyz";

/** ClusterRoles that are not controllers' and collect nothing. */
function clusterRules(): Record<string, PolicyRule[]> {
  const approver = (signer: string) => [rule("approve", "certificates", "signers", `kubernetes.io/${signer}`)];
  return {
    "cluster-admin": [rule("*", "*", "*"), urls("*", "*")],
    "system:discovery": [urls("get", `${HEALTH} /api /api/* /apis /apis/* /openapi /openapi/* /version /version/`)],
    "system:monitoring": [
      urls("get", `${HEALTH} /flagz /healthz/* /livez/* /readyz/* /metrics /metrics/slis /statusz`),
      rule("get", "core", "nodes/metrics"),
    ],
    "system:basic-user": [
      rule("create", "authorization", "selfsubjectaccessreviews selfsubjectrulesreviews"),
      rule("create", "authentication", "selfsubjectreviews"),
    ],
    "system:public-info-viewer": [urls("get", `${HEALTH} /version /version/`)],
    "system:heapster": [rule(READ, "core", "events namespaces nodes pods"), rule(READ, "extensions", "deployments")],
    "system:node": nodeRules(),
    "system:node-problem-detector": [rule("get", "core", "nodes"), rule("patch", "core", "nodes/status"), recordEvents],
    "system:kubelet-api-admin": [
      rule(READ, "core", "nodes"),
      rule("proxy", "core", "nodes"),
      rule("*", "core", "nodes/log nodes/metrics nodes/proxy nodes/stats"),
      rule("*", "core", "nodes/configz nodes/healthz nodes/pods"),
    ],
    "system:node-bootstrapper": [rule("create get list watch", "certificates", "certificatesigningrequests")],
    "system:auth-delegator": [rule("create", "authentication", "tokenreviews"), rule("create", "authorization", "subjectaccessreviews")],
    "system:kube-aggregator": [rule(READ, "core", "endpoints services")],
    "system:kube-controller-manager": [
      recordEvents,
      rule("create", "coordination", "leases"),
      rule("get update", "coordination", "leases", "kube-controller-manager"),
      rule("create", "core", "secrets serviceaccounts"),
      rule("delete", "core", "secrets"),
      rule("get", "core", "configmaps namespaces secrets serviceaccounts"),
      rule("update", "core", "secrets serviceaccounts"),
      rule("create", "authentication", "tokenreviews"),
      rule("create", "authorization", "subjectaccessreviews"),
      rule("list watch", "*", "*"),
      rule("create", "core", "serviceaccounts/token"),
    ],
    "system:kube-dns": [rule("list watch", "core", "endpoints services")],
    "system:persistent-volume-provisioner": [
      rule("create delete get list watch", "core", "persistentvolumes"),
      rule("get list update watch", "core", "persistentvolumeclaims"),
      rule(READ, "storage", "storageclasses"),
      rule("watch", "core", "events"),
      recordEvents,
    ],
    "system:certificates.k8s.io:certificatesigningrequests:nodeclient": [
      rule("create", "certificates", "certificatesigningrequests/nodeclient"),
    ],
    "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient": [
      rule("create", "certificates", "certificatesigningrequests/selfnodeclient"),
    ],
    "system:volume-scheduler": [
      rule(READ_UPDATE, "core", "persistentvolumes"),
      rule(READ, "storage", "storageclasses"),
      rule(READ_UPDATE, "core", "persistentvolumeclaims"),
    ],
    "system:certificates.k8s.io:legacy-unknown-approver": approver("legacy-unknown"),
    "system:certificates.k8s.io:kubelet-serving-approver": approver("kubelet-serving"),
    "system:certificates.k8s.io:kube-apiserver-client-approver": approver("kube-apiserver-client"),
    "system:certificates.k8s.io:kube-apiserver-client-kubelet-approver": approver("kube-apiserver-client-kubelet"),
    "system:service-account-issuer-discovery": [
      urls("get", "/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/"),
    ],
    "system:node-proxier": [
      rule("list watch", "core", "endpoints services"),
      rule(READ, "core", "nodes"),
      recordEvents,
      rule("list watch", "discovery", "endpointslices"),
      rule("list watch", "networking", "servicecidrs"),
    ],
    // The metrics server's; it reads nodes through the API server, which asks for nodes/proxy.
    "system:metrics-server": [rule("get", "core", "nodes/metrics nodes/proxy"), rule(READ, "core", "nodes pods")],
    // Kobune's own: node agents wait until the service proxies have let go of a pod that terminates.
    "kobune:endpoint-drain": [rule("list watch", "discovery", "endpointslices"), rule(READ, "coordination", "leases")],
    "system:kube-scheduler": [
      recordEvents,
      rule("create", "coordination", "leases"),
      rule("get list update watch", "coordination", "leases", "kube-scheduler"),
      rule(READ, "core", "nodes"),
      rule("delete get list watch", "core", "pods"),
      rule("create", "core", "bindings pods/binding"),
      rule("patch update", "core", "pods/status"),
      rule(READ, "core", "replicationcontrollers services"),
      rule(READ, "apps extensions", "replicasets"),
      rule(READ, "apps", "statefulsets"),
      rule(READ, "policy", "poddisruptionbudgets"),
      rule(READ, "core", "persistentvolumeclaims persistentvolumes"),
      rule("create", "authentication", "tokenreviews"),
      rule("create", "authorization", "subjectaccessreviews"),
      rule(READ, "storage", "csinodes"),
      rule(READ, "core", "namespaces"),
      rule(READ, "storage", "csidrivers"),
      rule(READ, "storage", "csistoragecapacities"),
      rule(READ, "storage", "volumeattachments"),
      rule(READ, "resource", "deviceclasses"),
      rule(READ_WRITE, "coordination", "leasecandidates"),
      rule(READ_UPDATE, "resource", "resourceclaims"),
      rule("create delete", "resource", "resourceclaims"),
      rule("patch update", "resource", "resourceclaims/binding"),
      rule(READ_UPDATE, "resource", "resourceclaims/status"),
      rule("update", "core", "pods/finalizers"),
      rule(READ, "resource", "resourceslices"),
    ],
  };
}

const group = (name: string): Subject => ({ apiGroup: RBAC_GROUP, kind: "Group", name });
const user = (name: string): Subject => ({ apiGroup: RBAC_GROUP, kind: "User", name });
const account = (name: string): Subject => ({ kind: "ServiceAccount", name, namespace: "kube-system" });

/** ClusterRoleBindings by role; each is named as its role. */
const CLUSTER_BINDINGS: Readonly<Record<string, readonly Subject[]>> = {
  "cluster-admin": [group("system:masters")],
  "system:monitoring": [group("system:monitoring")],
  "system:discovery": [group("system:authenticated")],
  "system:basic-user": [group("system:authenticated")],
  "system:public-info-viewer": [group("system:authenticated"), group("system:unauthenticated")],
  "system:node-proxier": [user("system:kube-proxy")],
  "system:kube-controller-manager": [user("system:kube-controller-manager")],
  "system:kube-dns": [account("kube-dns")],
  "system:kube-scheduler": [user("system:kube-scheduler")],
  "system:volume-scheduler": [user("system:kube-scheduler")],
  "system:node": [],
  "kobune:endpoint-drain": [group("system:nodes")],
  "system:metrics-server": [account("metrics-server")],
  "system:service-account-issuer-discovery": [group("system:serviceaccounts")],
};

/** Roles by `namespace/name`. */
function namespaceRules(): Record<string, PolicyRule[]> {
  const lock = [
    rule("create get list update watch", "coordination", "leases"),
    rule("create get list update watch", "coordination", "leasecandidates"),
  ];
  return {
    "kube-system/extension-apiserver-authentication-reader": [rule(READ, "core", "configmaps", "extension-apiserver-authentication")],
    "kube-system/system:controller:bootstrap-signer": [rule(READ, "core", "secrets")],
    "kube-system/system:controller:cloud-provider": [rule("create get list watch", "core", "configmaps")],
    "kube-system/system:controller:token-cleaner": [rule("delete get list watch", "core", "secrets"), recordEvents],
    "kube-system/system::leader-locking-kube-controller-manager": lock,
    "kube-system/system::leader-locking-kube-scheduler": lock,
    "kube-system/kobune:service-proxy": [rule("create delete patch", "coordination", "leases")],
    "kube-public/system:controller:bootstrap-signer": [
      rule(READ, "core", "configmaps"),
      rule("update", "core", "configmaps", "cluster-info"),
      recordEvents,
    ],
  };
}

/** RoleBindings by `namespace/name`. */
const NAMESPACE_BINDINGS: Readonly<Record<string, { readonly role: string; readonly subjects: readonly Subject[] }>> = {
  "kube-system/system::extension-apiserver-authentication-reader": {
    role: "extension-apiserver-authentication-reader",
    subjects: [user("system:kube-controller-manager"), user("system:kube-scheduler")],
  },
  "kube-system/system::leader-locking-kube-controller-manager": {
    role: "system::leader-locking-kube-controller-manager",
    subjects: [user("system:kube-controller-manager"), account("kube-controller-manager"), account("leader-election-controller")],
  },
  "kube-system/system::leader-locking-kube-scheduler": {
    role: "system::leader-locking-kube-scheduler",
    subjects: [user("system:kube-scheduler"), account("kube-scheduler")],
  },
  "kube-system/kobune:service-proxy": { role: "kobune:service-proxy", subjects: [user("system:kube-proxy")] },
  "kube-system/system:controller:bootstrap-signer": { role: "system:controller:bootstrap-signer", subjects: [account("bootstrap-signer")] },
  "kube-system/system:controller:cloud-provider": { role: "system:controller:cloud-provider", subjects: [account("cloud-provider")] },
  "kube-system/system:controller:token-cleaner": { role: "system:controller:token-cleaner", subjects: [account("token-cleaner")] },
  "kube-public/system:controller:bootstrap-signer": { role: "system:controller:bootstrap-signer", subjects: [account("bootstrap-signer")] },
};

function metadata(name: string, labels: Record<string, string> = {}): ObjectMeta {
  return { name, labels: { [BOOTSTRAP_LABEL]: "rbac-defaults", ...labels }, annotations: { [AUTO_UPDATE_ANNOTATION]: "true" } };
}

function namespacedMetadata(key: string): ObjectMeta {
  const slash = key.indexOf("/");
  return { ...metadata(key.slice(slash + 1)), namespace: key.slice(0, slash) };
}

function clusterRole(name: string, rules: readonly PolicyRule[], labels?: Record<string, string>): ClusterRole {
  return { apiVersion: API_VERSION, kind: "ClusterRole", metadata: metadata(name, labels), rules: [...rules] };
}

function clusterBinding(role: string, subjects: readonly Subject[]): ClusterRoleBinding {
  return {
    apiVersion: API_VERSION,
    kind: "ClusterRoleBinding",
    metadata: metadata(role),
    roleRef: { apiGroup: RBAC_GROUP, kind: "ClusterRole", name: role },
    ...(subjects.length > 0 ? { subjects: [...subjects] } : {}),
  };
}
