// The controllers that belong to a kind. Those that belong to none are listed in controllers/list.ts.

import type { ControllerDefinition } from "#reconcile/controller.ts";
import { daemonSetController } from "./apps/daemon-set/controller.ts";
import { deploymentController } from "./apps/deployment/controller.ts";
import { replicaSetController } from "./apps/replica-set/controller.ts";
import { statefulSetController } from "./apps/stateful-set/controller.ts";
import { horizontalPodAutoscalerController } from "./autoscaling/horizontal-pod-autoscaler/controller.ts";
import { cronJobController } from "./batch/cron-job/controller.ts";
import { jobController } from "./batch/job/controller.ts";
import { ttlAfterFinishedController } from "./batch/job/ttl-after-finished/controller.ts";
import { endpointsController } from "./core/endpoints/controller.ts";
import { persistentVolumeBinder } from "./core/persistent-volume/binder/controller.ts";
import { persistentVolumeProtection } from "./core/persistent-volume/protection/controller.ts";
import { ephemeralVolumeController } from "./core/persistent-volume-claim/ephemeral/controller.ts";
import { expandController } from "./core/persistent-volume-claim/expansion/controller.ts";
import { persistentVolumeClaimProtection } from "./core/persistent-volume-claim/protection/controller.ts";
import { replicationControllerController } from "./core/replication-controller/controller.ts";
import { resourceQuotaController } from "./core/resource-quota/controller.ts";
import { namespaceController } from "./core/namespace/controller.ts";
import { serviceAccountController } from "./core/service-account/controller.ts";
import { endpointSliceMirroringController } from "./discovery/endpoint-slice/mirroring/controller.ts";
import { endpointSliceController } from "./discovery/endpoint-slice/controller.ts";
import { serviceCidrController } from "./networking/service-cidr/controller.ts";
import { podDisruptionBudgetController } from "./policy/pod-disruption-budget/controller.ts";
import { disruptedPodController } from "./policy/pod-disruption-budget/disrupted-pod/controller.ts";
import { clusterRoleAggregationController } from "./rbac/cluster-role/controller.ts";
import { localPathProvisioner } from "./storage/local-path/controller.ts";
import { attachDetachController } from "./storage/volume-attachment/controller.ts";
import { volumeAttributesClassProtection } from "./storage/volume-attributes-class/controller.ts";

/** Fresh values for one cluster: some of them remember what they saw. */
export const kindControllers = (): readonly ControllerDefinition[] => [
  deploymentController,
  replicaSetController,
  statefulSetController,
  daemonSetController(),
  replicationControllerController,
  horizontalPodAutoscalerController(),
  jobController,
  cronJobController,
  ttlAfterFinishedController,
  endpointSliceController,
  endpointSliceMirroringController,
  endpointsController,
  namespaceController,
  serviceAccountController,
  resourceQuotaController(),
  podDisruptionBudgetController,
  disruptedPodController,
  clusterRoleAggregationController,
  serviceCidrController,
  persistentVolumeBinder,
  persistentVolumeProtection,
  persistentVolumeClaimProtection(),
  ephemeralVolumeController,
  expandController,
  localPathProvisioner,
  attachDetachController(),
  volumeAttributesClassProtection,
];
