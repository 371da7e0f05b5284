// What a CustomResourceDefinition may hold and how it may change, with upstream's paths and words. Upstream checks a form
// in which what all versions have alike stands beside them, and the paths of errors show it.

import type {
  CustomResourceConversion,
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionSpec,
  CustomResourceDefinitionVersion,
} from "#kinds/api/apiextensions-v1.gen.ts";
import { wrongRoots } from "#kinds/certificates/pem.ts";
import { decodeBase64 } from "#kinds/shared/base64.ts";
import { checkImmutable, checkOneOf, checkRequired, checkRequiredOneOf, checkRule, type Errors } from "#kinds/shared/checks.ts";
import type { CheckExpression } from "#kinds/shared/expressions.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import { checkWebhookClient } from "#kinds/shared/webhook-client.ts";
import { isConditionTrue } from "#meta/conditions.ts";
import { field, type FieldError, quote } from "#meta/errors.ts";
import { dns1035Label, dns1123Subdomain } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { checkSchema, ROOT } from "./validate-schema.ts";
import { checkDefaults, hasUnprunedDefaults } from "./validate-defaults.ts";
import { checkStructural, type Schema } from "./validate-structural.ts";
import { checkColumns, checkDeprecation, checkSelectableFields, checkSubresources } from "./validate-version.ts";

type Read<T> = DeepReadonly<T>;
type Definition = Read<CustomResourceDefinition>;
type Version = Read<Partial<CustomResourceDefinitionVersion>>;
type Spec = Read<Partial<CustomResourceDefinitionSpec>>;

const SCOPES = ["Cluster", "Namespaced"];
const REVIEW_VERSIONS = ["v1", "v1beta1"];
const APPROVAL = "api-approved.kubernetes.io";

