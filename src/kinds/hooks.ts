// Which behaviour belongs to which kind: the explicit list. Kinds that are not in it are served with the handler's defaults.

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

const entries = (): readonly Entry[] => [
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
];

/** The behaviours by `group/version/kind`. */
export function hooksOf(): ReadonlyMap<string, KindBehaviour> {
  return new Map(entries().map(([{ group, version, kind: name }, behaviour]) => [`${group}/${version}/${name}`, behaviour]));
}
