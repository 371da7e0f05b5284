// For stories about controllers: a real API server in memory with the built-in kinds, controllers on it, a virtual clock.

import { createApiServer } from "#apiserver/api-server.ts";
import { inProcessTransport } from "#apiserver/in-process.ts";
import type { Client } from "#client/client.ts";
import { createClient } from "#client/create-client.ts";
import { builtinKinds } from "#kinds/builtin-kinds.ts";
import { evictionExtension } from "#kinds/core/pod/eviction/server.ts";
import { createVirtualClock, type VirtualClock } from "#lib/clock.ts";
import { createLogger } from "#lib/log.ts";
import { isNotFound } from "#meta/errors.ts";
import type { Key, KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
import type { ControllerDefinition, LoopDefinition } from "#reconcile/controller.ts";
import { runControllers, type RunningControllers } from "#reconcile/run-controllers.ts";
import { createMemoryStore } from "#store/memory-store.ts";
import { withDiscovery } from "./discovery-stand-in.ts";

export interface StoryCluster extends AsyncDisposable {
  readonly client: Client;
  readonly clock: VirtualClock;
  /** Warnings and errors of the controllers. */
  readonly log: readonly string[];
  readonly running: RunningControllers;
  /** Moves time on in steps until `condition` holds; fails after `withinMs` of virtual time. */
  eventually(what: string, condition: () => Promise<boolean>, withinMs?: number): Promise<void>;
  exists(resource: Resource, key: Key): Promise<boolean>;
  /** Creates an object and gives it as stored. */
  make<T extends KubeObject>(resource: Resource<T>, object: T): Promise<T>;
}

export async function startStory(options: {
  readonly controllers?: readonly ControllerDefinition[];
  readonly loops?: readonly LoopDefinition[];
}): Promise<StoryCluster> {
  const clock = createVirtualClock();
  const store = createMemoryStore();
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647; // Park and Miller: repeatable
  const log: string[] = [];
  const logger = createLogger({ level: process.env["LOG"] ? "debug" : "warn", write: (line) => void log.push(line), now: clock.now });
  const server = await createApiServer({
    store,
    kinds: builtinKinds(),
    clock,
    log: logger,
    random,
    authenticators: () => [],
    authorizers: () => [{ authorize: () => ({ allowed: true, reason: "" }) }],
    extensions: [evictionExtension()],
    version: { major: "1", minor: "36", gitVersion: "v1.36.0+test" },
  });
  const kinds = builtinKinds();
  const clientFor = (name: string) => {
    const user = { name, groups: ["system:masters", "system:authenticated"] };
    return createClient(withDiscovery(inProcessTransport(server, user), kinds));
  };
  const running = await runControllers({
    controllers: options.controllers ?? [],
    loops: options.loops ?? [],
    clientFor,
    clock,
    log: logger,
    random,
    freeze: true,
  });
  await running.synced;
  const client = clientFor("admin");
  return {
    client,
    clock,
    log,
    running,
    async eventually(what, condition, withinMs = 60_000) {
      const deadline = clock.now() + withinMs;
      for (let step = 0; !(await condition()); step = Math.min(step * 2 + 1, 1000)) {
        if (clock.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}\n${log.slice(-2).join("\n").slice(0, 1500)}`);
        await clock.advance(step);
      }
    },
    async exists(resource, key) {
      try {
        await client.get(resource, key);
        return true;
      } catch (error) {
        if (isNotFound(error)) return false;
        throw error;
      }
    },
    make: (resource, object) => client.create(resource, object),
    async [Symbol.asyncDispose]() {
      await running.stop();
      await server.stop();
      await store.close();
    },
  };
}
