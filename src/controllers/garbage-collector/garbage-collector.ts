// Deletes objects whose owners are gone, in the order their deletion asked for, over all kinds the server serves. Before
// it deletes anything it asks the server itself, since its watches may be behind or ahead of one another.

import { discoverChanges, type Discovery } from "#client/discovery.ts";
import { createBackoff } from "#lib/backoff.ts";
import { createLru } from "#lib/lru.ts";
import { isConflict, isNotFound } from "#meta/errors.ts";
import { makeKey, type DeepReadonly, type KubeObject, type OwnerReference } from "#meta/object.ts";
import { apiVersionOf, groupResource, parseApiVersion, type Resource } from "#meta/resource.ts";
import type { LoopContext, LoopDefinition } from "#reconcile/controller.ts";
import { createInformer, type Informer } from "#reconcile/informer.ts";
import { createWorkQueue, type WorkQueue } from "#reconcile/work-queue.ts";
import { blockersOf, decide, type OwnerState } from "./decide.ts";
import { createOwnerGraph, FOREGROUND, ORPHAN, type Node, type OwnerGraph, type Work } from "./graph.ts";

export interface GarbageCollectorOptions {
  /** How long after the start it begins: its watches are many and nothing waits for them. Default 1 s. */
  readonly startDelayMs?: number;
  /** How often it looks for new kinds; default 30 s, as upstream. */
  readonly refreshMs?: number;
  /** Default 20, as upstream. */
  readonly concurrency?: number;
}

/** Kinds that own nothing, are owned by nothing, and come in masses. As upstream. */
const IGNORED: ReadonlySet<string> = new Set(["events", "events.events.k8s.io"]);
/** An owner that another watch has not shown yet is given so long before the server is asked. */
const SECOND_LOOK_MS = 200;
const ABSENT_OWNERS = 500;
const SYNC_PATIENCE_MS = 30_000;

export function garbageCollector(options: GarbageCollectorOptions = {}): LoopDefinition {
  const { startDelayMs = 1000, refreshMs = 30_000, concurrency = 20 } = options;
  return {
    name: "generic-garbage-collector",
    eventSource: "garbage-collector-controller",
    async run(context) {
      const { clock, signal, log } = context;
      await clock.sleep(startDelayMs, signal).catch(() => {}); // only rejects when stopped, looked at next
      if (signal.aborted) return;
      const collector = createCollector(context);
      const lookForKinds = discoverChanges(context.client);
      const workers = Array.from({ length: concurrency }, () => collector.work());
      const backoff = createBackoff({ initialMs: 1000, maxMs: refreshMs });
      try {
        while (!signal.aborted) {
          let delayMs = refreshMs;
          try {
            const discovery = await lookForKinds(signal);
            if (discovery) await collector.follow(discovery);
            backoff.reset();
          } catch (error) {
            if (signal.aborted) break;
            log.warn("kinds could not be discovered", { error });
            delayMs = backoff.next();
          }
          await clock.sleep(delayMs, signal).catch(() => {}); // as above
        }
      } finally {
        await collector.close();
        await Promise.all(workers);
      }
    },
  };
}

interface Source {
  readonly informer: Informer<KubeObject>;
  readonly subscription: Disposable;
  /** Made here, so ended here. */
  readonly own: boolean;
}

