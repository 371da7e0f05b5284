// Read-your-writes: a client that remembers what was written under a key, so that the loop can wait until the caches show it.

import type { Client } from "#client/client.ts";
import type { Key, KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";

/** A write as the caches will see it: the version it made, or the object that it took away. */
export type Write =
  | { readonly resource: Resource; readonly revision: number }
  | { readonly resource: Resource; readonly key: Key; readonly goneUid: string };

/** `client`, with every write that succeeded told to `onWrite`. */
export function trackWrites(client: Client, onWrite: (write: Write) => void): Client {
  const wrote = <T extends KubeObject>(resource: Resource, object: T): T => {
    const revision = Number(object.metadata?.resourceVersion);
    if (Number.isSafeInteger(revision) && revision > 0) onWrite({ resource, revision });
    return object;
  };
  return {
    transport: client.transport,
    get: (resource, key, options) => client.get(resource, key, options),
    list: (resource, options) => client.list(resource, options),
    watch: (resource, options) => client.watch(resource, options),
    getSubresource: (resource, key, subresource, options) => client.getSubresource(resource, key, subresource, options),
    create: async (resource, object, options) => wrote(resource, await client.create(resource, object, options)),
    update: async (resource, object, options) => wrote(resource, await client.update(resource, object, options)),
    updateStatus: async (resource, object, options) => wrote(resource, await client.updateStatus(resource, object, options)),
    patch: async (resource, key, patch, options) => wrote(resource, await client.patch(resource, key, patch, options)),
    delete: async (resource, key, options) => {
      const answer = await client.delete(resource, key, options);
      const goneUid = (answer as { details?: { uid?: string } }).details?.uid; // a Status has details, an object that lives on has not
      if (answer.kind !== "Status") wrote(resource, answer);
      else if (goneUid !== undefined) onWrite({ resource, key, goneUid });
      return answer;
    },
    deleteCollection: (resource, options) => client.deleteCollection(resource, options),
    createSubresource: async (resource, key, subresource, object, options) =>
      wrote(resource, await client.createSubresource(resource, key, subresource, object, options)),
    updateSubresource: async (resource, key, subresource, object, options) =>
      wrote(resource, await client.updateSubresource(resource, key, subresource, object, options)),
  };
}
