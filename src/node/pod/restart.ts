// When an ended container runs again, and after what pause. The figures are the kubelet's.

import type { ContainerState } from "../runtime.ts";
import type { ContainerKind, ContainerObject, CrashBackoff } from "./pod-view.ts";

export const CRASH_BACKOFF_MS = 10_000;
export const MAX_CRASH_BACKOFF_MS = 300_000;

/** Whether a container that ended with `exitCode` is to run again. */
export function shouldRestart(container: ContainerObject, kind: ContainerKind, podPolicy: string | undefined, exitCode: number): boolean {
  if (kind === "ephemeral") return false;
  for (const rule of container.restartPolicyRules ?? []) {
    const listed = rule.exitCodes?.values?.includes(exitCode) ?? false;
    if (rule.action === "Restart" && rule.exitCodes && listed === (rule.exitCodes.operator === "In")) return true;
  }
  const policy = container.restartPolicy ?? podPolicy ?? "Always";
  if (policy === "Never") return false;
  // An init container that has done its work is never run again.
  if (policy === "OnFailure" || kind === "init") return exitCode !== 0;
  return true;
}

/** Until when an ended container has to wait for its restart; undefined: no longer. */
export function crashWait(ended: ContainerState, backoff: CrashBackoff | undefined, now: number): number | undefined {
  const finishedAt = ended.finishedAt ?? 0;
  if (backoff === undefined || ended.attempt < (backoff.attempt ?? 0) || isForgotten(backoff, finishedAt)) return undefined;
  const until = finishedAt + backoff.delayMs;
  return until > now ? until : undefined;
}

/** The back-off that the restart of an ended container leaves behind. */
export function nextCrashBackoff(ended: ContainerState, backoff: CrashBackoff | undefined, now: number): CrashBackoff {
  const fresh = backoff === undefined || isForgotten(backoff, ended.finishedAt ?? 0);
  const delayMs = fresh ? CRASH_BACKOFF_MS : Math.min(backoff.delayMs * 2, MAX_CRASH_BACKOFF_MS);
  return { delayMs, at: now, attempt: ended.attempt + 1 };
}

/** A container that ran for ten minutes starts with a clean slate. */
function isForgotten(backoff: CrashBackoff, finishedAt: number): boolean {
  return finishedAt - backoff.at > 2 * MAX_CRASH_BACKOFF_MS;
}

/** Go's form of a duration in whole seconds, as messages have it: 10s, 1m20s, 5m0s. */
export function formatSeconds(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
