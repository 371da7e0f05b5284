import type { ReplicaSet, ReplicaSetSpec } from "#kinds/api/apps-v1.gen.ts";
import { defaultPodTemplate } from "#kinds/core/pod/pod-spec/defaults.ts";
import { dropDisabledFields } from "#kinds/core/pod/pod-spec/drop-disabled.ts";
import { workloadWarnings } from "#kinds/shared/workload.ts";
import { ageColumn, containerColumns, integer, nameColumn, text, wide } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import { formatLabelSelector } from "#meta/selectors.ts";
import { validateReplicaSet } from "./validate.ts";

export const replicaSetHooks: KindHooks<ReplicaSet> = {
  validate: validateReplicaSet,
  warnings: (next, previous) => workloadWarnings(next, previous),
  default: (object) => {
    const spec = (object.spec ??= {} as ReplicaSetSpec); // what it misses is refused
    spec.replicas ??= 1;
    defaultPodTemplate((spec.template ??= {}));
  },
  prepare: (next, previous) => {
    if (previous === undefined) next.status = { replicas: 0 };
    dropDisabledFields(next.spec?.template?.spec, previous?.spec?.template?.spec);
  },
  scale: { specReplicas: ".spec.replicas", statusReplicas: ".status.replicas", selector: ".spec.selector" },
  columns: [
    nameColumn,
    integer("Desired", (object) => object.spec?.replicas ?? 0),
    integer("Current", (object) => object.status?.replicas ?? 0),
    integer("Ready", (object) => object.status?.readyReplicas ?? 0),
    ageColumn,
    ...containerColumns<ReplicaSet>((object) => object.spec?.template?.spec?.containers),
    wide(text("Selector", (object) => formatLabelSelector(object.spec?.selector))),
  ],
};
