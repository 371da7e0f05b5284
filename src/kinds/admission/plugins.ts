// The built-in admission plugins, in upstream's order. Those of certificates, which ask for rights, come as extensions behind these;
// ResourceQuota, which charges, comes last of all.

import type { AdmissionPlugin } from "#apiserver/admission.ts";
import type { Registry } from "#apiserver/registry.ts";
import type { Clock } from "#lib/clock.ts";
import { defaultIngressClass, defaultStorageClass } from "./default-classes.ts";
import { defaultTolerationSeconds } from "./default-toleration-seconds.ts";
import { limitRanger } from "./limit-ranger.ts";
import { namespaceLifecycle } from "./namespace-lifecycle.ts";
import { nodeRestriction } from "./node-restriction.ts";
import { podTopologyLabels } from "./pod-topology-labels.ts";
import { priority } from "./priority.ts";
import { runtimeClass } from "./runtime-class.ts";
import { serviceAccount } from "./service-account.ts";
import { persistentVolumeClaimResize, storageObjectInUseProtection } from "./storage.ts";
import { taintNodesByCondition } from "./taint-nodes-by-condition.ts";

export function builtinPlugins(options: {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: () => number;
}): readonly AdmissionPlugin[] {
  return [
    namespaceLifecycle(options),
    limitRanger(options),
    serviceAccount(options),
    nodeRestriction(options),
    taintNodesByCondition(),
    priority(options),
    defaultTolerationSeconds(),
    defaultStorageClass(options),
    storageObjectInUseProtection(),
    persistentVolumeClaimResize(options),
    runtimeClass(options),
    defaultIngressClass(options),
    podTopologyLabels(options),
  ];
}
