// A client that dies after its n-th write: what a process sees of the world when it is killed between two of its writes.

import type { Client } from "#client/client.ts";
import type { Resource } from "#meta/resource.ts";

export interface StoppingClient {
  readonly client: Client;
  /** Writes that reached the server. */
  readonly writes: number;
  /** Whether a write was kept from the server. */
  readonly stopped: boolean;
}

export interface StoppingClientOptions {
  /** The last write that gets through; from then on every write is refused, as if nobody listened. */
  readonly lastWrite: number;
  /** Writes that are neither counted nor refused; default: Events, which tell of a change and make none. */
  readonly ignores?: (resource: Resource) => boolean;
}

/** `client` until its last write. Reads go on, so that who is to be stopped sees the world and may want to write again; it cannot. */
export function stoppingClient(client: Client, options: StoppingClientOptions): StoppingClient {
  const { lastWrite, ignores = isEvents } = options;
  let writes = 0;
  let stopped = false;
  return {
    client: interceptWrites(client, async (resource, call) => {
      if (ignores(resource)) return call();
      if (writes >= lastWrite) {
        stopped = true;
        throw new Error(`stopped after write ${lastWrite}`);
      }
      writes++;
      return call();
    }),
    get writes() {
      return writes;
    },
    get stopped() {
      return stopped;
    },
  };
}

const isEvents = (resource: Resource): boolean => resource.plural === "events";

/** `client`, whose writes are given to `write`: it may make the call, or not, or lose its answer. */
export function interceptWrites(client: Client, write: <R>(resource: Resource, call: () => Promise<R>) => Promise<R>): Client {
  return {
    // Who speaks to the server directly writes too; which resource it is, is told only of whole collections.
    transport: (request) => {
      const send = () => client.transport(request);
      const plural = request.path.split("/").at(-1) ?? "";
      return request.method === "GET" ? send() : write({ group: "", version: "", kind: "", plural, namespaced: true }, send);
    },
    get: (resource, key, options) => client.get(resource, key, options),
    list: (resource, options) => client.list(resource, options),
    watch: (resource, options) => client.watch(resource, options),
    getSubresource: (resource, key, subresource, options) => client.getSubresource(resource, key, subresource, options),
    create: (resource, object, options) => write(resource, () => client.create(resource, object, options)),
    update: (resource, object, options) => write(resource, () => client.update(resource, object, options)),
    updateStatus: (resource, object, options) => write(resource, () => client.updateStatus(resource, object, options)),
    patch: (resource, key, patch, options) => write(resource, () => client.patch(resource, key, patch, options)),
    delete: (resource, key, options) => write(resource, () => client.delete(resource, key, options)),
    deleteCollection: (resource, options) => write(resource, () => client.deleteCollection(resource, options)),
    createSubresource: (resource, key, subresource, object, options) =>
      write(resource, () => client.createSubresource(resource, key, subresource, object, options)),
    updateSubresource: (resource, key, subresource, object, options) =>
      write(resource, () => client.updateSubresource(resource, key, subresource, object, options)),
  };
}

/**
 * `client` that fails at random: of its writes `share` (0 to 1) do not arrive, and as many arrive and their answers are lost. Events are let
 * through. `random` gives numbers in [0, 1): seed it, and print the seed.
 */
export function failingClient(client: Client, share: number, random: () => number): Client {
  return interceptWrites(client, async (resource, call) => {
    if (isEvents(resource)) return call();
    if (random() < share) throw new Error("connection refused");
    const answer = await call();
    if (random() < share) throw new Error("connection lost");
    return answer;
  });
}

/**
 * Runs `story` with a client that dies after one write, after two, and so on, until it gets through without being stopped. Gives how many
 * runs were stopped. The story starts what is to be stopped with the client, waits until it is done or `stopped`, and goes on without it.
 */
export async function stopAtEveryWrite(
  client: Client,
  story: (stopping: StoppingClient, lastWrite: number) => Promise<void>,
  options: Omit<StoppingClientOptions, "lastWrite"> = {},
): Promise<number> {
  for (let lastWrite = 0; ; lastWrite++) {
    const stopping = stoppingClient(client, { ...options, lastWrite });
    try {
      await story(stopping, lastWrite);
    } catch (error) {
      throw new Error(`stopped after write ${lastWrite}`, { cause: error });
    }
    if (!stopping.stopped) return lastWrite;
  }
}
