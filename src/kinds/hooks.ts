// Which behaviour belongs to which kind: the explicit list. Kinds that are not in it are served with the handler's defaults.

import * as admissionregistration from "./api/admissionregistration-v1.gen.ts";
import * as apiextensions from "./api/apiextensions-v1.gen.ts";
import * as apiregistration from "./api/apiregistration-v1.gen.ts";
import * as batch from "./api/batch-v1.gen.ts";
import * as certificates from "./api/certificates-v1.gen.ts";
import * as flowcontrol from "./api/flowcontrol-v1.gen.ts";
import * as networking from "./api/networking-v1.gen.ts";
import * as node from "./api/node-v1.gen.ts";
import * as resource from "./api/resource-v1.gen.ts";
import * as scheduling from "./api/scheduling-v1.gen.ts";
import * as storage from "./api/storage-v1.gen.ts";
import * as autoscalingV1 from "./api/autoscaling-v1.gen.ts";
import * as autoscalingV2 from "./api/autoscaling-v2.gen.ts";
import * as apps from "./api/apps-v1.gen.ts";
import * as coordination from "./api/coordination-v1.gen.ts";
import * as core from "./api/core-v1.gen.ts";
import * as discovery from "./api/discovery-v1.gen.ts";
import * as events from "./api/events-v1.gen.ts";
import * as policy from "./api/policy-v1.gen.ts";
import * as rbac from "./api/rbac-v1.gen.ts";
import type { KindDefinition, KindHooks } from "#meta/kind.ts";
import type { KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
import { mutatingPolicyHooks } from "./admissionregistration/mutating-admission-policy/kind.ts";
import { mutatingPolicyBindingHooks } from "./admissionregistration/mutating-admission-policy-binding/kind.ts";
import { mutatingWebhookHooks } from "./admissionregistration/mutating-webhook-configuration/kind.ts";
import { validatingPolicyHooks } from "./admissionregistration/validating-admission-policy/kind.ts";
import { validatingPolicyBindingHooks } from "./admissionregistration/validating-admission-policy-binding/kind.ts";
import { validatingWebhookHooks } from "./admissionregistration/validating-webhook-configuration/kind.ts";
import { customResourceDefinitionHooks } from "./apiextensions/custom-resource-definition/kind.ts";
import { apiServiceHooks } from "./apiregistration/api-service/kind.ts";
import { cronJobHooks } from "./batch/cron-job/kind.ts";
import { jobHooks } from "./batch/job/kind.ts";
import { certificateSigningRequestHooks } from "./certificates/certificate-signing-request/kind.ts";
import { componentStatusHooks } from "./core/component-status/kind.ts";
import { limitRangeHooks } from "./core/limit-range/kind.ts";
import { resourceQuotaHooks } from "./core/resource-quota/kind.ts";
import { flowSchemaHooks } from "./flowcontrol/flow-schema/kind.ts";
import { priorityLevelHooks } from "./flowcontrol/priority-level-configuration/kind.ts";
import { ipAddressHooks } from "./networking/ip-address/kind.ts";
import { ingressHooks } from "./networking/ingress/kind.ts";
import { ingressClassHooks } from "./networking/ingress-class/kind.ts";
import { networkPolicyHooks } from "./networking/network-policy/kind.ts";
import { serviceCidrHooks } from "./networking/service-cidr/kind.ts";
import { runtimeClassHooks } from "./node/runtime-class/kind.ts";
import { deviceClassHooks } from "./resource/device-class/kind.ts";
import { resourceClaimHooks } from "./resource/resource-claim/kind.ts";
import { resourceClaimTemplateHooks } from "./resource/resource-claim-template/kind.ts";
import { resourceSliceHooks } from "./resource/resource-slice/kind.ts";
import { priorityClassHooks } from "./scheduling/priority-class/kind.ts";
import { csiDriverHooks } from "./storage/csi-driver/kind.ts";
import { csiNodeHooks } from "./storage/csi-node/kind.ts";
import { csiStorageCapacityHooks } from "./storage/csi-storage-capacity/kind.ts";
import { storageClassHooks } from "./storage/storage-class/kind.ts";
import { volumeAttachmentHooks } from "./storage/volume-attachment/kind.ts";
import { volumeAttributesClassHooks } from "./storage/volume-attributes-class/kind.ts";
import { fromStoredAutoscaler, toStoredAutoscaler } from "./autoscaling/horizontal-pod-autoscaler/convert.ts";
import { autoscalerHooks, autoscalerV1Hooks } from "./autoscaling/horizontal-pod-autoscaler/kind.ts";
import { controllerRevisionHooks } from "./apps/controller-revision/kind.ts";
import { daemonSetHooks } from "./apps/daemon-set/kind.ts";
import { deploymentHooks } from "./apps/deployment/kind.ts";
import { replicaSetHooks } from "./apps/replica-set/kind.ts";
import { statefulSetHooks } from "./apps/stateful-set/kind.ts";
import { leaseHooks } from "./coordination/lease/kind.ts";
import { configMapHooks } from "./core/config-map/kind.ts";
import { endpointsHooks } from "./core/endpoints/kind.ts";
import { eventHooks } from "./core/event/kind.ts";
import { namespaceHooks } from "./core/namespace/kind.ts";
import { nodeHooks } from "./core/node/kind.ts";
import { persistentVolumeClaimHooks } from "./core/persistent-volume-claim/kind.ts";
import { persistentVolumeHooks } from "./core/persistent-volume/kind.ts";
import { podTemplateHooks } from "./core/pod-template/kind.ts";
import { podHooks } from "./core/pod/kind.ts";
import { replicationControllerHooks } from "./core/replication-controller/kind.ts";
import { secretHooks } from "./core/secret/kind.ts";
import { serviceAccountHooks } from "./core/service-account/kind.ts";
import { serviceHooks } from "./core/service/kind.ts";
import { endpointSliceHooks } from "./discovery/endpoint-slice/kind.ts";
import { fromCoreEvent, newEventHooks, toCoreEvent } from "./events/event/kind.ts";
import { clusterRoleBindingHooks } from "./rbac/cluster-role-binding/kind.ts";
import { clusterRoleHooks } from "./rbac/cluster-role/kind.ts";
import { roleBindingHooks } from "./rbac/role-binding/kind.ts";
import { roleHooks } from "./rbac/role/kind.ts";
import { acceptExpression, type CheckExpression } from "./shared/expressions.ts";
import { podDisruptionBudgetHooks } from "./policy/pod-disruption-budget/kind.ts";

/** A kind's hooks, and how it is stored if that is not as itself. */
export interface KindBehaviour {
  readonly hooks: KindHooks;
  readonly storagePrefix?: string;
  readonly convert?: NonNullable<KindDefinition["convert"]>;
}

type Entry = readonly [Resource, KindBehaviour];

function kind<T extends KubeObject>(resource: Resource<T>, hooks: KindHooks<T>, storage?: Omit<KindBehaviour, "hooks">): Entry {
  // Hooks are only ever called with objects of their own resource.
  return [resource as Resource, { hooks: hooks as unknown as KindHooks, ...storage }];
}

/** Conversion between a served form and the stored one; the handler hands each function objects of the right form. */
function conversion<Stored extends KubeObject, Served extends KubeObject>(
  fromStored: (object: Stored) => Served,
  toStored: (object: Served) => Stored,
): NonNullable<KindDefinition["convert"]> {
  return { fromStored: (object) => fromStored(object as Stored), toStored: (object) => toStored(object as Served) };
}

const AUTOSCALERS = "horizontalpodautoscalers";

const entries = (check: CheckExpression): readonly Entry[] => [
  kind(apps.ControllerRevision, controllerRevisionHooks),
  kind(apps.DaemonSet, daemonSetHooks),
  kind(apps.Deployment, deploymentHooks),
  kind(apps.ReplicaSet, replicaSetHooks),
  kind(apps.StatefulSet, statefulSetHooks),
  kind(coordination.Lease, leaseHooks),
  kind(core.ConfigMap, configMapHooks),
  kind(core.Endpoints, endpointsHooks),
  kind(core.Event, eventHooks, { storagePrefix: "events" }),
  kind(core.Namespace, namespaceHooks),
  kind(core.Node, nodeHooks),
  kind(core.PersistentVolume, persistentVolumeHooks),
  kind(core.PersistentVolumeClaim, persistentVolumeClaimHooks),
  kind(core.Pod, podHooks),
  kind(core.PodTemplate, podTemplateHooks),
  kind(core.ReplicationController, replicationControllerHooks),
  kind(core.Secret, secretHooks),
  kind(core.Service, serviceHooks),
  kind(core.ServiceAccount, serviceAccountHooks),
  kind(discovery.EndpointSlice, endpointSliceHooks),
  kind(events.Event, newEventHooks, { storagePrefix: "events", convert: conversion(fromCoreEvent, toCoreEvent) }),
  kind(policy.PodDisruptionBudget, podDisruptionBudgetHooks),
  kind(rbac.ClusterRole, clusterRoleHooks),
  kind(rbac.ClusterRoleBinding, clusterRoleBindingHooks),
  kind(rbac.Role, roleHooks),
  kind(rbac.RoleBinding, roleBindingHooks),
  kind(admissionregistration.MutatingAdmissionPolicy, mutatingPolicyHooks(check)),
  kind(admissionregistration.MutatingAdmissionPolicyBinding, mutatingPolicyBindingHooks),
  kind(admissionregistration.MutatingWebhookConfiguration, mutatingWebhookHooks(check)),
  kind(admissionregistration.ValidatingAdmissionPolicy, validatingPolicyHooks(check)),
  kind(admissionregistration.ValidatingAdmissionPolicyBinding, validatingPolicyBindingHooks),
  kind(admissionregistration.ValidatingWebhookConfiguration, validatingWebhookHooks(check)),
  kind(apiextensions.CustomResourceDefinition, customResourceDefinitionHooks(check)),
  kind(apiregistration.APIService, apiServiceHooks),
  kind(batch.CronJob, cronJobHooks),
  kind(batch.Job, jobHooks),
  kind(certificates.CertificateSigningRequest, certificateSigningRequestHooks),
  kind(core.ComponentStatus, componentStatusHooks),
  kind(core.LimitRange, limitRangeHooks),
  kind(core.ResourceQuota, resourceQuotaHooks),
  kind(flowcontrol.FlowSchema, flowSchemaHooks),
  kind(flowcontrol.PriorityLevelConfiguration, priorityLevelHooks),
  kind(networking.IPAddress, ipAddressHooks),
  kind(networking.Ingress, ingressHooks),
  kind(networking.IngressClass, ingressClassHooks),
  kind(networking.NetworkPolicy, networkPolicyHooks),
  kind(networking.ServiceCIDR, serviceCidrHooks),
  kind(node.RuntimeClass, runtimeClassHooks),
  kind(resource.DeviceClass, deviceClassHooks(check)),
  kind(resource.ResourceClaim, resourceClaimHooks(check)),
  kind(resource.ResourceClaimTemplate, resourceClaimTemplateHooks(check)),
  kind(resource.ResourceSlice, resourceSliceHooks),
  kind(scheduling.PriorityClass, priorityClassHooks),
  kind(storage.CSIDriver, csiDriverHooks),
  kind(storage.CSINode, csiNodeHooks),
  kind(storage.CSIStorageCapacity, csiStorageCapacityHooks),
  kind(storage.StorageClass, storageClassHooks),
  kind(storage.VolumeAttachment, volumeAttachmentHooks),
  kind(storage.VolumeAttributesClass, volumeAttributesClassHooks),
  kind(autoscalingV1.HorizontalPodAutoscaler, autoscalerV1Hooks, {
    storagePrefix: AUTOSCALERS,
    convert: conversion(fromStoredAutoscaler, toStoredAutoscaler),
  }),
  kind(autoscalingV2.HorizontalPodAutoscaler, autoscalerHooks, { storagePrefix: AUTOSCALERS }),
];

/** The behaviours by `group/version/kind`. `check` says what is wrong with expressions in objects. */
export function hooksOf(check: CheckExpression = acceptExpression): ReadonlyMap<string, KindBehaviour> {
  return new Map(entries(check).map(([{ group, version, kind: name }, behaviour]) => [`${group}/${version}/${name}`, behaviour]));
}
