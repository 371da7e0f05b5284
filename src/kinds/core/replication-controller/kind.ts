import type { ReplicationController } from "#kinds/api/core-v1.gen.ts";
import { defaultPodTemplate } from "#kinds/core/pod/pod-spec/defaults.ts";
import { dropDisabledFields } from "#kinds/core/pod/pod-spec/drop-disabled.ts";
import { podTemplateWarnings } from "#kinds/core/pod/pod-spec/warnings.ts";
import { workloadWarnings } from "#kinds/shared/workload.ts";
import { ageColumn, containerColumns, formatLabels, integer, nameColumn, text, wide } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validateReplicationController } from "./validate.ts";

const isEmpty = (map: Readonly<Record<string, string>> | undefined): boolean => Object.keys(map ?? {}).length === 0;

export const replicationControllerHooks: KindHooks<ReplicationController> = {
  validate: validateReplicationController,
  // On update upstream looks at the template as it was.
  warnings: (next, previous) =>
    previous && next.metadata?.generation !== previous.metadata?.generation
      ? podTemplateWarnings("spec.template", previous.spec?.template)
      : workloadWarnings(next, previous),
  default: (object) => {
    const spec = (object.spec ??= {});
    spec.replicas ??= 1;
    defaultPodTemplate(spec.template);
    const labels = spec.template?.metadata?.labels;
    if (!labels) return;
    if (isEmpty(spec.selector)) spec.selector = { ...labels };
    const metadata = (object.metadata ??= {});
    if (isEmpty(metadata.labels)) metadata.labels = { ...labels };
  },
  prepare: (next, previous) => {
    if (previous === undefined) next.status = { replicas: 0 };
    dropDisabledFields(next.spec?.template?.spec, previous?.spec?.template?.spec);
  },
  scale: { specReplicas: ".spec.replicas", statusReplicas: ".status.replicas", selector: ".spec.selector" },
  // Kept for clients from before garbage collection.
  defaultPropagation: "Orphan",
  selectableFields: (object) => ({ "status.replicas": String(object.status?.replicas ?? 0) }),
  selectableFieldNames: ["status.replicas"],
  columns: [
    nameColumn,
    integer("Desired", (object) => object.spec?.replicas ?? 0),
    integer("Current", (object) => object.status?.replicas ?? 0),
    integer("Ready", (object) => object.status?.readyReplicas ?? 0),
    ageColumn,
    ...containerColumns<ReplicationController>((object) => object.spec?.template?.spec?.containers),
    wide(text("Selector", (object) => formatLabels(object.spec?.selector))),
  ],
};
