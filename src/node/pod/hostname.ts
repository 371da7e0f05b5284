// A pod's host name. Pure.

import type { PodObject } from "./pod-view.ts";

const MAX_LENGTH = 63;

/** spec.hostname, or the pod's name cut to what a host name may be. */
export function podHostname(pod: PodObject): string {
  const name = pod.spec?.hostnameOverride || pod.spec?.hostname || pod.metadata?.name || "";
  return name.length <= MAX_LENGTH ? name : name.slice(0, MAX_LENGTH).replace(/[-.]+$/, "");
}
