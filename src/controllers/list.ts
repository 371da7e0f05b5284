// The controllers that belong to no single kind. Those of one kind are listed in kinds/controllers.ts.

import type { ControllerDefinition, LoopDefinition } from "#reconcile/controller.ts";
import { certificateApprover, certificateCleaner, certificateSigner, type SignCertificate } from "./certificates/controllers.ts";
import { bootstrapLoop, type BootstrapOptions } from "./bootstrap.ts";
import { eventExpiry, type EventExpiryOptions } from "./event-expiry.ts";
import { garbageCollector, type GarbageCollectorOptions } from "./garbage-collector/garbage-collector.ts";
import { nodeLifecycleController, type NodeLifecycleOptions } from "./node/node-lifecycle.ts";
import { nodeTtlController } from "./node/node-ttl.ts";
import { taintEvictionController } from "./node/taint-eviction.ts";
import { podGarbageCollector, type PodGarbageCollectorOptions } from "./pod-garbage-collector.ts";
import { rootCaPublisher } from "./root-ca-publisher.ts";
import { tokenSecretsController, type TokenSecretsOptions } from "./token-secrets.ts";

export interface BuiltinControllersOptions {
  /** PEM of the CA that pods verify the API server with; absent: nothing is published. */
  readonly ca?: string;
  /** Absent: nobody looks after the system namespaces and default/kubernetes. */
  readonly bootstrap?: BootstrapOptions;
  /** Signs certificates with the cluster's CA; absent: requests are approved and cleaned, and nobody signs them. */
  readonly signCertificate?: SignCertificate;
  /** Signs tokens for Secrets; absent (or without `ca`): Secrets stay empty. */
  readonly signToken?: TokenSecretsOptions["sign"];
  readonly garbageCollector?: GarbageCollectorOptions;
  readonly nodeLifecycle?: NodeLifecycleOptions;
  readonly podGarbageCollector?: PodGarbageCollectorOptions;
  readonly eventExpiry?: EventExpiryOptions;
}

/** Fresh values for one cluster: some of them remember what they saw. For runControllers(), together with kindControllers. */
export function builtinControllers(options: BuiltinControllersOptions): {
  readonly controllers: readonly ControllerDefinition[];
  readonly loops: readonly LoopDefinition[];
} {
  return {
    controllers: [
      ...(options.ca !== undefined ? [rootCaPublisher(options.ca)] : []),
      ...(options.ca !== undefined && options.signToken ? [tokenSecretsController({ ca: options.ca, sign: options.signToken })] : []),
      certificateApprover,
      ...(options.signCertificate ? [certificateSigner(options.signCertificate)] : []),
      nodeLifecycleController(options.nodeLifecycle),
      taintEvictionController(),
      nodeTtlController(),
    ],
    loops: [
      garbageCollector(options.garbageCollector),
      podGarbageCollector(options.podGarbageCollector),
      eventExpiry(options.eventExpiry),
      certificateCleaner,
      ...(options.bootstrap ? [bootstrapLoop(options.bootstrap)] : []),
    ],
  };
}
