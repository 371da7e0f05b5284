// Keeps as many pods as a ReplicationController asks for: what a ReplicaSet does, with an older form of selector.

import { ReplicationController } from "#kinds/api/core-v1.gen.ts";
import { replicaController } from "#kinds/apps/replica-set/controller.ts";
import { labelSetMatcher } from "#meta/selectors.ts";

export const replicationControllerController = replicaController({
  name: "replication-controller",
  resource: ReplicationController,
  selector: (controller) => labelSetMatcher(controller.spec?.selector),
  countsTerminating: false,
});
