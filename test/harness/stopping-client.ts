// A client that dies after its n-th write: what a process sees of the world when it is killed between two of its writes.

import type { Client } from "#client/client.ts";
import type { KubeObject } from "#meta/object.ts";
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
  const { lastWrite, ignores = (resource) => resource.plural === "events" } = options;
  let writes = 0;
  let stopped = false;
  const write = async <R>(resource: Resource, call: () => Promise<R>): Promise<R> => {
    if (ignores(resource)) return call();
    if (writes >= lastWrite) {
      stopped = true;
      throw new Error(`stopped after write ${lastWrite}`);
    }
    writes++;
    return call();
  };
  const stopping: Client = {
    transport: client.transport,
    get: (resource, key, callOptions) => client.get(resource, key, callOptions),
    list: (resource, callOptions) => client.list(resource, callOptions),
    watch: (resource, callOptions) => client.watch(resource, callOptions),
    getSubresource: (resource, key, subresource, callOptions) => client.getSubresource(resource, key, subresource, callOptions),
    create: (resource, object, callOptions) => write(resource, () => client.create(resource, object, callOptions)),
    update: (resource, object, callOptions) => write(resource, () => client.update(resource, object, callOptions)),
    updateStatus: (resource, object, callOptions) => write(resource, () => client.updateStatus(resource, object, callOptions)),
    patch: (resource, key, patch, callOptions) => write(resource, () => client.patch(resource, key, patch, callOptions)),
    delete: (resource, key, callOptions) => write(resource, () => client.delete(resource, key, callOptions)),
    deleteCollection: (resource, callOptions) => write(resource, () => client.deleteCollection(resource, callOptions)),
    createSubresource: <T extends KubeObject>(
      ...[resource, key, subresource, object, callOptions]: Parameters<Client["createSubresource"]>
    ) => write(resource, () => client.createSubresource(resource, key, subresource, object as T, callOptions)),
    updateSubresource: <T extends KubeObject>(
      ...[resource, key, subresource, object, callOptions]: Parameters<Client["updateSubresource"]>
    ) => write(resource, () => client.updateSubresource(resource, key, subresource, object as T, callOptions)),
  };
  return {
    client: stopping,
    get writes() {
      return writes;
    },
    get stopped() {
      return stopped;
    },
  };
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
