// What all parts of a node agent share.

import type { Client } from "#client/client.ts";
import type { Service } from "#kinds/api/core-v1.gen.ts";
import type { Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { EventRecorder } from "#reconcile/events.ts";
import type { PodObject } from "./pod/pod-view.ts";
import type { References } from "./references.ts";
import type { Runtime } from "./runtime.ts";

export interface AgentContext {
  readonly nodeName: string;
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly events: EventRecorder;
  readonly runtime: Runtime;
  readonly references: References;
  /** The agent's folder; pods' volumes and logs are below it. */
  readonly dataDir: string;
  readonly hostIps: readonly string[];
  readonly allocatable: Readonly<Record<string, string>>;
  /** Services of a namespace, for environment variables. */
  readonly services: (namespace: string) => readonly DeepReadonly<Service>[];
  /** Where pods reach the API server: KUBERNETES_SERVICE_HOST and _PORT. */
  readonly apiServerAddress: { readonly host: string; readonly port: number } | undefined;
  /** Resolves when no balancer sends the pod new connections any more; bounded by whoever provides it. */
  readonly waitForEndpointRemoval: ((pod: PodObject) => Promise<void>) | undefined;
}

/** Where a container's log is: `<namespace>_<pod>_<uid>/<container>/<attempt>.log`, as the kubelet lays it out. */
export function podLogFolder(dataDir: string, pod: PodObject): string {
  const { namespace = "", name = "", uid = "" } = pod.metadata ?? {};
  return `${dataDir}/logs/${namespace}_${name}_${uid}`;
}

export function podFolder(dataDir: string, uid: string): string {
  return `${dataDir}/pods/${uid}`;
}
