// Fields of features that are off by default in v1.36: dropped, unless the object had them before.

import type { PodSpec } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Spec = DeepReadonly<PodSpec> | undefined;

const LISTS = ["initContainers", "containers", "ephemeralContainers"] as const;

export function dropDisabledFields(spec: PodSpec | undefined, before: Spec): void {
  if (!spec) return;
  for (const source of ["clusterTrustBundle", "podCertificate"] as const) {
    if (hasSource(before, source)) continue;
    for (const volume of spec.volumes ?? []) for (const projected of volume.projected?.sources ?? []) delete projected[source];
  }
  if (before?.schedulingGroup === undefined) delete spec.schedulingGroup;
  if (!hasStopSignal(before)) {
    for (const list of LISTS) {
      for (const container of spec[list] ?? []) {
        if (container.lifecycle?.stopSignal === undefined) continue;
        delete container.lifecycle.stopSignal;
        if (Object.keys(container.lifecycle).length === 0) delete container.lifecycle;
      }
    }
  }
}

function hasSource(spec: Spec, source: "clusterTrustBundle" | "podCertificate"): boolean {
  return (spec?.volumes ?? []).some(({ projected }) => projected?.sources?.some((each) => each[source]) ?? false);
}

function hasStopSignal(spec: Spec): boolean {
  return LISTS.some((list) => (spec?.[list] ?? []).some(({ lifecycle }) => lifecycle?.stopSignal !== undefined));
}
