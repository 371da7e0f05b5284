import type { StatefulSet, StatefulSetSpec } from "#kinds/api/apps-v1.gen.ts";
import { defaultPodTemplate } from "#kinds/core/pod/pod-spec/defaults.ts";
import { defaultClaim } from "#kinds/core/persistent-volume-claim/defaults.ts";
import { dropDisabledFields } from "#kinds/core/pod/pod-spec/drop-disabled.ts";
import { fractionWarning } from "#kinds/core/pod/pod-spec/warnings-fractions.ts";
import { workloadWarnings } from "#kinds/shared/workload.ts";
import { ageColumn, containerColumns, nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { validateStatefulSet } from "./validate.ts";

function defaultStatefulSet(object: StatefulSet): void {
  // Upstream has no absent structures: what they miss is defaulted, and refused where it cannot be.
  const spec = (object.spec ??= {} as StatefulSetSpec);
  defaultPodTemplate((spec.template ??= {}));
  spec.podManagementPolicy ||= "OrderedReady";
  const strategy = (spec.updateStrategy ??= {});
  if (!strategy.type) {
    strategy.type = "RollingUpdate";
    strategy.rollingUpdate ??= {};
  }
  if (strategy.type === "RollingUpdate" && strategy.rollingUpdate) {
    strategy.rollingUpdate.partition ??= 0;
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

function statefulSetWarnings(
  next: DeepReadonly<StatefulSet>,
  previous: DeepReadonly<StatefulSet> | undefined,
  { subresource }: { readonly subresource: string },
): string[] {
  if (subresource === "status") return [];
  const { volumeClaimTemplates = [], revisionHistoryLimit = 0 } = next.spec ?? {};
  const claims = volumeClaimTemplates.flatMap(({ spec }, index) => {
    // Upstream's path differs between the two.
    const at = `spec.volumeClaimTemplates[${index}]${previous ? ".Spec" : ""}.resources`;
    return (["requests", "limits"] as const).flatMap((what) => fractionWarning(`${at}.${what}`, "storage", spec?.resources?.[what]));
  });
  return [
    ...workloadWarnings(next, previous, { names: false }),
    ...claims,
    ...(revisionHistoryLimit < 0
      ? ["spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"]
      : []),
  ];
}

export const statefulSetHooks: KindHooks<StatefulSet> = {
  default: defaultStatefulSet,
  validate: validateStatefulSet,
  // Pods are called after it, each with its number.
  nameRule: "dns1123label",
  warnings: statefulSetWarnings,
  prepare: (next, previous) => {
    dropDisabledFields(next.spec?.template?.spec, previous?.spec?.template?.spec);
    // Off by default in v1.36.
    if (previous?.spec?.updateStrategy?.rollingUpdate?.maxUnavailable === undefined)
      delete next.spec?.updateStrategy?.rollingUpdate?.maxUnavailable;
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
