import type { CustomResourceDefinition } from "#kinds/api/apiextensions-v1.gen.ts";
import { nameColumn } from "#kinds/shared/columns.ts";
import type { CheckExpression } from "#kinds/shared/expressions.ts";
import type { KindHooks } from "#meta/kind.ts";
import { validateDefinition, validateDefinitionStatus } from "./validate.ts";

function setDefaults(object: CustomResourceDefinition): void {
  // Clients may leave out what the schema calls required; validation tells them.
  const spec = (object.spec ??= { group: "", names: { plural: "", kind: "" }, scope: "", versions: [] });
  const names = (spec.names ??= { plural: "", kind: "" });
  if (!names.singular && names.kind) names.singular = names.kind.toLowerCase();
  if (!names.listKind && names.kind) names.listKind = `${names.kind}List`;
  spec.conversion ??= { strategy: "None" };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service) service.port ??= 443;
  const status = (object.status ??= {});
  if (!status.storedVersions?.length) addStoredVersion(object);
}

/** What the storage version is belongs to those that objects may be kept in. */
function addStoredVersion(object: CustomResourceDefinition): void {
  const storage = object.spec?.versions?.find((version) => version.storage)?.name;
  if (storage === undefined) return;
  const status = (object.status ??= {});
  if (!status.storedVersions?.includes(storage)) status.storedVersions = [...(status.storedVersions ?? []), storage];
}

export const customResourceDefinitionHooks = (check: CheckExpression): KindHooks<CustomResourceDefinition> => ({
  default: setDefaults,
  prepare: (next, previous, { subresource }) => {
    if (previous === undefined) next.status = {};
    if (subresource === "") addStoredVersion(next);
  },
  validate: (next, previous, { subresource }) =>
    subresource === "status" ? validateDefinitionStatus(next) : validateDefinition(next, previous, check),
  unconditionalUpdate: false,
  columns: [nameColumn, { name: "Created At", type: "date", value: ({ metadata }) => metadata?.creationTimestamp ?? "" }],
});
