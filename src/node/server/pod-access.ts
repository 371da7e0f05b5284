// What the node's API needs of the agents behind it. One server may stand before several agents of one process.

import type { Duplex } from "node:stream";
import type { Pod } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { LogOptions } from "../logs.ts";
import type { ContainerUsage, ExecIo } from "../runtime.ts";

export interface ContainerStats extends ContainerUsage {
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

export interface PodStats {
  readonly pod: DeepReadonly<Pod>;
  readonly containers: readonly ContainerStats[];
}

export interface PodAccess {
  readonly nodeName: string;
  /** Containers are no programs of this host, so that its own usage is not theirs. */
  readonly virtual: boolean;
  pods(): readonly DeepReadonly<Pod>[];
  pod(namespace: string, name: string): DeepReadonly<Pod> | undefined;
  /** Resolves to the exit code; rejects if the command could not be started. */
  exec(namespace: string, pod: string, container: string, command: readonly string[], io: ExecIo): Promise<number>;
  /** Resolves when the container ends or the client goes. */
  attach(namespace: string, pod: string, container: string, io: ExecIo): Promise<void>;
  /** Rejects if there is no such log. */
  logs(
    namespace: string,
    pod: string,
    container: string,
    options: Omit<LogOptions, "ended"> & { readonly previous?: boolean },
  ): Promise<AsyncIterable<Uint8Array>>;
  /** A connection to a port inside the pod. */
  portForward(namespace: string, pod: string, port: number): Promise<Duplex>;
  stats(): Promise<readonly PodStats[]>;
}
