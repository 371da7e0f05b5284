import type { DaemonSet, DaemonSetSpec } from "#kinds/api/apps-v1.gen.ts";
import { defaultPodTemplate } from "#kinds/core/pod/pod-spec/defaults.ts";
import { dropDisabledFields } from "#kinds/core/pod/pod-spec/drop-disabled.ts";
import { podTemplateWarnings } from "#kinds/core/pod/pod-spec/warnings.ts";
import { equal } from "#lib/equal.ts";
import { ageColumn, containerColumns, formatLabels, integer, nameColumn, text, wide } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { formatLabelSelector } from "#meta/selectors.ts";
import { validateDaemonSet } from "./validate.ts";

function defaultDaemonSet(object: DaemonSet): void {
  // Upstream has no absent structures: what they miss is defaulted, and refused where it cannot be.
  const spec = (object.spec ??= {} as DaemonSetSpec);
  defaultPodTemplate((spec.template ??= {}));
  const strategy = (spec.updateStrategy ??= {});
  strategy.type ||= "RollingUpdate";
  if (strategy.type === "RollingUpdate") {
    strategy.rollingUpdate ??= {};
    strategy.rollingUpdate.maxUnavailable ??= 1;
    strategy.rollingUpdate.maxSurge ??= 0;
  }
  spec.revisionHistoryLimit ??= 10;
}

/** Counts changes of the template, for clients from before its revisions were objects. */
const TEMPLATE_GENERATION = "deprecated.daemonset.template.generation";

const generationOf = ({ metadata }: DeepReadonly<DaemonSet>): number => Number(metadata?.annotations?.[TEMPLATE_GENERATION] ?? 0) || 0;

/** The count is not the writer's to set once the object is there. */
function countTemplate(next: DaemonSet, previous: DeepReadonly<DaemonSet> | undefined): void {
  const changed = previous && !equal(next.spec?.template, previous.spec?.template);
  const count = previous ? generationOf(previous) + (changed ? 1 : 0) : Math.max(1, generationOf(next));
  ((next.metadata ??= {}).annotations ??= {})[TEMPLATE_GENERATION] = String(count);
}

export const daemonSetHooks: KindHooks<DaemonSet> = {
  default: defaultDaemonSet,
  validate: validateDaemonSet,
  warnings: (next, previous) =>
    previous && generationOf(next) === generationOf(previous) ? [] : podTemplateWarnings("spec.template", next.spec?.template),
  prepare: (next, previous) => {
    dropDisabledFields(next.spec?.template?.spec, previous?.spec?.template?.spec);
    countTemplate(next, previous);
    if (previous !== undefined) return;
    next.status = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };
  },
  columns: [
    nameColumn,
    integer("Desired", (object) => object.status?.desiredNumberScheduled ?? 0),
    integer("Current", (object) => object.status?.currentNumberScheduled ?? 0),
    integer("Ready", (object) => object.status?.numberReady ?? 0),
    integer("Up-to-date", (object) => object.status?.updatedNumberScheduled ?? 0),
    integer("Available", (object) => object.status?.numberAvailable ?? 0),
    text("Node Selector", (object) => formatLabels(object.spec?.template?.spec?.nodeSelector)),
    ageColumn,
    ...containerColumns<DaemonSet>((object) => object.spec?.template?.spec?.containers),
    wide(text("Selector", (object) => formatLabelSelector(object.spec?.selector))),
  ],
};
