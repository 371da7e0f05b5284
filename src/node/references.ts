// Keeps the ConfigMaps and Secrets that this node's pods name current, and only those: one watch per object, as the kubelet does.

import type { Client } from "#client/client.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";
import { createInformer, type Informer } from "#reconcile/informer.ts";

export interface References extends AsyncDisposable {
  /** The object as it is now, undefined if there is none. From then on the pod is told of its changes, until released. */
  get<T extends KubeObject>(podUid: string, resource: Resource<T>, namespace: string, name: string): Promise<DeepReadonly<T> | undefined>;
  /** The pod needs nothing any more. */
  release(podUid: string): void;
}

/** How long a pod's start waits for the server before it fails and is tried again. */
const SYNC_TIMEOUT_MS = 10_000;

export function createReferences(options: {
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Told when something that the pod named has changed. */
  readonly onChange: (podUid: string) => void;
}): References {
  interface Watched {
    readonly informer: Informer<KubeObject>;
    readonly users: Set<string>;
  }
  const { clock } = options;
  const watched = new Map<string, Watched>();

  const start = <T extends KubeObject>(resource: Resource<T>, namespace: string, name: string): Watched => {
    const informer = createInformer(resource, { ...options, namespace, fieldSelector: `metadata.name=${name}` });
    const users = new Set<string>();
    informer.subscribe((change) => {
      if (change.initial) return;
      for (const uid of users) options.onChange(uid);
    });
    return { informer: informer as unknown as Informer<KubeObject>, users }; // the map's key stands for T
  };

  return {
    async get<T extends KubeObject>(podUid: string, resource: Resource<T>, namespace: string, name: string) {
      const id = `${resource.plural}/${namespace}/${name}`;
      let entry = watched.get(id);
      if (entry === undefined) watched.set(id, (entry = start(resource, namespace, name)));
      entry.users.add(podUid);
      const { informer } = entry;
      if (!informer.hasSynced) {
        const late = new AbortController();
        const timeout = clock.sleep(SYNC_TIMEOUT_MS, late.signal).then(
          () => Promise.reject(new Error(`failed to sync ${resource.kind.toLowerCase()} cache: timed out waiting for the condition`)),
          () => {},
        );
        await Promise.race([informer.synced, timeout]).finally(() => late.abort());
      }
      return informer.get(`${namespace}/${name}`) as DeepReadonly<T> | undefined; // as above
    },
    release(podUid) {
      for (const [id, { informer, users }] of watched) {
        if (!users.delete(podUid) || users.size > 0) continue;
        watched.delete(id);
        void informer[Symbol.asyncDispose]();
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(Array.from(watched.values(), ({ informer }) => informer[Symbol.asyncDispose]()));
      watched.clear();
    },
  };
}
