// Pods: what the server does to them before they are stored.

import { equal } from "#lib/equal.ts";
import type { Pod } from "#kinds/api/core-v1.gen.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { podColumns } from "./columns.ts";
import { defaultPod } from "./defaults.ts";
import { throughEphemeralContainers, throughResize } from "./doors.ts";
import { preparePod } from "./prepare.ts";
import { validatePod } from "./validate.ts";
import { podWarnings } from "./warnings.ts";

/** Pods on no node, and those that have ended, have nobody to wait for. */
export function podGracePeriodSeconds(pod: DeepReadonly<Pod>, requested: number | undefined): number {
  const phase = pod.status?.phase;
  if (!pod.spec?.nodeName || phase === "Failed" || phase === "Succeeded") return 0;
  const period = requested ?? pod.spec.terminationGracePeriodSeconds ?? 0;
  return period < 0 ? 1 : period;
}

/** What writers through a door to a pod can own. */
const OWNABLE: Readonly<Record<string, readonly (readonly string[])[]>> = {
  ephemeralcontainers: [["spec", "ephemeralContainers"]],
  resize: ["containers", "initContainers"].flatMap((list) => [
    ["spec", list, "*", "resources"],
    ["spec", list, "*", "resizePolicy"],
  ]),
};

export const podHooks: KindHooks<Pod> = {
  returnsDeleted: true,
  default: defaultPod,
  // Being put on a node is no change of what is desired: upstream's binding goes around the rule, and nothing else may set the node.
  generation: (next, previous) => next.spec?.nodeName === previous.spec?.nodeName && !equal(next.spec, previous.spec),
  prepare: preparePod,
  validate: (next, previous, context) => validatePod(next, previous, context.subresource),
  doors: { ephemeralcontainers: throughEphemeralContainers, resize: throughResize },
  statusKeepsMetadata: ["ownerReferences"],
  ownableFields: (subresource) => OWNABLE[subresource],
  warnings: podWarnings,
  columns: podColumns,
  selectableFields: (pod) => ({
    "spec.nodeName": pod.spec?.nodeName ?? "",
    // What clients from before v1 call it.
    "spec.host": pod.spec?.nodeName ?? "",
    "spec.restartPolicy": pod.spec?.restartPolicy ?? "",
    "spec.schedulerName": pod.spec?.schedulerName ?? "",
    "spec.serviceAccountName": pod.spec?.serviceAccountName ?? "",
    "spec.hostNetwork": String(pod.spec?.hostNetwork ?? false),
    "status.phase": pod.status?.phase ?? "",
    "status.podIP": pod.status?.podIPs?.[0]?.ip ?? "",
    // Known, but upstream has no value for it.
    "status.podIPs": "",
    "status.nominatedNodeName": pod.status?.nominatedNodeName ?? "",
  }),
  selectableFieldNames: [
    "spec.nodeName",
    "spec.host",
    "spec.restartPolicy",
    "spec.schedulerName",
    "spec.serviceAccountName",
    "spec.hostNetwork",
    "status.phase",
    "status.podIP",
    "status.podIPs",
    "status.nominatedNodeName",
  ],
  gracePeriodSeconds: podGracePeriodSeconds,
};