export function validateDefinition(next: Definition, previous: Definition | undefined, check: CheckExpression): FieldError[] {
  const errors: Errors = [];
  const spec: Spec = next.spec ?? {};
  const before: Spec | undefined = previous?.spec;
  const name = next.metadata?.name ?? "";
  if (!previous && name !== "" && name !== `${spec.names?.plural ?? ""}.${spec.group ?? ""}`) {
    errors.push(field.invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group'));
  }
  const isEstablished = isConditionTrue(previous?.status?.conditions, "Established");
  checkSpec(errors, spec, before, isEstablished, check);
  if (before) {
    if (isEstablished) {
      checkImmutable(errors, "spec.scope", spec.scope ?? "", before.scope);
      checkImmutable(errors, "spec.names.kind", spec.names?.kind ?? "", before.names?.kind);
    }
    checkImmutable(errors, "spec.group", spec.group ?? "", before.group);
    checkImmutable(errors, "spec.names.plural", spec.names?.plural ?? "", before.names?.plural);
  }
  checkNames(errors, "status.acceptedNames", next.status?.acceptedNames ?? {});
  checkStoredVersions(errors, next.status?.storedVersions ?? [], spec.versions ?? []);
  checkApproval(errors, next, previous);
  if (spec.preserveUnknownFields && !before?.preserveUnknownFields) {
    const detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
    errors.push(field.invalid("spec.preserveUnknownFields", true, detail));
  }
  return errors;
}

export function validateDefinitionStatus({ status }: Definition): FieldError[] {
  const errors: Errors = [];
  checkNames(errors, "status.acceptedNames", status?.acceptedNames ?? {});
  return errors;
}

function checkSpec(errors: Errors, spec: Spec, before: Spec | undefined, isEstablished: boolean, check: CheckExpression): void {
  checkGroup(errors, spec.group ?? "");
  checkRequiredOneOf(errors, "spec.scope", spec.scope, SCOPES);
  checkVersions(errors, spec.versions, before, check);
  for (const name of ["plural", "singular", "kind", "listKind"] as const) checkRequired(errors, `spec.names.${name}`, spec.names?.[name]);
  checkNames(errors, "spec.names", spec.names ?? {});
  const strategy = spec.conversion?.strategy;
  if (spec.conversion && strategy !== "None" && spec.preserveUnknownFields) {
    errors.push(field.invalid("spec.conversion.strategy", strategy, "must be None if spec.preserveUnknownFields is true"));
  }
  // Who serves the conversion may still be on the way.
  const bundle = before?.conversion?.webhook?.clientConfig?.caBundle;
  const allowsBadBundle = !isEstablished || (bundle !== undefined && wrongBundle(bundle) !== undefined);
  checkConversion(errors, spec.conversion, before?.conversion, allowsBadBundle);
}

function checkGroup(errors: Errors, group: string): void {
  const path = "spec.group";
  if (!checkRequired(errors, path, group)) return;
  const wrong = dns1123Subdomain(group);
  if (wrong.length > 0) errors.push(field.invalid(path, group, wrong.join(",")));
  else if (!group.includes(".")) errors.push(field.invalid(path, group, "should be a domain with at least one dot"));
}

/** Whether all versions have this alike, in which case its errors are told once, beside the versions. */
function isShared(versions: readonly Version[], key: keyof CustomResourceDefinitionVersion): boolean {
  return versions.every(
    (version) => semanticEqual(version[key], versions[0]?.[key]) && (version[key] === undefined) === (versions[0]?.[key] === undefined),
  );
}

function checkVersions(errors: Errors, given: readonly Version[] | undefined, before: Spec | undefined, check: CheckExpression): void {
  const versions = given ?? [];
  const shared = {
    schema: isShared(versions, "schema"),
    subresources: isShared(versions, "subresources"),
    columns: isShared(versions, "additionalPrinterColumns"),
    fields: isShared(versions, "selectableFields"),
  };
  const stored = storedExpressions(before);
  const oldSchemas = (before?.versions ?? []).flatMap(({ schema }) => schema?.openAPIV3Schema ?? []);
  const requirePruned = !oldSchemas.some(hasUnprunedDefaults);
  for (const [index, version] of versions.entries()) {
    const at = `spec.versions[${index}]`;
    const { name = "" } = version;
    const wrong = dns1035Label(name);
    if (wrong.length > 0) {
      for (const path of index === 0 ? [`${at}.name`, "spec.version"] : [`${at}.name`]) {
        if (path !== "spec.version" || name !== "") errors.push(field.invalid(path, name, wrong.join(",")));
      }
    }
    const place = (isCommon: boolean, common: string, own: string) => (isCommon ? (index === 0 ? common : undefined) : `${at}.${own}`);
    const schema = version.schema?.openAPIV3Schema;
    if (!schema) errors.push(field.required(`${at}.schema.openAPIV3Schema`));
    checkDeprecation(errors, at, version as Read<CustomResourceDefinitionVersion>); // only reads what may be absent
    const schemaPath = place(shared.schema, "spec.validation", "schema");
    if (schema && schemaPath) {
      const hasStatus = shared.schema
        ? versions.some(({ subresources }) => subresources?.status !== undefined)
        : version.subresources?.status !== undefined;
      checkVersionSchema(errors, `${schemaPath}.openAPIV3Schema`, schema, hasStatus, { check, stored, requirePruned });
    }
    const subresourcesPath = place(shared.subresources, "spec.subresources", "subresources");
    if (subresourcesPath) checkSubresources(errors, subresourcesPath, version.subresources);
    const columnsPath = place(shared.columns, "spec.additionalPrinterColumns", "additionalPrinterColumns");
    if (columnsPath) checkColumns(errors, columnsPath, version.additionalPrinterColumns);
    const fieldsPath = place(shared.fields, "spec.selectableFields", "selectableFields");
    const old = before?.versions?.find((one) => one.name === name)?.selectableFields;
    if (fieldsPath) {
      const allowsMore = semanticEqual(old, version.selectableFields);
      checkSelectableFields(errors, fieldsPath, version.selectableFields, schema, { allowsMore, isShared: shared.fields });
    }
  }
  if (new Set(versions.map(({ name }) => name)).size < versions.length) {
    errors.push(field.invalid("spec.versions", versions, "must contain unique version names"));
  }
  if (versions.filter(({ storage }) => storage).length !== 1) {
    errors.push(field.invalid("spec.versions", given ?? null, "must have exactly one version marked as storage version"));
  }
}

function storedExpressions(before: Spec | undefined): ReadonlySet<string> {
  const texts = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, child] of Object.entries(value)) {
      if ((key === "rule" || key === "messageExpression") && typeof child === "string") texts.add(child);
      else visit(child);
    }
  };
  for (const version of before?.versions ?? []) visit(version.schema?.openAPIV3Schema);
  return texts;
}

