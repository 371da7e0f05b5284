// What a delete does to an object; pure. Follows upstream's BeforeDelete and its registry's handling of finalizers.

import { clone } from "#lib/clone.ts";
import type { KindDefinition } from "#meta/kind.ts";
import type { DeepReadonly, KubeObject, ObjectMeta } from "#meta/object.ts";
import type { DeleteOptions } from "./delete-options.ts";
import { timestamp } from "./write-call.ts";

export type DeletionPlan =
  /** Its deletion is under way. `pending`: it waits for the end of a grace period. */
  | { readonly do: "nothing"; readonly pending: boolean }
  | { readonly do: "remove" }
  /** It stays, like this, until nothing holds it any more. */
  | { readonly do: "mark"; readonly object: KubeObject }
  /** It goes at once, but is shown like this first. */
  | { readonly do: "mark and remove"; readonly object: KubeObject };

const ORPHAN = "orphan";
const FOREGROUND = "foregroundDeletion";

export function planDeletion(
  definition: KindDefinition,
  current: DeepReadonly<KubeObject>,
  options: DeleteOptions,
  nowMs: number,
): DeletionPlan {
  const next = clone(current) as KubeObject; // clone drops the read-only marks of the shared object
  const metadata: ObjectMeta = (next.metadata ??= {});
  if (definition.holdsDeletion) {
    const held = planHeld(definition, next, options, nowMs);
    if (held) return held;
  }
  const grace = planGrace(definition, metadata, next, options, nowMs);
  if (grace === "pending") return { do: "nothing", pending: true };
  const finalizers = planFinalizers(definition, metadata, options);
  setFinalizers(metadata, finalizers);
  if (grace === "graceful") {
    const stays = (metadata.deletionGracePeriodSeconds ?? 0) > 0 || finalizers.length > 0;
    return { do: stays ? "mark" : "mark and remove", object: next };
  }
  if (finalizers.length === 0) return { do: "remove" };
  markAsDeleting(metadata, nowMs);
  definition.onDeletion?.(next);
  return { do: "mark", object: next };
}

/** The first delete of an object that ends in its own way only marks it; later ones change nothing until it lets go. */
function planHeld(definition: KindDefinition, next: KubeObject, options: DeleteOptions, nowMs: number): DeletionPlan | undefined {
  const metadata: ObjectMeta = (next.metadata ??= {});
  if (metadata.deletionTimestamp !== undefined) {
    return definition.holdsDeletion?.(next) ? { do: "nothing", pending: false } : undefined;
  }
  if (!definition.holdsDeletion?.(next)) return undefined;
  metadata.deletionTimestamp = timestamp(nowMs);
  definition.onDeletion?.(next);
  // Here, unlike elsewhere, upstream takes "no orphans" for a deletion in the foreground.
  const policy = options.orphanDependents === false ? { propagationPolicy: "Foreground" as const } : options;
  setFinalizers(metadata, planFinalizers(definition, metadata, policy));
  return { do: "mark", object: next };
}

/** Sets when the object's grace period ends, if it has one. "none": it knows no grace, or that is over. */
function planGrace(
  definition: KindDefinition,
  metadata: ObjectMeta,
  object: KubeObject,
  options: DeleteOptions,
  nowMs: number,
): "none" | "pending" | "graceful" {
  const hook = definition.gracePeriodSeconds;
  if (!hook) return "none";
  // Upstream takes a negative period for one second.
  const atLeast = (seconds: number | undefined) => (seconds !== undefined && seconds < 0 ? 1 : seconds);
  const requested = atLeast(options.gracePeriodSeconds);
  if (metadata.deletionTimestamp !== undefined) {
    const running = atLeast(metadata.deletionGracePeriodSeconds);
    if (!running) return "none";
    // A later delete may only shorten the period.
    if (requested === undefined || requested >= running) return "pending";
    const endMs = Date.parse(metadata.deletionTimestamp) + (requested - running) * 1000;
    metadata.deletionTimestamp = timestamp(Math.max(endMs, nowMs));
    // If all of the shorter period has passed, whoever ends the object still has a moment for it.
    metadata.deletionGracePeriodSeconds = endMs < nowMs && requested !== 0 ? 1 : requested;
    return "graceful";
  }
  const seconds = hook(object, requested);
  if (seconds === undefined) return "none";
  metadata.deletionTimestamp = timestamp(nowMs + seconds * 1000);
  metadata.deletionGracePeriodSeconds = seconds;
  if (metadata.generation) metadata.generation++;
  return "graceful";
}

function markAsDeleting(metadata: ObjectMeta, nowMs: number): void {
  if (metadata.deletionTimestamp === undefined && metadata.generation) metadata.generation++;
  if (metadata.deletionTimestamp === undefined || Date.parse(metadata.deletionTimestamp) > nowMs) {
    metadata.deletionTimestamp = timestamp(nowMs);
  }
  metadata.deletionGracePeriodSeconds = 0;
}

/** The finalizers after the garbage collector's two were set as the options say. */
function planFinalizers(definition: KindDefinition, metadata: ObjectMeta, options: DeleteOptions): readonly string[] {
  const present = metadata.finalizers ?? [];
  const wanted = propagation(definition, present, options);
  const has = (name: string) => present.includes(name);
  if (has(ORPHAN) === (wanted === "Orphan") && has(FOREGROUND) === (wanted === "Foreground")) return present;
  const others = present.filter((name) => name !== ORPHAN && name !== FOREGROUND);
  if (wanted === "Orphan") return [...others, ORPHAN];
  return wanted === "Foreground" ? [...others, FOREGROUND] : others;
}

function setFinalizers(metadata: ObjectMeta, finalizers: readonly string[]): void {
  if (finalizers.length > 0) metadata.finalizers = [...finalizers];
  else delete metadata.finalizers;
}

function propagation(
  definition: KindDefinition,
  present: readonly string[],
  options: DeleteOptions,
): "Orphan" | "Foreground" | "Background" {
  const byDefault = definition.defaultPropagation ?? "Background";
  if (byDefault === "Unsupported") return "Background";
  if (options.orphanDependents !== undefined) return options.orphanDependents ? "Orphan" : "Background";
  if (options.propagationPolicy !== undefined) return options.propagationPolicy;
  // The first of them counts.
  const first = present.find((name) => name === ORPHAN || name === FOREGROUND);
  if (first !== undefined) return first === ORPHAN ? "Orphan" : "Foreground";
  return byDefault;
}