function createCollector(context: LoopContext) {
  const { client, clock, log, signal, informers, events, random } = context;
  const graph: OwnerGraph = createOwnerGraph();
  const deletes: WorkQueue = createWorkQueue({ clock });
  const sources = new Map<string, Source>();
  const served = new Map<string, Resource>();
  /** Owners that the server said do not exist; uids are never used again. */
  const absent = createLru<string, true>(ABSENT_OWNERS);
  let filled = false;

  const enqueue = ({ attemptDelete, attemptOrphan }: Work, delayMs = 0) => {
    // Until all watches have synced, every owner is unknown.
    if (!filled) return;
    for (const uid of attemptDelete) {
      if (delayMs > 0) deletes.addAfter(uid, delayMs);
      else deletes.add(uid);
    }
    for (const uid of attemptOrphan) deletes.add(uid);
  };

  const onChange = (resource: Resource, before: DeepReadonly<KubeObject> | undefined, after: DeepReadonly<KubeObject> | undefined) => {
    const goneUid = before?.metadata?.uid;
    if (goneUid !== undefined && goneUid !== after?.metadata?.uid) {
      absent.set(goneUid, true);
      enqueue(graph.forget(goneUid));
    }
    if (!after) return;
    const work = graph.observe(resource, after);
    for (const reference of work.crossNamespace ?? []) warnCrossNamespace(resource, after, reference);
    const unknown = !before && after.metadata?.ownerReferences?.some(({ uid }) => !graph.get(uid));
    enqueue(work, unknown ? SECOND_LOOK_MS : 0);
  };

  const warnCrossNamespace = (resource: Resource, object: DeepReadonly<KubeObject>, owner: DeepReadonly<OwnerReference>) => {
    const namespace = object.metadata?.namespace ?? "";
    const shown = `[${owner.apiVersion}/${owner.kind}, namespace: ${namespace}, name: ${owner.name}, uid: ${owner.uid}]`;
    const message = `ownerRef ${shown} does not exist in namespace ${JSON.stringify(namespace)}`;
    events.event({ resource, object }, "Warning", "OwnerRefInvalidNamespace", message);
  };

  const idOf = (resource: Resource) => `${apiVersionOf(resource)}/${resource.plural}`;

  /** Watches what discovery shows, and stops watching what it no longer shows. */
  async function follow({ resources, failed }: Discovery): Promise<void> {
    const wanted = new Map<string, Resource>();
    served.clear();
    for (const resource of resources) {
      served.set(`${apiVersionOf(resource)}/${resource.kind}`, resource);
      const followed = ["delete", "list", "watch"].every((verb) => resource.verbs.includes(verb));
      if (followed && !IGNORED.has(groupResource(resource))) wanted.set(idOf(resource), resource);
    }
    for (const [id, resource] of wanted) if (!sources.has(id)) sources.set(id, openSource(resource));
    for (const [id, source] of sources) {
      // A group that could not be asked may still be there.
      if (wanted.has(id) || failed.has(apiVersionOf(source.informer.resource))) continue;
      sources.delete(id);
      source.subscription[Symbol.dispose]();
      for (const object of source.informer.list()) onChange(source.informer.resource, object, undefined);
      if (source.own) await source.informer[Symbol.asyncDispose]();
    }
    if (filled) return;
    // One kind that cannot be watched must not keep all others from being collected: whoever is deleted is verified first.
    const enough = new AbortController();
    const late = clock.sleep(SYNC_PATIENCE_MS, AbortSignal.any([signal, enough.signal])).catch(() => {}); // stopped, or all synced
    await Promise.race([late, Promise.all(Array.from(sources.values(), ({ informer }) => informer.synced))]);
    enough.abort();
    if (signal.aborted) return;
    filled = true;
    log.info("garbage collector follows all kinds", { kinds: sources.size, objects: graph.size });
    for (const uid of graph.withUnknownOwners()) deletes.add(uid, { priority: "background" });
    for (const { informer } of sources.values()) {
      for (const object of informer.list()) {
        if (object.metadata?.deletionTimestamp && object.metadata.uid && object.metadata.finalizers?.includes(ORPHAN))
          deletes.add(object.metadata.uid);
      }
    }
  }

  /** Shares the cache that a controller has anyway; otherwise keeps metadata only. */
  function openSource(resource: Resource): Source {
    const shared = informers.existing(resource);
    const informer = shared ?? createInformer(resource, { client, clock, log, random, metadataOnly: true, reduce: metadataOf });
    const subscription = informer.subscribe(({ before, after }) => onChange(resource, before, after));
    return { informer, subscription, own: !shared };
  }

  async function work(): Promise<void> {
    for (let uid = await deletes.next(); uid !== undefined; uid = await deletes.next()) {
      try {
        await attempt(uid);
        deletes.forget(uid);
      } catch (error) {
        if (!signal.aborted) {
          const node = graph.get(uid);
          const fields = { kind: node?.resource.kind, object: node ? makeKey(node.namespace, node.name) : uid, error };
          if (isConflict(error)) log.debug("garbage collection met a conflict", fields);
          else log.error("garbage collection failed", fields);
          deletes.addRateLimited(uid);
        }
      } finally {
        deletes.done(uid);
      }
    }
  }

  async function attempt(uid: string): Promise<void> {
    const node = graph.get(uid);
    if (!node) return;
    if (node.deleting && !node.awaitsDependents && !node.orphansDependents) return;
    if (node.orphansDependents) return orphan(node);
    const live = await getLive(node);
    if (!live) {
      // Deleted, and the watch has not said so yet; or it never existed in this namespace.
      absent.set(uid, true);
      enqueue(graph.forget(uid));
      return;
    }
    if (node.awaitsDependents) return release(node);

    const owners: { reference: OwnerReference; state: OwnerState }[] = [];
    for (const reference of live.metadata?.ownerReferences ?? []) owners.push({ reference, state: await ownerState(reference, node) });
    const dependents = [...graph.dependentsOf(uid)];
    const decision = decide(live.metadata ?? {}, owners, dependents);
    if (decision.do === "nothing") return;
    const key = makeKey(node.namespace, node.name);
    const resourceVersion = live.metadata?.resourceVersion;
    if (decision.do === "dropOwners") {
      const left = live.metadata?.ownerReferences?.filter((reference) => !decision.uids.includes(reference.uid)) ?? [];
      await client.patch(node.resource, key, { metadata: { uid, resourceVersion, ownerReferences: left } }, { signal });
      return;
    }
    let precondition = resourceVersion;
    if (decision.unblock) {
      const unblocked = live.metadata?.ownerReferences?.map((reference) => ({ ...reference, blockOwnerDeletion: false })) ?? [];
      const patched = await client.patch(
        node.resource,
        key,
        { metadata: { uid, resourceVersion, ownerReferences: unblocked } },
        { signal },
      );
      precondition = patched.metadata?.resourceVersion;
    }
    try {
      await client.delete(node.resource, key, {
        propagationPolicy: decision.policy,
        preconditions: { uid, ...(precondition !== undefined ? { resourceVersion: precondition } : {}) },
        signal,
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  /** The object as the server has it now; undefined if it is gone or is another one by now. */
  async function getLive(node: Node): Promise<KubeObject | undefined> {
    try {
      const live = await client.get(node.resource, makeKey(node.namespace, node.name), { signal });
      return live.metadata?.uid === node.uid ? live : undefined;
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async function ownerState(reference: OwnerReference, node: Node): Promise<OwnerState> {
    if (absent.get(reference.uid)) return "absent";
    const resource = served.get(`${reference.apiVersion}/${reference.kind}`) ?? otherVersion(reference);
    // The kind may come back (an extension server that is away): never taken for absent.
    if (!resource) throw new Error(`owner's kind is not served: ${reference.apiVersion} ${reference.kind}`);
    if (resource.namespaced && node.namespace === "") {
      // Upstream: a cluster-scoped object cannot have such an owner; it is left alone.
      return "solid";
    }
    const known = graph.get(reference.uid);
    const matches = known && known.name === reference.name && known.namespace === (resource.namespaced ? node.namespace : "");
    if (known && matches) return known.awaitsDependents ? "waiting" : "solid";
    let uid: string | undefined;
    let awaits = false;
    try {
      const owner = await client.get(resource, makeKey(resource.namespaced ? node.namespace : "", reference.name), { signal });
      uid = owner.metadata?.uid;
      awaits = owner.metadata?.deletionTimestamp !== undefined && (owner.metadata.finalizers?.includes(FOREGROUND) ?? false);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    if (uid === reference.uid) return awaits ? "waiting" : "solid";
    // The uid lives elsewhere (another namespace): absent for this object, not for others.
    if (!known) absent.set(reference.uid, true);
    return "absent";
  }

  /** References keep the version they were written with; the kind is served in another one now. */
  function otherVersion(reference: OwnerReference): Resource | undefined {
    const { group } = parseApiVersion(reference.apiVersion);
    for (const resource of served.values()) if (resource.group === group && resource.kind === reference.kind) return resource;
    return undefined;
  }

  /** An owner that waits for its dependents goes as soon as none blocks it. */
  async function release(node: Node): Promise<void> {
    const blockers = blockersOf(node, graph.dependentsOf(node.uid));
    if (blockers.length === 0) return removeFinalizer(node, FOREGROUND);
    for (const blocker of blockers) if (!blocker.awaitsDependents) deletes.add(blocker.uid);
  }

  /** Makes the dependents forget the owner, then lets it go. */
  async function orphan(node: Node): Promise<void> {
    await Promise.all(
      Array.from(graph.dependentsOf(node.uid), async (dependent) => {
        const live = await getLive(dependent);
        const left = live?.metadata?.ownerReferences?.filter((reference) => reference.uid !== node.uid);
        if (!live || !left || left.length === live.metadata?.ownerReferences?.length) return;
        const metadata = { uid: dependent.uid, resourceVersion: live.metadata?.resourceVersion, ownerReferences: left };
        try {
          await client.patch(dependent.resource, makeKey(dependent.namespace, dependent.name), { metadata }, { signal });
        } catch (error) {
          if (!isNotFound(error)) throw error;
        }
      }),
    );
    await removeFinalizer(node, ORPHAN);
  }

  async function removeFinalizer(node: Node, finalizer: string): Promise<void> {
    const live = await getLive(node);
    const finalizers = live?.metadata?.finalizers;
    if (!live || !finalizers?.includes(finalizer)) return;
    const metadata = {
      uid: node.uid,
      resourceVersion: live.metadata?.resourceVersion,
      finalizers: finalizers.filter((other) => other !== finalizer),
    };
    try {
      await client.patch(node.resource, makeKey(node.namespace, node.name), { metadata }, { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async function close(): Promise<void> {
    const closing = deletes.close();
    for (const { subscription } of sources.values()) subscription[Symbol.dispose]();
    await Promise.all(Array.from(sources.values(), ({ informer, own }) => (own ? informer[Symbol.asyncDispose]() : undefined)));
    await closing;
  }

  return { follow, work, close };
}

/** All that the collector looks at; the rest of the object is let go at once. */
function metadataOf(object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, ownerReferences, finalizers, deletionTimestamp } = object.metadata ?? {};
  return {
    metadata: {
      ...(name !== undefined ? { name } : {}),
      ...(namespace !== undefined ? { namespace } : {}),
      ...(uid !== undefined ? { uid } : {}),
      ...(resourceVersion !== undefined ? { resourceVersion } : {}),
      ...(ownerReferences ? { ownerReferences } : {}),
      ...(finalizers ? { finalizers } : {}),
      ...(deletionTimestamp !== undefined ? { deletionTimestamp } : {}),
    },
  };
}
