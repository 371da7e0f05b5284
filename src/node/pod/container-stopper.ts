// Stops one container: preStop hook, SIGTERM, grace period, SIGKILL. The hook's time counts towards the grace period.

import { Pod } from "#kinds/api/core-v1.gen.ts";
import type { AgentContext } from "../agent-context.ts";
import { runHandler } from "../probes/handlers.ts";
import type { Sandbox } from "../runtime.ts";
import { fieldPathOf } from "./container-starter.ts";
import type { ContainerKind, ContainerObject, PodObject } from "./pod-view.ts";

/** What a program gets after its hook, however long that took. */
const MIN_GRACE_MS = 2000;

export interface StopRequest {
  readonly pod: PodObject;
  readonly sandbox: Sandbox | undefined;
  readonly container: ContainerObject;
  readonly kind: ContainerKind;
  readonly id: string;
  readonly graceMs: number;
  readonly hooks: boolean;
  /** Text of the Killing event. */
  readonly message: string;
  /** Cuts the hook short. */
  readonly hurry: AbortSignal;
}

export async function stopContainer(request: StopRequest, context: AgentContext): Promise<void> {
  const { pod, container, id, kind } = request;
  const about = { resource: Pod, object: pod, fieldPath: fieldPathOf(kind, container.name) };
  context.events.event(about, "Normal", "Killing", request.message);
  let graceMs = request.graceMs;
  const hook = container.lifecycle?.preStop;
  if (hook && request.hooks && graceMs > 0) {
    const startedAt = context.clock.now();
    const target = { ...context, sandboxId: request.sandbox?.id ?? "", podIp: request.sandbox?.ips[0] ?? "", container, containerId: id };
    const { ok, output } = await runHandler(hook, target, graceMs, request.hurry);
    if (!ok && !request.hurry.aborted) {
      context.events.event(about, "Warning", "FailedPreStopHook", `PreStopHook failed${output === "" ? "" : `: ${output}`}`);
    }
    graceMs = request.hurry.aborted ? 0 : Math.max(graceMs - (context.clock.now() - startedAt), MIN_GRACE_MS);
  }
  await context.runtime.stopContainer(id, graceMs, container.lifecycle?.stopSignal ?? "SIGTERM");
}
