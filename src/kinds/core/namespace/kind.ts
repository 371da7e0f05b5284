import type { Namespace } from "#kinds/api/core-v1.gen.ts";
import { ageColumn, nameColumn, text } from "#kinds/shared/columns.ts";
import { clone } from "#lib/clone.ts";
import type { KindHooks } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { validateNamespace } from "./validate.ts";

/** While a namespace carries this, it stays: whoever empties it takes it off through the finalize subresource. */
export const KUBERNETES_FINALIZER = "kubernetes";
const NAME_LABEL = "kubernetes.io/metadata.name";

function keepStatus(next: Namespace, previous: DeepReadonly<Namespace>): void {
  if (previous.status) next.status = clone(previous.status);
  else delete next.status;
}

export const namespaceHooks: KindHooks<Namespace> = {
  returnsDeleted: true,
  default: (object) => {
    const metadata = (object.metadata ??= {});
    if (metadata.name) (metadata.labels ??= {})[NAME_LABEL] = metadata.name;
    (object.status ??= {}).phase ||= "Active";
  },
  prepare: (next, previous, { subresource }) => {
    if (previous === undefined) {
      next.status = { phase: "Active" };
      const finalizers = ((next.spec ??= {}).finalizers ??= []);
      if (!finalizers.includes(KUBERNETES_FINALIZER)) finalizers.push(KUBERNETES_FINALIZER);
    } else if (subresource === "") {
      // Only the finalize subresource changes them.
      next.spec = previous.spec?.finalizers ? { finalizers: [...previous.spec.finalizers] } : {};
    }
  },
  validate: (next, previous, { subresource }) => validateNamespace(next, previous, subresource),
  // The finalizers, while a status stays as it is.
  doors: { finalize: keepStatus },
  resetFields: (subresource) => (subresource === "finalize" ? [["status"]] : undefined),
  holdsDeletion: (object) => (object.spec?.finalizers?.length ?? 0) > 0,
  onDeletion: (object) => {
    object.status = { ...object.status, phase: "Terminating" };
  },
  nameRule: "dns1123label",
  selectableFields: (object) => ({ "status.phase": object.status?.phase ?? "" }),
  selectableFieldNames: ["status.phase"],
  generation: false,
  columns: [nameColumn, text("Status", (object) => object.status?.phase ?? ""), ageColumn],
};
