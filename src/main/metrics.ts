// The metrics server in this process: its kinds are served from the start, its answers come once it is there.

import type { Client } from "#client/client.ts";
import type { MetricsSource } from "#kinds/metrics/source.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { serviceUnavailable } from "#meta/errors.ts";
import { createMetricsServer, type MetricsServer } from "#metrics/metrics-server.ts";
import type { NodeReading } from "#kinds/metrics/node-reading.ts";
import type { InformerSet } from "#reconcile/informer.ts";

export interface MetricsPart {
  /** For the API server, which is there before anything can be measured. */
  readonly source: MetricsSource;
  start(options: {
    readonly clientFor: (user: { readonly name: string; readonly groups?: readonly string[] }) => Client;
    readonly informers: InformerSet;
    /** Nodes of this process; undefined for others. */
    readonly readNode: (node: string) => Promise<NodeReading> | undefined;
    readonly clock: Clock;
    readonly log: Logger;
  }): MetricsServer;
}

const ACCOUNT = {
  name: "system:serviceaccount:kube-system:metrics-server",
  groups: ["system:serviceaccounts", "system:serviceaccounts:kube-system"],
};

export function createMetricsPart(): MetricsPart {
  let server: MetricsServer | undefined;
  const current = (): MetricsSource => {
    if (!server) throw serviceUnavailable("metrics are not collected yet");
    return server.source;
  };
  return {
    source: {
      node: async (name) => current().node(name),
      nodes: async (labels) => current().nodes(labels),
      pod: async (namespace, name) => current().pod(namespace, name),
      pods: async (namespace, labels) => current().pods(namespace, labels),
    },
    start({ clientFor, informers, readNode, clock, log }) {
      server = createMetricsServer({
        client: clientFor(ACCOUNT),
        informers,
        readLocally: readNode,
        clock,
        log: log.with({ component: "metrics-server" }),
      });
      return server;
    },
  };
}
