// How a simulated container behaves, as its pod's annotations say. Pure. docs/simulated.md is the users' page.

import { milliValue, quantityValue } from "#meta/quantity.ts";

export interface Behaviour {
  /** From the order to start until it runs. */
  readonly startMs: number;
  /** Running time after which readiness and startup probes succeed. */
  readonly readyAfterMs: number;
  /** Running time after which readiness probes fail again. */
  readonly unreadyAfterMs: number;
  /** Running time after which liveness probes fail. */
  readonly sickAfterMs: number;
  /** Running time after which it ends by itself. */
  readonly exitAfterMs: number;
  readonly exitCode: number;
  readonly exitReason: string | undefined;
  /** From SIGTERM to its end; it ends with stopCode. */
  readonly stopMs: number;
  readonly stopCode: number;
  /** `Reason: message` of a start that fails. */
  readonly startError: string | undefined;
}

export interface Usage {
  readonly cpuNanoCores: number;
  readonly memoryBytes: number;
}

const PREFIX = "kobune.dev/";
/** Set by the agent: what sort of container this is. */
export const KIND_ANNOTATION = "kobune.dev/container-kind";

/** `kobune.dev/<name>.<container>` wins over `kobune.dev/<name>`. Unreadable numbers count as absent. */
export function behaviourOf(annotations: Readonly<Record<string, string>>, container: string, attempt: number): Behaviour {
  const text = (name: string): string | undefined => textOf(annotations, container, name);
  const number = (name: string, otherwise: number): number => {
    const value = text(name);
    const parsed = value === undefined || value === "" ? NaN : Number(value);
    return Number.isFinite(parsed) ? parsed : otherwise;
  };
  const isInit = annotations[KIND_ANNOTATION] === "init";
  // What only the first attempts do is left out later.
  const fails = attempt < number("fail-attempts", Infinity);
  return {
    startMs: Math.max(0, number("start-ms", 0)),
    readyAfterMs: number("ready-after-ms", 0),
    unreadyAfterMs: number("unready-after-ms", Infinity),
    sickAfterMs: fails ? number("sick-after-ms", Infinity) : Infinity,
    exitAfterMs: fails ? number("exit-after-ms", isInit ? 0 : Infinity) : isInit ? 0 : Infinity,
    exitCode: fails ? number("exit-code", 0) : 0,
    exitReason: fails ? text("exit-reason") : undefined,
    stopMs: Math.max(0, number("stop-ms", 0)),
    stopCode: number("stop-code", 0),
    startError: fails ? text("start-error") : undefined,
  };
}

/** What a container uses, as its pod's annotations say now: unlike its other behaviour, it changes with them. */
export function usageOf(annotations: Readonly<Record<string, string>>, container: string): Usage {
  const amount = (name: string, read: (value: string) => number): number => {
    const value = textOf(annotations, container, name);
    if (value === undefined) return 0;
    try {
      return Math.max(0, read(value));
    } catch {
      return 0;
    }
  };
  return { cpuNanoCores: amount("cpu", (value) => milliValue(value) * 1e6), memoryBytes: amount("memory", quantityValue) };
}

function textOf(annotations: Readonly<Record<string, string>>, container: string, name: string): string | undefined {
  return annotations[`${PREFIX}${name}.${container}`] ?? annotations[PREFIX + name];
}
