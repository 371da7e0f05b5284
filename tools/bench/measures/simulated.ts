// What simulated-run.ts prints.

export interface SimulatedRun {
  readonly nodes: number;
  readonly pods: number;
  readonly nodesReadyMs: number;
  readonly nodesMb: number;
  /** Pods that were seen running. */
  readonly running: number;
  readonly createdMs: number;
  readonly podsRunningMs: number;
  readonly podsCpu: number;
  readonly podsMb: number;
  readonly podStartP50: number;
  readonly podStartP99: number;
  readonly readP99: number;
  readonly writeP99: number;
  /** Absent: not deleted, or not in time. */
  readonly deletedMs?: number;
  readonly loadBefore: number;
  readonly loadAfter: number;
}

export function describeRun({ nodesMb, podsMb, loadBefore, loadAfter }: SimulatedRun): string {
  return `${nodesMb.toFixed(0)} MB with the nodes, ${podsMb.toFixed(0)} MB with the pods; load average ${loadBefore.toFixed(1)} to ${loadAfter.toFixed(1)}`;
}
