// The service network of process pods: listens on cluster addresses and node ports and forwards to endpoints.

import type { Client } from "#client/client.ts";
import { Service } from "#kinds/api/core-v1.gen.ts";
import { EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import type { Clock, Timer } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { type DeepReadonly, type Key, keyOf, makeKey } from "#meta/object.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import type { InformerSet } from "#reconcile/informer.ts";
import { type Balancer, createBalancer } from "./balancer.ts";
import { createListenerTable } from "./listener-table.ts";
import { hasTerminating, type Listener, planService, SERVICE_NAME_LABEL } from "./plan.ts";
import { keepProxyLease } from "./proxy-lease.ts";
import { type Forwarder, forwardTcp } from "./tcp-forwarder.ts";
import { forwardUdp } from "./udp-forwarder.ts";

export interface ServiceProxyOptions {
  readonly client: Client;
  readonly informers: InformerSet;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Unique in the cluster; names the proxy's lease. */
  readonly name: string;
  /** Addresses that node ports are served on. */
  readonly nodeAddresses: readonly string[];
}

export interface ServiceProxy {
  /** Resolves when the first full plan is applied. */
  readonly synced: Promise<void>;
  stop(): Promise<void>;
}

interface Running {
  listener: Listener;
  readonly balancer: Balancer;
  readonly forwarder: Forwarder;
}

const BY_SERVICE = "byService";
/** An address that another program has taken may come free. */
const RETRY_MS = 30_000;

/** The Service by which pods reach the API server. */
const API_SERVICE = "default/kubernetes";

export function startServiceProxy(options: ServiceProxyOptions): ServiceProxy {
  const { client, clock, events, informers, log, random } = options;
  const services = informers.informer(Service);
  const slices = informers.informer(EndpointSlice);
  slices.addIndex(BY_SERVICE, (slice) => [serviceOf(slice)].filter((key) => key !== undefined));
  const lease = keepProxyLease({ client, clock, log, name: options.name });
  const table = createListenerTable();
  const running = new Map<string, Running>();
  /** Services to plan anew. */
  const dirty = new Set<Key>();
  /** Slices with an endpoint that somebody may wait for to be let go. */
  const terminating = new Set<Key>();
  const retries = new Set<Timer>();
  let scheduled = false;
  let ready = false;
  let stopped = false;

  const start = (listener: Listener) => {
    const balancer = createBalancer(clock, listener, random);
    const forwarder = listener.protocol === "TCP" ? forwardTcp(listener, balancer) : forwardUdp(listener, balancer, clock);
    const entry = { listener, balancer, forwarder };
    running.set(listener.id, entry);
    forwarder.listening.catch((error: NodeJS.ErrnoException) => {
      if (running.get(listener.id) !== entry || stopped) return;
      running.delete(listener.id);
      // Without root this port is out of reach on every start; pods are given the API server's own address instead.
      if (error.code === "EACCES" && listener.service === API_SERVICE) return;
      const message = `cannot listen on ${listener.ip}:${listener.port}/${listener.protocol}: ${explain(error, listener.port)}`;
      log.warn("service port not served", { service: listener.service, error: message });
      const object = services.get(listener.service);
      if (object) events.event({ resource: Service, object }, "Warning", "FailedToListen", message);
      const timer = clock.after(RETRY_MS, () => {
        retries.delete(timer);
        apply(listener.id);
      });
      retries.add(timer);
    });
  };
  /** Makes what runs at an address what the table says. */
  const apply = (id: string) => {
    const wanted = table.get(id);
    const present = running.get(id);
    if (!wanted) {
      running.delete(id);
      void present?.forwarder.close(false);
    } else if (!present) start(wanted);
    else {
      present.listener = wanted;
      present.balancer.update(wanted);
      present.forwarder.backendsChanged(wanted.backends);
    }
  };
  const applyDirty = () => {
    scheduled = false;
    if (stopped || !ready) return;
    const revision = slices.revision;
    const changed = new Set<string>();
    for (const key of dirty) {
      const service = services.get(key);
      const listeners = service ? planService(service, slices.byIndex(BY_SERVICE, key), options) : [];
      for (const id of table.replace(key, service?.metadata?.creationTimestamp ?? "", listeners)) changed.add(id);
    }
    dirty.clear();
    // First what goes: it may hold an address that comes.
    for (const id of changed) if (!table.get(id)) apply(id);
    for (const id of changed) if (table.get(id)) apply(id);
    // Only then is somebody waiting to hear of it.
    if (terminating.size > 0) lease.report(revision);
  };
  const mark = (key: Key | undefined) => {
    if (key !== undefined) dirty.add(key);
    if (scheduled || stopped || !ready) return;
    scheduled = true;
    queueMicrotask(applyDirty);
  };
  const subscriptions = [
    services.subscribe(({ before, after }) => {
      const service = after ?? before;
      if (service) mark(keyOf(service));
    }),
    slices.subscribe(({ before, after }) => {
      const slice = after ?? before;
      if (!slice) return;
      if (after && hasTerminating(after)) terminating.add(keyOf(slice));
      else terminating.delete(keyOf(slice));
      if (before) mark(serviceOf(before));
      if (after) mark(serviceOf(after));
    }),
  ];
  const synced = Promise.all([services.synced, slices.synced]).then(async () => {
    ready = true;
    applyDirty();
    await Promise.allSettled([...running.values()].map(({ forwarder }) => forwarder.listening));
  });
  return {
    synced,
    async stop() {
      stopped = true;
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      for (const timer of retries) timer.cancel();
      await Promise.all([...running.values()].map(({ forwarder }) => forwarder.close(true)));
      running.clear();
      await lease.close();
    },
  };
}

/** The Service a slice belongs to. */
function serviceOf(slice: DeepReadonly<EndpointSlice>): Key | undefined {
  const name = slice.metadata?.labels?.[SERVICE_NAME_LABEL];
  return name === undefined ? undefined : makeKey(slice.metadata?.namespace, name);
}

function explain(error: NodeJS.ErrnoException, port: number): string {
  if (error.code === "EACCES")
    return `permission denied: ports below 1024 need root, or sysctl net.ipv4.ip_unprivileged_port_start=${port}; use a port of 1024 or above`;
  if (error.code === "EADDRINUSE") return "another program uses the address";
  return error.message;
}