const ALLOWED_AT_ROOT =
  "Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations";
const ALLOWED_NAMES = new Set([
  ...ALLOWED_AT_ROOT.split(" ").map((name) => name.charAt(0).toLowerCase() + name.slice(1)),
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-validations",
]);

interface SchemaOptions {
  readonly check: CheckExpression;
  readonly stored: ReadonlySet<string>;
  /** Whether defaults must hold nothing that would be dropped. */
  readonly requirePruned: boolean;
}

function checkVersionSchema(
  errors: Errors,
  path: string,
  schema: Schema,
  hasStatus: boolean,
  { check, stored, requirePruned }: SchemaOptions,
): void {
  if (hasStatus) checkRootForStatus(errors, path, schema);
  if (schema.nullable) errors.push(field.forbidden(`${path}.nullable`, "nullable cannot be true at the root"));
  const structural: Errors = [];
  checkStructural(structural, path, schema);
  if (structural.length === 0) checkDefaults(structural, path, { ...schema, "x-kubernetes-embedded-resource": true }, requirePruned);
  errors.push(...structural);
  checkSchema(errors, path, schema, ROOT, { check, stored, isStructural: structural.length === 0 });
}

function checkRootForStatus(errors: Errors, path: string, schema: Schema): void {
  if (schema.type && schema.type !== "object") {
    const detail = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
    errors.push(field.invalid(`${path}.type`, schema.type, detail));
    return;
  }
  const isSet = (value: unknown) => !semanticEqual(value, undefined);
  if (Object.entries(schema).every(([name, value]) => ALLOWED_NAMES.has(name) || !isSet(value))) return;
  const detail = `only [${ALLOWED_AT_ROOT}] fields are allowed at the root of the schema if the status subresource is enabled`;
  errors.push(field.invalid(path, schema, detail));
}

function checkNames(errors: Errors, path: string, names: Read<Partial<CustomResourceDefinitionNames>>): void {
  const { plural = "", singular = "", kind = "", listKind = "", shortNames = [], categories = [] } = names;
  const label = (at: string, value: string, shown: string, prefix = "") => {
    const wrong = value === "" ? [] : dns1035Label(value);
    if (wrong.length > 0) errors.push(field.invalid(`${path}.${at}`, shown, prefix + wrong.join(",")));
  };
  const mixed = "may have mixed case, but should otherwise match: ";
  label("plural", plural, plural);
  label("singular", singular, singular);
  label("kind", kind.toLowerCase(), kind, mixed);
  label("listKind", listKind.toLowerCase(), listKind, mixed);
  if (kind !== "" && kind === listKind) errors.push(field.invalid(`${path}.listKind`, listKind, "kind and listKind may not be the same"));
  for (const [name, values] of Object.entries({ shortNames, categories })) {
    for (const [index, value] of values.entries()) {
      const wrong = dns1035Label(value);
      if (wrong.length > 0) errors.push(field.invalid(`${path}.${name}[${index}]`, value, wrong.join(",")));
    }
  }
}

