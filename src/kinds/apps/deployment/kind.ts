import type { Deployment, DeploymentSpec } from "#kinds/api/apps-v1.gen.ts";
import { defaultPodTemplate } from "#kinds/core/pod/pod-spec/defaults.ts";
import { dropDisabledFields } from "#kinds/core/pod/pod-spec/drop-disabled.ts";
import { workloadWarnings } from "#kinds/shared/workload.ts";
import { ageColumn, containerColumns, formatDeploymentSelector, nameColumn, text, wide } from "#kinds/shared/columns.ts";
import { equal } from "#lib/equal.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validateDeployment } from "./validate.ts";

function defaultDeployment(deployment: Deployment): void {
  // Upstream has no absent structures: what they miss is defaulted, and refused where it cannot be.
  const spec = (deployment.spec ??= {} as DeploymentSpec);
  defaultPodTemplate((spec.template ??= {}));
  spec.replicas ??= 1;
  const strategy = (spec.strategy ??= {});
  strategy.type ||= "RollingUpdate";
  if (strategy.type === "RollingUpdate") {
    strategy.rollingUpdate ??= {};
    strategy.rollingUpdate.maxUnavailable ??= "25%";
    strategy.rollingUpdate.maxSurge ??= "25%";
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
}

export const deploymentHooks: KindHooks<Deployment> = {
  statusKeepsMetadata: ["labels"],
  default: defaultDeployment,
  validate: validateDeployment,
  warnings: (next, previous) => workloadWarnings(next, previous),
  prepare: (next, previous) => {
    if (previous === undefined) next.status = {};
    dropDisabledFields(next.spec?.template?.spec, previous?.spec?.template?.spec);
  },
  // Annotations count too: the controller copies them to ReplicaSets.
  generation: (next, previous) =>
    !equal(next.spec, previous.spec) || !equal(next.metadata?.annotations ?? {}, previous.metadata?.annotations ?? {}),
  scale: { specReplicas: ".spec.replicas", statusReplicas: ".status.replicas", selector: ".spec.selector" },
  columns: [
    nameColumn,
    text("Ready", (object) => `${object.status?.readyReplicas ?? 0}/${object.spec?.replicas ?? 0}`),
    text("Up-to-date", (object) => object.status?.updatedReplicas ?? 0),
    text("Available", (object) => object.status?.availableReplicas ?? 0),
    ageColumn,
    ...containerColumns<Deployment>((object) => object.spec?.template?.spec?.containers),
    wide(text("Selector", (object) => formatDeploymentSelector(object.spec?.selector))),
  ],
};
