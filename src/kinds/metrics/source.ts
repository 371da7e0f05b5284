// Who knows what nodes and pods use.

import type { LabelMatcher } from "#meta/selectors.ts";
import type { NodeMetrics, PodMetrics } from "./kinds.ts";

/** All reject with ApiErrors: notFound for what is not there or not measured yet. Objects are the caller's. */
export interface MetricsSource {
  node(name: string): Promise<NodeMetrics>;
  /** Those whose metrics are known, of nodes whose labels match. */
  nodes(labels: LabelMatcher): Promise<readonly NodeMetrics[]>;
  pod(namespace: string, name: string): Promise<PodMetrics>;
  /** `namespace` "": of all. */
  pods(namespace: string, labels: LabelMatcher): Promise<readonly PodMetrics[]>;
}
