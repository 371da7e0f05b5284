import type { PodTemplate } from "#kinds/api/core-v1.gen.ts";
import { defaultPodTemplate } from "#kinds/core/pod/pod-spec/defaults.ts";
import { dropDisabledFields } from "#kinds/core/pod/pod-spec/drop-disabled.ts";
import { podTemplateWarnings } from "#kinds/core/pod/pod-spec/warnings.ts";
import { validatePodTemplateSpec } from "#kinds/core/pod/pod-spec/validate.ts";
import type { Errors } from "#kinds/shared/checks.ts";
import { containerColumns, formatLabels, nameColumn, text } from "#kinds/shared/columns.ts";
import { equal } from "#lib/equal.ts";
import type { KindHooks } from "#meta/kind.ts";

const [containers, images] = containerColumns<PodTemplate>((object) => object.template?.spec?.containers);

export const podTemplateHooks: KindHooks<PodTemplate> = {
  returnsDeleted: true,
  default: (object) => defaultPodTemplate((object.template ??= {})),
  prepare: (next, previous) => dropDisabledFields(next.template?.spec, previous?.template?.spec),
  warnings: (next, previous) =>
    previous && next.metadata?.generation === previous.metadata?.generation ? [] : podTemplateWarnings("template", next.template),
  validate: (object, previous) => {
    const errors: Errors = [];
    validatePodTemplateSpec(errors, "template", object.template ?? {}, previous?.template);
    return errors;
  },
  generation: (next, previous) => !equal(next.template, previous.template),
  columns: [
    nameColumn,
    { ...containers, wide: false },
    { ...images, wide: false },
    text("Pod Labels", (object) => formatLabels(object.template?.metadata?.labels)),
  ],
};
