import type { PriorityLevelConfiguration } from "#kinds/api/flowcontrol-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validatePriorityLevel } from "./validate.ts";

export const priorityLevelHooks: KindHooks<PriorityLevelConfiguration> = {
  default: (object) => {
    const spec = (object.spec ??= { type: "" });
    const limited = spec.limited;
    if (limited) {
      limited.nominalConcurrencyShares ??= 30;
      limited.lendablePercent ??= 0;
      const queuing = limited.limitResponse?.queuing;
      if (queuing) {
        queuing.handSize ||= 8;
        queuing.queues ||= 64;
        queuing.queueLengthLimit ||= 50;
      }
    }
    if (spec.exempt) {
      spec.exempt.nominalConcurrencyShares ??= 0;
      spec.exempt.lendablePercent ??= 0;
    }
  },
  statusKeepsMetadata: "all",
  validate: (next, _previous, { subresource }) => validatePriorityLevel(next, subresource),
  columns: [
    nameColumn,
    text("Type", (object) => object.spec?.type ?? ""),
    text("NominalConcurrencyShares", (object) => object.spec?.limited?.nominalConcurrencyShares ?? "<none>"),
    text("Queues", (object) => object.spec?.limited?.limitResponse?.queuing?.queues ?? "<none>"),
    text("HandSize", (object) => object.spec?.limited?.limitResponse?.queuing?.handSize ?? "<none>"),
    text("QueueLengthLimit", (object) => object.spec?.limited?.limitResponse?.queuing?.queueLengthLimit ?? "<none>"),
    ageColumn,
  ],
};