function checkConversion(
  errors: Errors,
  conversion: Read<Partial<CustomResourceConversion>> | undefined,
  before: Spec["conversion"],
  allowsBadBundle: boolean,
): void {
  if (!conversion) return;
  const path = "spec.conversion";
  const { strategy = "", webhook } = conversion;
  if (checkRequired(errors, `${path}.strategy`, strategy)) checkOneOf(errors, `${path}.strategy`, strategy, ["None", "Webhook"]);
  const client = webhook?.clientConfig;
  const versions = webhook?.conversionReviewVersions ?? [];
  if (strategy !== "Webhook") {
    const detail = "should not be set when strategy is not set to Webhook";
    if (client) errors.push(field.forbidden(`${path}.webhookClientConfig`, detail));
    if (versions.length > 0) errors.push(field.forbidden(`${path}.conversionReviewVersions`, detail));
    return;
  }
  if (client) {
    checkWebhookClient(errors, `${path}.webhookClientConfig`, client);
    const wrong = client.caBundle && !allowsBadBundle ? wrongBundle(client.caBundle) : undefined;
    if (wrong !== undefined) errors.push(field.invalid(`${path}.webhookClientConfig.caBundle`, client.caBundle, wrong));
  } else errors.push(field.required(`${path}.webhookClientConfig`, "required when strategy is set to Webhook"));
  const at = `${path}.conversionReviewVersions`;
  if (versions.length === 0) {
    errors.push(field.required(at));
    return;
  }
  const seen = new Set<string>();
  for (const [index, version] of versions.entries()) {
    if (seen.has(version)) errors.push(field.invalid(`${at}[${index}]`, version, "duplicate version"));
    else checkRule(errors, `${at}[${index}]`, version, dns1035Label);
    seen.add(version);
  }
  const old = before?.webhook?.conversionReviewVersions ?? [];
  const mustKnow = old.length === 0 || old.some((version) => REVIEW_VERSIONS.includes(version));
  if (mustKnow && !REVIEW_VERSIONS.some((version) => seen.has(version))) {
    errors.push(field.invalid(at, versions, `must include at least one of ${REVIEW_VERSIONS.join(", ")}`));
  }
}

function checkStoredVersions(errors: Errors, stored: readonly string[], versions: readonly Version[]): void {
  const path = "status.storedVersions";
  if (stored.length === 0) {
    errors.push(field.invalid(path, null, "must have at least one stored version"));
    return;
  }
  const left = new Map(stored.map((name, index) => [name, index]));
  for (const { name = "", storage } of versions) {
    // A version that is named twice is found once.
    if (!left.delete(name) && storage) errors.push(field.invalid(path, stored, `must have the storage version ${name}`));
  }
  for (const [name, index] of left) {
    const detail = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
    errors.push(field.invalid(`${path}[${index}]`, name, detail));
  }
}

/** What is wrong with the certificates of those that are trusted, base64 of PEM. */
function wrongBundle(bundle: string): string | undefined {
  const wrong = wrongRoots(decodeBase64(bundle) ?? "");
  return wrong === undefined ? undefined : `unable to load root certificates: ${wrong}`;
}

type Approval = "missing" | "bypassed" | "approved" | "invalid";

function approvalOf(definition: Definition): Approval {
  const text = definition.metadata?.annotations?.[APPROVAL] ?? "";
  if (text === "") return "missing";
  if (text.startsWith("unapproved")) return "bypassed";
  return /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/\s]+/.test(text) ? "approved" : "invalid";
}

/** Groups of the project itself are for kinds that were approved. */
function checkApproval(errors: Errors, next: Definition, previous: Definition | undefined): void {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(next.spec?.group ?? "")) return;
  const state = approvalOf(next);
  if (previous && approvalOf(previous) === state) return;
  const at = `metadata.annotations[${APPROVAL}]`;
  const start = `protected groups must have approval annotation ${quote(APPROVAL)}`;
  const source = "see https://github.com/kubernetes/enhancements/pull/1111";
  if (state === "missing") errors.push(field.required(at, `${start}, ${source}`));
  if (state === "invalid") {
    const detail = `${start} with either a URL or a reason starting with "unapproved", ${source}`;
    errors.push(field.invalid(at, next.metadata?.annotations?.[APPROVAL], detail));
  }
}
