// One controller beside a cluster's others, with a client and caches of its own: to be stopped and started again.

import type { Client } from "#client/client.ts";
import { silentLogger } from "#lib/log.ts";
import type { ControllerDefinition } from "#reconcile/controller.ts";
import { runControllers } from "#reconcile/run-controllers.ts";
import type { WorkloadCluster } from "./workload-cluster.ts";

/** Runs the controller with this client until the condition holds, then stops it. */
export async function runUntil(
  cluster: WorkloadCluster,
  controller: ControllerDefinition,
  client: Client,
  what: string,
  condition: () => Promise<boolean>,
): Promise<void> {
  const running = await runControllers({
    controllers: [controller],
    clientFor: () => client,
    clock: cluster.clock,
    log: silentLogger,
    random: () => 0.5,
    freeze: true,
  });
  await running.synced;
  await cluster.eventually(what, condition, 300_000);
  await running.stop();
}
