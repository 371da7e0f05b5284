// Pods as the deciding functions see them, written shortly. For tests.

import type { Container, PodSpec, PodStatus } from "#kinds/api/core-v1.gen.ts";
import type { ContainerState } from "../runtime.ts";
import { lostContainers, type ContainerMemory, type PodObject, type PodView, type ProbeStanding } from "./pod-view.ts";

/** The fixture's now: 2026-01-01T00:10:00Z. */
export const NOW = Date.UTC(2026, 0, 1, 0, 10);

/** A container's attempt, ten seconds ago unless told otherwise. */
export function attempt(name: string, number: number, more: Partial<ContainerState> & { phase: ContainerState["phase"] }): ContainerState {
  const at = NOW - 10_000;
  return {
    id: `${name}-${number}`,
    name,
    podUid: "u1",
    attempt: number,
    createdAt: at,
    ...(more.phase === "created" ? {} : { startedAt: at }),
    ...(more.phase === "exited" ? { finishedAt: NOW - 1000, exitCode: 0, reason: more.exitCode ? "Error" : "Completed" } : {}),
    ...more,
  };
}

export const runs = (name: string, number = 0): ContainerState => attempt(name, number, { phase: "running" });
export const ended = (name: string, exitCode: number, number = 0): ContainerState => attempt(name, number, { phase: "exited", exitCode });

export interface ViewOptions {
  readonly spec?: Partial<PodSpec>;
  readonly status?: PodStatus;
  readonly metadata?: PodObject["metadata"];
  /** Default: one, `a`. */
  readonly apps?: readonly Partial<Container>[];
  readonly init?: readonly Partial<Container>[];
  readonly states?: readonly ContainerState[];
  readonly memory?: Readonly<Record<string, ContainerMemory>>;
  /** By container id. */
  readonly probes?: Readonly<Record<string, Partial<ProbeStanding>>>;
  readonly sandbox?: boolean;
  readonly stopping?: readonly string[];
  readonly endingSince?: number;
}

const named = (containers: readonly Partial<Container>[], prefix: string): Container[] =>
  containers.map((container, index) => ({ name: `${prefix}${index + 1}`, image: "i", ...container }));

export function viewOf(options: ViewOptions): PodView {
  const { spec, status = {}, metadata, apps = [{ name: "a" }], init, states = [], memory = {}, probes = {} } = options;
  const pod: PodObject = {
    metadata: { name: "p", namespace: "default", uid: "u1", generation: 3, ...metadata },
    spec: {
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      containers: named(apps, "a"),
      ...(init ? { initContainers: named(init, "i") } : {}),
      ...spec,
    },
    status,
  };
  return {
    pod,
    now: NOW,
    sandbox: options.sandbox === false ? undefined : { id: "s", ips: ["10.0.0.5"] },
    containers: [...states, ...lostContainers(pod, states, NOW)],
    memory: new Map(Object.entries(memory)),
    probes: (id) => {
      const standing = probes[id];
      return standing && { startup: undefined, readiness: undefined, liveness: undefined, ...standing };
    },
    stopping: new Set(options.stopping),
    endingSince: options.endingSince,
  };
}

/** Probes whose kind of action does not matter. */
export const PROBE = { httpGet: { port: 80 } };
