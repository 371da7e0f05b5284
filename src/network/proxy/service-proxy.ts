// The service network of process pods: listens on cluster addresses and node ports and forwards to endpoints.

import type { Client } from "#client/client.ts";
import { Service } from "#kinds/api/core-v1.gen.ts";
import { EndpointSlice } from "#kinds/api/discovery-v1.gen.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { makeKey } from "#meta/object.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import type { InformerSet } from "#reconcile/informer.ts";
import { type Balancer, createBalancer } from "./balancer.ts";
import { hasTerminating, type Listener, planListeners, SERVICE_NAME_LABEL } from "./plan.ts";
import { keepProxyLease } from "./proxy-lease.ts";
import { type Forwarder, forwardTcp } from "./tcp-forwarder.ts";
import { forwardUdp, type UdpForwarder } from "./udp-forwarder.ts";

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
  readonly forwarder: Forwarder | UdpForwarder;
}

const BY_SERVICE = "byService";

export function startServiceProxy(options: ServiceProxyOptions): ServiceProxy {
  const { client, clock, events, informers, log, random } = options;
  const services = informers.informer(Service);
  const slices = informers.informer(EndpointSlice);
  slices.addIndex(BY_SERVICE, (slice) => {
    const name = slice.metadata?.labels?.[SERVICE_NAME_LABEL];
    return name === undefined ? [] : [makeKey(slice.metadata?.namespace, name)];
  });
  const lease = keepProxyLease({ client, clock, log, name: options.name });
  const running = new Map<string, Running>();
  let scheduled = false;
  let stopped = false;

  const start = (listener: Listener) => {
    const balancer = createBalancer(clock, listener, random);
    const forwarder = listener.protocol === "TCP" ? forwardTcp(listener, balancer) : forwardUdp(listener, balancer, clock);
    running.set(listener.id, { listener, balancer, forwarder });
    forwarder.listening.catch((error: NodeJS.ErrnoException) => {
      const message = `cannot listen on ${listener.ip}:${listener.port}/${listener.protocol}: ${explain(error, listener.port)}`;
      log.warn("service port not served", { service: listener.service, error: message });
      const object = services.get(listener.service);
      if (object) events.event({ resource: Service, object }, "Warning", "FailedToListen", message);
    });
  };
  const apply = () => {
    scheduled = false;
    if (stopped) return;
    const revision = slices.revision;
    const plan = planListeners(services.list(), (key) => slices.byIndex(BY_SERVICE, key), options);
    for (const [id, { forwarder }] of running) {
      if (plan.has(id)) continue;
      running.delete(id);
      void forwarder.close(false);
    }
    for (const listener of plan.values()) {
      const present = running.get(listener.id);
      if (!present) {
        start(listener);
        continue;
      }
      present.listener = listener;
      present.balancer.update(listener);
      if ("keepOnly" in present.forwarder) present.forwarder.keepOnly(listener.backends);
    }
    // Only then is somebody waiting to hear of it.
    if (hasTerminating(slices.list())) lease.report(revision);
  };
  const schedule = () => {
    if (scheduled || stopped) return;
    scheduled = true;
    queueMicrotask(apply);
  };
  const subscriptions = [services.subscribe(schedule), slices.subscribe(schedule)];
  const synced = Promise.all([services.synced, slices.synced]).then(async () => {
    apply();
    await Promise.allSettled([...running.values()].map(({ forwarder }) => forwarder.listening));
  });
  return {
    synced,
    async stop() {
      stopped = true;
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      await Promise.all([...running.values()].map(({ forwarder }) => forwarder.close(true)));
      running.clear();
      await lease.close();
    },
  };
}

function explain(error: NodeJS.ErrnoException, port: number): string {
  if (error.code === "EACCES")
    return `permission denied: ports below 1024 need root, or sysctl net.ipv4.ip_unprivileged_port_start=${port}; use a port of 1024 or above`;
  if (error.code === "EADDRINUSE") return "another program uses the address";
  return error.message;
}
