// Tells of containers that wait before they are tried again: one event for each wait.

import { Pod } from "#kinds/api/core-v1.gen.ts";
import type { AgentContext } from "../agent-context.ts";
import { isPullBackoff, podLabel } from "./container-status.ts";
import { fieldPathOf } from "./container-starter.ts";
import { attemptsOf, containerOf, type PodView } from "./pod-view.ts";

/** Returns what to call with each new view of the pod. */
export function createBackoffEvents(context: AgentContext): (view: PodView) => void {
  /** By container: what it was told of last. */
  const told = new Map<string, string>();
  return (view) => {
    for (const [name, { backoff, problem }] of view.memory) {
      const found = containerOf(view.pod, name);
      if (found === undefined) continue;
      const about = { resource: Pod, object: view.pod, fieldPath: fieldPathOf(found.kind, name) };
      const isNew = (wait: string) => told.get(name) !== wait && told.set(name, wait) !== undefined;
      if (problem !== undefined && isPullBackoff(problem, view.now)) {
        if (!isNew(`pull ${problem.at}`)) continue;
        context.events.event(about, "Normal", "BackOff", `Back-off pulling image "${found.container.image ?? ""}"`);
        context.events.event(about, "Warning", "Failed", "Error: ImagePullBackOff");
        continue;
      }
      const { latest } = attemptsOf(view, name);
      if (latest?.phase !== "exited" || backoff === undefined) continue;
      if ((latest.finishedAt ?? 0) + backoff.delayMs <= view.now || !isNew(latest.id)) continue;
      const message = `Back-off restarting failed container ${name} in pod ${podLabel(view.pod)}`;
      context.events.event(about, "Warning", "BackOff", message);
    }
  };
}
