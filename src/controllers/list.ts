// The controllers that belong to no single kind. Those of one kind are listed in kinds/controllers.ts.

import type { ControllerDefinition, LoopDefinition } from "#reconcile/controller.ts";
import { bootstrapLoop, type BootstrapOptions } from "./bootstrap.ts";
import { eventExpiry, type EventExpiryOptions } from "./event-expiry.ts";
import { garbageCollector, type GarbageCollectorOptions } from "./garbage-collector/garbage-collector.ts";
import { nodeLifecycleController, type NodeLifecycleOptions } from "./node/node-lifecycle.ts";
import { taintEvictionController } from "./node/taint-eviction.ts";
import { podGarbageCollector, type PodGarbageCollectorOptions } from "./pod-garbage-collector.ts";
import { rootCaPublisher } from "./root-ca-publisher.ts";

export interface BuiltinControllersOptions {
  /** PEM of the CA that pods verify the API server with; absent: nothing is published. */
  readonly ca?: string;
  /** Absent: nobody looks after the system namespaces and default/kubernetes. */
  readonly bootstrap?: BootstrapOptions;
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
      nodeLifecycleController(options.nodeLifecycle),
      taintEvictionController(),
    ],
    loops: [
      garbageCollector(options.garbageCollector),
      podGarbageCollector(options.podGarbageCollector),
      eventExpiry(options.eventExpiry),
      ...(options.bootstrap ? [bootstrapLoop(options.bootstrap)] : []),
    ],
  };
}
