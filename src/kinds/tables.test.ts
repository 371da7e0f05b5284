// The columns of every kind, and cells that are easily got wrong. What upstream's printers make of random objects is the measure; these are its findings.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject } from "#meta/object.ts";
import { renderTable } from "#meta/table.ts";
import { builtinKinds } from "./builtin-kinds.ts";

const kinds = builtinKinds();
const key = ({ group, version, kind }: { group: string; version: string; kind: string }) => `${group || "core"}/${version}/${kind}`;

/** `*`: only with -o wide; strings have no type here. */
const COLUMNS: Readonly<Record<string, string>> = {
  "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy": "Name | Mutations:integer | ParamKind | Age",
  "admissionregistration.k8s.io/v1/MutatingAdmissionPolicyBinding": "Name | PolicyName | ParamRef | Age",
  "admissionregistration.k8s.io/v1/MutatingWebhookConfiguration": "Name | Webhooks:integer | Age",
  "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy": "Name | Validations:integer | ParamKind | Age",
  "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding": "Name | PolicyName | ParamRef | Age",
  "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration": "Name | Webhooks:integer | Age",
  "apiextensions.k8s.io/v1/CustomResourceDefinition": "Name | Created At:date",
  "apiregistration.k8s.io/v1/APIService": "Name | Service | Available | Age",
  "apps/v1/ControllerRevision": "Name | Controller | Revision | Age",
  "apps/v1/DaemonSet":
    "Name | Desired:integer | Current:integer | Ready:integer | Up-to-date:integer | Available:integer | Node Selector | Age | Containers* | Images* | Selector*",
  "apps/v1/Deployment": "Name | Ready | Up-to-date | Available | Age | Containers* | Images* | Selector*",
  "apps/v1/ReplicaSet": "Name | Desired:integer | Current:integer | Ready:integer | Age | Containers* | Images* | Selector*",
  "apps/v1/StatefulSet": "Name | Ready | Age | Containers* | Images*",
  "autoscaling/v1/HorizontalPodAutoscaler": "Name | Reference | Targets | MinPods | MaxPods | Replicas | Age",
  "autoscaling/v2/HorizontalPodAutoscaler": "Name | Reference | Targets | MinPods | MaxPods | Replicas | Age",
  "batch/v1/CronJob":
    "Name | Schedule | Timezone | Suspend:boolean | Active:integer | Last Schedule | Age | Containers* | Images* | Selector*",
  "batch/v1/Job": "Name | Status | Completions | Duration | Age | Containers* | Images* | Selector*",
  "certificates.k8s.io/v1/CertificateSigningRequest": "Name | Age | SignerName | Requestor | RequestedDuration | Condition",
  "coordination.k8s.io/v1/Lease": "Name | Holder | Age",
  "core/v1/ComponentStatus": "Name | Status | Message | Error",
  "core/v1/ConfigMap": "Name | Data | Age",
  "core/v1/Endpoints": "Name | Endpoints | Age",
  "core/v1/Event": "Last Seen | Type | Reason | Object | Subobject* | Source* | Message | First Seen* | Count* | Name*",
  "core/v1/LimitRange": "Name | Created At:date",
  "core/v1/Namespace": "Name | Status | Age",
  "core/v1/Node": "Name | Status | Roles | Age | Version | Internal-IP* | External-IP* | OS-Image* | Kernel-Version* | Container-Runtime*",
  "core/v1/PersistentVolume":
    "Name | Capacity | Access Modes | Reclaim Policy | Status | Claim | StorageClass | VolumeAttributesClass | Reason | Age | VolumeMode*",
  "core/v1/PersistentVolumeClaim":
    "Name | Status | Volume | Capacity | Access Modes | StorageClass | VolumeAttributesClass | Age | VolumeMode*",
  "core/v1/Pod": "Name | Ready | Status | Restarts | Age | IP* | Node* | Nominated Node* | Readiness Gates*",
  "core/v1/PodTemplate": "Name | Containers | Images | Pod Labels",
  "core/v1/ReplicationController": "Name | Desired:integer | Current:integer | Ready:integer | Age | Containers* | Images* | Selector*",
  "core/v1/ResourceQuota": "Name | Request | Limit | Age",
  "core/v1/Secret": "Name | Type | Data | Age",
  "core/v1/Service": "Name | Type | Cluster-IP | External-IP | Port(s) | Age | Selector*",
  "core/v1/ServiceAccount": "Name | Age",
  "discovery.k8s.io/v1/EndpointSlice": "Name | AddressType | Ports | Endpoints | Age",
  "events.k8s.io/v1/Event": "Last Seen | Type | Reason | Object | Subobject* | Source* | Message | First Seen* | Count* | Name*",
  "flowcontrol.apiserver.k8s.io/v1/FlowSchema": "Name | PriorityLevel | MatchingPrecedence | DistinguisherMethod | Age | MissingPL",
  "flowcontrol.apiserver.k8s.io/v1/PriorityLevelConfiguration":
    "Name | Type | NominalConcurrencyShares | Queues | HandSize | QueueLengthLimit | Age",
  "networking.k8s.io/v1/IPAddress": "Name | ParentRef",
  "networking.k8s.io/v1/Ingress": "Name | Class | Hosts | Address | Ports | Age",
  "networking.k8s.io/v1/IngressClass": "Name | Controller | Parameters | Age",
  "networking.k8s.io/v1/NetworkPolicy": "Name | Pod-Selector | Age",
  "networking.k8s.io/v1/ServiceCIDR": "Name | CIDRs | Age",
  "node.k8s.io/v1/RuntimeClass": "Name | Handler | Age",
  "policy/v1/PodDisruptionBudget": "Name | Min Available | Max Unavailable | Allowed Disruptions:integer | Age",
  "rbac.authorization.k8s.io/v1/ClusterRole": "Name | Created At:date",
  "rbac.authorization.k8s.io/v1/ClusterRoleBinding": "Name | Role | Age | Users* | Groups* | ServiceAccounts*",
  "rbac.authorization.k8s.io/v1/Role": "Name | Created At:date",
  "rbac.authorization.k8s.io/v1/RoleBinding": "Name | Role | Age | Users* | Groups* | ServiceAccounts*",
  "resource.k8s.io/v1/DeviceClass": "Name | Age",
  "resource.k8s.io/v1/ResourceClaim": "Name | State | Age",
  "resource.k8s.io/v1/ResourceClaimTemplate": "Name | Age",
  "resource.k8s.io/v1/ResourceSlice": "Name | Node | Driver | Pool | Age",
  "scheduling.k8s.io/v1/PriorityClass": "Name | Value:integer | Global-Default:boolean | Age | PreemptionPolicy",
  "storage.k8s.io/v1/CSIDriver":
    "Name | AttachRequired:boolean | PodInfoOnMount:boolean | StorageCapacity:boolean | TokenRequests | RequiresRepublish:boolean | Modes | Age",
  "storage.k8s.io/v1/CSINode": "Name | Drivers:integer | Age",
  "storage.k8s.io/v1/CSIStorageCapacity": "Name | Created At:date",
  "storage.k8s.io/v1/StorageClass": "Name | Provisioner | ReclaimPolicy | VolumeBindingMode | AllowVolumeExpansion | Age",
  "storage.k8s.io/v1/VolumeAttachment": "Name | Attacher | PV | Node | Attached:boolean | Age",
  "storage.k8s.io/v1/VolumeAttributesClass": "Name | DriverName | Age",
};

