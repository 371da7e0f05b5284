// The control plane's loops: controllers and scheduler, each with an identity of its own, all over one set of caches.

import type { Client } from "#client/client.ts";
import { bootstrapObjects } from "#controllers/bootstrap.ts";
import { type BuiltinControllersOptions, builtinControllers } from "#controllers/list.ts";
import { kindControllers } from "#kinds/controllers.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { ConfigMap, Secret } from "#kinds/api/core-v1.gen.ts";
import { withoutForeignData } from "#controllers/root-ca-publisher.ts";
import { withoutOtherSecretsData } from "#controllers/token-secrets.ts";
import type { Resource } from "#meta/resource.ts";
import { createInformerSet, type InformerSet } from "#reconcile/informer.ts";
import { runControllers } from "#reconcile/run-controllers.ts";
import { startScheduler } from "#scheduler/scheduler.ts";
import { StorageClass } from "#kinds/api/storage-v1.gen.ts";
import { localPathClass } from "#kinds/storage/local-path/local-path.ts";
import { isAlreadyExists } from "#meta/errors.ts";
import type { AddressPlan } from "./address-plan.ts";
import { controllerIdentity } from "./identities.ts";

export interface ControlLoopsOptions {
  readonly clientFor: (user: { readonly name: string; readonly groups?: readonly string[] }) => Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly plan: AddressPlan;
  /** PEM, published to every namespace. */
  readonly ca: string;
  readonly signCertificate: NonNullable<BuiltinControllersOptions["signCertificate"]>;
  readonly signToken: NonNullable<BuiltinControllersOptions["signToken"]>;
  /** Where the API server listens. */
  readonly port: number;
}

export interface ControlLoops {
  /** The caches that they share; stopped with them. */
  readonly informers: InformerSet;
  stop(): Promise<void>;
}

/** Resolves when the system's own objects exist; the loops go on syncing behind. */
export async function startControlLoops(options: ControlLoopsOptions): Promise<ControlLoops> {
  const { clientFor, clock, log, random } = options;
  const system = { serviceIp: options.plan.kubernetesServiceIp, address: "127.0.0.1", port: options.port };
  const admin = clientFor({ name: "system:apiserver", groups: ["system:masters"] });
  await Promise.all([bootstrapObjects(admin, system), makeDefaultClass(admin)]);

  // The caches read everything: they act as the controller manager, the writes as each controller's own account.
  const reader = clientFor({ name: "system:kube-controller-manager", groups: ["system:masters"] });
  // ConfigMaps and Secrets can be many and large, and the loops look into those that they write only.
  const reductions = new Map([
    [ConfigMap.plural, withoutForeignData],
    [Secret.plural, withoutOtherSecretsData],
  ]);
  const reduceOf = ({ group, plural }: Resource) => (group === "" ? reductions.get(plural) : undefined);
  const informers = createInformerSet({ client: reader, clock, log, random, reduceOf });
  const { controllers, loops } = builtinControllers({
    ca: options.ca,
    signCertificate: options.signCertificate,
    signToken: options.signToken,
    bootstrap: system,
  });
  const running = await runControllers({
    controllers: [...kindControllers(), ...controllers],
    loops,
    clientFor: (name) => clientFor(controllerIdentity(name)),
    informers,
    clock,
    log: log.with({ component: "controllers" }),
    random,
  });
  const scheduler = startScheduler({
    client: clientFor({ name: "system:kube-scheduler" }),
    informers,
    clock,
    log: log.with({ component: "scheduler" }),
    random,
  });
  return {
    informers,
    async stop() {
      await scheduler.stop();
      await running.stop();
      await informers[Symbol.asyncDispose]();
    },
  };
}

/** Only when the cluster starts: who deletes the class while it runs wants it gone. */
async function makeDefaultClass(client: Client): Promise<void> {
  await client.create(StorageClass, localPathClass()).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  });
}
