import type { StatefulSet } from "#kinds/api/apps-v1.gen.ts";
import { defaultPodTemplate } from "#kinds/core/pod/pod-spec/defaults.ts";
import { defaultClaim } from "#kinds/core/persistent-volume-claim/defaults.ts";
import { ageColumn, containerColumns, nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validateStatefulSet } from "./validate.ts";

function defaultStatefulSet(object: StatefulSet): void {
  const spec = object.spec;
  if (!spec) return;
  defaultPodTemplate(spec.template);
  spec.podManagementPolicy ||= "OrderedReady";
  const strategy = (spec.updateStrategy ??= {});
  if (!strategy.type) {
    strategy.type = "RollingUpdate";
    strategy.rollingUpdate ??= {};
  }
  if (strategy.type === "RollingUpdate" && strategy.rollingUpdate) {
    strategy.rollingUpdate.partition ??= 0;
    strategy.rollingUpdate.maxUnavailable ??= 1;
  }
  const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {});
  retention.whenDeleted ||= "Retain";
  retention.whenScaled ||= "Retain";
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion = "v1";
    claim.kind = "PersistentVolumeClaim";
    defaultClaim(claim);
    claim.status ??= { phase: "Pending" };
  }
}

export const statefulSetHooks: KindHooks<StatefulSet> = {
  default: defaultStatefulSet,
  validate: validateStatefulSet,
  prepare: (next, previous) => {
    if (previous === undefined) next.status = { replicas: 0, availableReplicas: 0 };
  },
  scale: { specReplicas: ".spec.replicas", statusReplicas: ".status.replicas", selector: ".spec.selector" },
  columns: [
    nameColumn,
    text("Ready", (object) => `${object.status?.readyReplicas ?? 0}/${object.spec?.replicas ?? 0}`),
    ageColumn,
    ...containerColumns<StatefulSet>((object) => object.spec?.template?.spec?.containers),
  ],
};