for (const definition of kinds) {
  if (!definition.verbs.includes("list")) continue;
  const name = key(definition.resource);
  test(`columns of ${name}`, () => {
    const { columnDefinitions } = renderTable(definition.columns, [], { nowMs: 0, includeObject: "None" });
    const shown = columnDefinitions?.map(
      (column) => `${column.name}${column.type === "string" ? "" : `:${column.type}`}${column.priority > 0 ? "*" : ""}`,
    );
    assert.equal(shown?.join(" | "), COLUMNS[name]);
    assert.equal(columnDefinitions?.[0]?.format ?? "", name.endsWith("/Event") ? "" : "name");
  });
}

interface Case {
  readonly kind: string;
  readonly column: string;
  readonly object: AnyObject;
  readonly cell: unknown;
}

const service = (spec: object): AnyObject => ({ spec });
const CASES: readonly Case[] = [
  { kind: "core/v1/Service", column: "Cluster-IP", object: service({ clusterIP: "1.2.3.4" }), cell: "<none>" },
  { kind: "core/v1/Service", column: "Cluster-IP", object: service({ clusterIPs: ["1.2.3.4"] }), cell: "1.2.3.4" },
  { kind: "core/v1/Service", column: "Port(s)", object: service({ ports: [{ port: 1, nodePort: -1, protocol: "TCP" }] }), cell: "1/TCP" },
  {
    kind: "admissionregistration.k8s.io/v1/MutatingAdmissionPolicyBinding",
    column: "ParamRef",
    object: {
      spec: {
        paramRef: { selector: { matchLabels: { b: "2", a: "1" }, matchExpressions: [{ key: "k", operator: "In", values: ["x", "y"] }] } },
      },
    },
    cell: "&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},},}",
  },
  {
    kind: "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy",
    column: "ParamKind",
    object: { spec: { paramKind: { kind: "K" } } },
    cell: "/K",
  },
  {
    kind: "apiregistration.k8s.io/v1/APIService",
    column: "Available",
    object: { status: { conditions: [{ type: "Available", status: "False" }] } },
    cell: "False",
  },
  {
    kind: "autoscaling/v1/HorizontalPodAutoscaler",
    column: "Targets",
    object: {
      metadata: {
        annotations: {
          "autoscaling.alpha.kubernetes.io/metrics": '[{"type":"Pods","pods":{"metricName":"m","targetAverageValue":"10"}}]',
          "autoscaling.alpha.kubernetes.io/current-metrics": '[{"type":"Pods","pods":{"metricName":"m","currentAverageValue":"3"}}]',
        },
      },
      spec: { targetCPUUtilizationPercentage: 50 },
      status: {},
    },
    cell: "3/10, cpu: <unknown>/50%",
  },
];

for (const { kind, column, object, cell } of CASES) {
  test(`${kind} ${column}: ${String(cell).slice(0, 40)}`, () => {
    const definition = kinds.find(({ resource }) => key(resource) === kind);
    const found = definition?.columns?.find(({ name }) => name === column);
    assert.equal(found?.value(object, 0), cell);
  });
}
