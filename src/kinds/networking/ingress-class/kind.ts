import type { IngressClass } from "#kinds/api/networking-v1.gen.ts";
import { ageColumn, text } from "#kinds/shared/columns.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { validateIngressClass } from "./validate.ts";

const DEFAULT_ANNOTATION = "ingressclass.kubernetes.io/is-default-class";

function parametersCell({ spec }: DeepReadonly<IngressClass>): string {
  const parameters = spec?.parameters;
  if (!parameters) return "<none>";
  return `${parameters.kind}${parameters.apiGroup === undefined ? "" : `.${parameters.apiGroup}`}/${parameters.name}`;
}

export const ingressClassHooks: KindHooks<IngressClass> = {
  default: ({ spec }) => {
    if (spec?.parameters) spec.parameters.scope ??= "Cluster";
  },
  validate: validateIngressClass,
  columns: [
    {
      name: "Name",
      type: "string",
      format: "name",
      value: ({ metadata }) => `${metadata?.name ?? ""}${metadata?.annotations?.[DEFAULT_ANNOTATION] === "true" ? " (default)" : ""}`,
    },
    text("Controller", (object) => object.spec?.controller ?? ""),
    text("Parameters", parametersCell),
    ageColumn,
  ],
};
