// The metrics server: measures what nodes and pods use, for kubectl top and the autoscalers. Answers through the API server.

import { errorOf, readText } from "#client/body.ts";
import type { Client } from "#client/client.ts";
import { Node, Pod } from "#kinds/api/core-v1.gen.ts";
import type { MetricsSource } from "#kinds/metrics/source.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import type { InformerSet } from "#reconcile/informer.ts";
import { createCollector } from "./collector.ts";
import type { NodeReading } from "#kinds/metrics/node-reading.ts";
import { parseResourceMetrics } from "./resource-metrics.ts";
import { createMetricsSource } from "./source.ts";

export interface MetricsServerOptions {
  /** Reads nodes' metrics through the API server, as ServiceAccount metrics-server. */
  readonly client: Client;
  readonly informers: InformerSet;
  /** A shorter way to nodes of this process; undefined for others. */
  readonly readLocally?: (node: string) => Promise<NodeReading> | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface MetricsServer {
  readonly source: MetricsSource;
  stop(): Promise<void>;
}

/** Does nothing until it is asked. */
export function createMetricsServer({ client, informers, readLocally, clock, log }: MetricsServerOptions): MetricsServer {
  const nodes = informers.informer(Node);
  const pods = informers.informer(Pod);
  const collector = createCollector({
    nodes: () => nodes.list().map(({ metadata }) => metadata?.name ?? ""),
    read: (node, signal) => readLocally?.(node) ?? readThroughApi(client, node, clock.now, signal),
    clock,
    log,
  });
  return { source: createMetricsSource({ collector, nodes, pods, now: clock.now }), stop: collector.stop };
}

async function readThroughApi(client: Client, node: string, now: () => number, signal: AbortSignal): Promise<NodeReading> {
  const path = `/api/v1/nodes/${encodeURIComponent(node)}/proxy/metrics/resource`;
  const request = { method: "GET", path, headers: { accept: "text/plain" }, signal } as const;
  const response = await client.transport(request);
  if (response.status !== 200) throw await errorOf(request, response);
  return parseResourceMetrics(await readText(response.body), now());
}
