// /containerLogs: which log is meant, and why there may be none yet.

import type { ContainerStatus, Pod } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { LogOptions } from "../logs.ts";
import { Refusal } from "./reply.ts";

export type LogRequest = Omit<LogOptions, "ended" | "signal"> & { readonly previous: boolean };

export function parseLogQuery(query: URLSearchParams, now: number): LogRequest {
  const number = (name: string) => {
    const text = query.get(name);
    if (text === null || text === "") return undefined;
    const value = Number(text);
    if (!Number.isInteger(value)) throw new Refusal(400, '{"message": "Unable to decode query."}');
    return value;
  };
  const isSet = (name: string) => query.get(name) === "true" || query.get(name) === "1";
  const tailLines = number("tailLines");
  const limitBytes = number("limitBytes");
  const sinceSeconds = number("sinceSeconds");
  const sinceTime = query.get("sinceTime");
  const sinceMs = sinceTime ? Date.parse(sinceTime) : sinceSeconds === undefined ? undefined : now - sinceSeconds * 1000;
  const stream = query.get("stream") || "All";
  if (sinceMs !== undefined && Number.isNaN(sinceMs)) throw new Refusal(400, '{"message": "Unable to decode query."}');
  if ((tailLines ?? 0) < 0 || (limitBytes ?? 1) < 1 || !["All", "Stdout", "Stderr"].includes(stream))
    throw new Refusal(422, '{"message": "Invalid request."}');
  return {
    follow: isSet("follow"),
    previous: isSet("previous"),
    timestamps: isSet("timestamps"),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    ...(stream === "All" ? {} : { stream: stream === "Stdout" ? ("stdout" as const) : ("stderr" as const) }),
  };
}

export function hasContainer({ spec }: DeepReadonly<Pod>, name: string): boolean {
  return [...(spec?.containers ?? []), ...(spec?.initContainers ?? []), ...(spec?.ephemeralContainers ?? [])].some(
    (container) => container.name === name,
  );
}

function statusOf({ status }: DeepReadonly<Pod>, name: string): DeepReadonly<ContainerStatus> | undefined {
  const all = [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []),
    ...(status?.ephemeralContainerStatuses ?? []),
  ];
  return all.find((container) => container.name === name);
}

/** Throws the kubelet's reason why a container has no log (yet). */
export function checkHasLog(pod: DeepReadonly<Pod>, name: string, previous: boolean): void {
  const label = `container ${JSON.stringify(name)} in pod ${JSON.stringify(pod.metadata?.name ?? "")}`;
  const status = statusOf(pod, name);
  if (status === undefined) throw new Refusal(400, `${label} is not available`);
  const last = status.lastState?.terminated;
  if (previous) {
    if (!last?.containerID) throw new Refusal(400, `previous terminated ${label} not found`);
    return;
  }
  const { waiting, running, terminated } = status.state ?? {};
  if (running) return;
  if (terminated) {
    // When the next attempt never started, the one before it is shown.
    if (!terminated.containerID && !last?.containerID) throw new Refusal(400, `${label} is terminated`);
    return;
  }
  if (last) {
    if (!last.containerID) throw new Refusal(400, `${label} is terminated`);
    return;
  }
  if (!waiting) throw new Refusal(400, `${label} is waiting to start - no logs yet`);
  const reason =
    waiting.reason === "ErrImagePull"
      ? "image can't be pulled"
      : waiting.reason === "ImagePullBackOff"
        ? "trying and failing to pull image"
        : (waiting.reason ?? "");
  throw new Refusal(400, `${label} is waiting to start: ${reason}`);
}
