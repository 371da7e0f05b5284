import type { CustomResourceDefinition, CustomResourceDefinitionSpec } from "#kinds/api/apiextensions-v1.gen.ts";
import { nameColumn } from "#kinds/shared/columns.ts";
import type { CheckExpression } from "#kinds/shared/expressions.ts";
import type { KindHooks } from "#meta/kind.ts";
import { formatWarnings } from "./formats.ts";
import { dropUnknownFields } from "./known-fields.ts";
import { validateDefinition, validateDefinitionStatus } from "./validate.ts";

function setDefaults(object: CustomResourceDefinition): void {
  // Clients may leave out what the schema calls required; validation tells them.
  const spec = (object.spec ??= { group: "", names: { plural: "", kind: "" }, scope: "" } as CustomResourceDefinitionSpec);
  const names = (spec.names ??= { plural: "", kind: "" });
  if (!names.singular && names.kind) names.singular = names.kind.toLowerCase();
  if (!names.listKind && names.kind) names.listKind = `${names.kind}List`;
  spec.conversion ??= { strategy: "None" };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service) service.port ??= 443;
  const status = (object.status ??= {});
  if (!status.storedVersions?.length) addStoredVersion(object);
  for (const version of spec.versions ?? []) if (version.schema?.openAPIV3Schema) dropUnknownFields(version.schema.openAPIV3Schema);
}

/** What the storage version is belongs to those that objects may be kept in. */
function addStoredVersion(object: CustomResourceDefinition): void {
  const storage = object.spec?.versions?.find((version) => version.storage);
  if (!storage) return;
  const name = storage.name ?? "";
  const status = (object.status ??= {});
  if (!status.storedVersions?.includes(name)) status.storedVersions = [...(status.storedVersions ?? []), name];
}

export const customResourceDefinitionHooks = (check: CheckExpression): KindHooks<CustomResourceDefinition> => ({
  default: setDefaults,
  prepare: (next, previous, { subresource }) => {
    if (previous === undefined) next.status = {};
    if (subresource === "") addStoredVersion(next);
  },
  warnings: (next, previous, { subresource }) => (subresource === "status" ? [] : formatWarnings(next, previous)),
  validate: (next, previous, { subresource }) =>
    subresource === "status" ? validateDefinitionStatus(next) : validateDefinition(next, previous, check),
  unconditionalUpdate: false,
  columns: [nameColumn, { name: "Created At", type: "date", value: ({ metadata }) => metadata?.creationTimestamp ?? "" }],
});
