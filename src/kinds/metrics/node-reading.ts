// What a node tells of itself at one time: agents make it, the metrics server makes rates of it.

/** Times are ms since the epoch; sums grow from when the container or the machine started. */
export interface NodeReading {
  readonly at: number;
  /** Of the machine. Absent where containers are no programs: the node uses what they use. */
  readonly node?: { readonly cpuNanoSeconds: number; readonly memoryBytes: number };
  readonly containers: readonly ContainerReading[];
}

export interface ContainerReading {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly startedAt: number;
  readonly cpuNanoSeconds: number;
  readonly memoryBytes: number;
}
