// What may stand in metadata, the same for all kinds, with upstream's paths and words.

import { equal } from "#lib/equal.ts";
import { field, type FieldError } from "./errors.ts";
import type { KindHooks } from "./kind.ts";
import { byteLength, dns1035Label, dns1123Label, dns1123Subdomain, labelValue, pathSegmentName, qualifiedName } from "./names.ts";
import type { DeepReadonly, LabelSelector, ManagedFieldsEntry, ObjectMeta, OwnerReference } from "./object.ts";

export interface ObjectMetaRules {
  readonly namespaced: boolean;
  /** Default: dns1123subdomain. */
  readonly nameRule?: KindHooks["nameRule"];
  /** Built-in kinds only take finalizers with a domain, or the standard ones; custom resources take any name. Default false. */
  readonly qualifiedFinalizers?: boolean;
}

const FINALIZER_ORPHAN = "orphan";
const FINALIZER_FOREGROUND = "foregroundDeletion";
const STANDARD_FINALIZERS: ReadonlySet<string> = new Set([FINALIZER_ORPHAN, FINALIZER_FOREGROUND, "kubernetes"]);
const MAX_ANNOTATIONS_BYTES = 256 * 1024;
const IMMUTABLE = "field is immutable";

/**
 * All that is wrong with an object's metadata. `previous` is absent on create. Names must be generated before; on update
 * `next` must carry the resourceVersion that it replaces, and uid and times filled in from `previous` where the client left them out.
 */
export function validateObjectMeta(
  next: DeepReadonly<ObjectMeta>,
  previous: DeepReadonly<ObjectMeta> | undefined,
  rules: ObjectMetaRules,
): FieldError[] {
  const errors = previous === undefined ? validateNew(next, rules) : validateChange(next, previous);
  errors.push(
    ...validateLabels(next.labels, "metadata.labels"),
    ...validateAnnotations(next.annotations, "metadata.annotations"),
    ...validateOwnerReferences(next.ownerReferences, "metadata.ownerReferences"),
  );
  // Upstream checks finalizers' names only on create: one that was let in once can be kept.
  if (previous === undefined) errors.push(...validateFinalizers(next.finalizers, "metadata.finalizers"));
  errors.push(...validateManagedFields(next.managedFields, "metadata.managedFields"));
  if (rules.qualifiedFinalizers) {
    for (const [index, name] of (next.finalizers ?? []).entries()) {
      if (!name.includes("/") && !STANDARD_FINALIZERS.has(name)) {
        const detail = "name is neither a standard finalizer name nor is it fully qualified";
        errors.push(field.invalid(`metadata.finalizers[${index}]`, name, detail));
      }
    }
  }
  return errors;
}

function validateNew(next: DeepReadonly<ObjectMeta>, { namespaced, nameRule }: ObjectMetaRules): FieldError[] {
  const errors: FieldError[] = [];
  const check = nameCheck(nameRule);
  if (next.generateName) {
    for (const wrong of check(maskTrailingDash(next.generateName))) {
      errors.push(field.invalid("metadata.generateName", next.generateName, wrong));
    }
  }
  if (!next.name) errors.push(field.required("metadata.name", "name or generateName is required"));
  else for (const wrong of check(next.name)) errors.push(field.invalid("metadata.name", next.name, wrong));
  if (!namespaced) {
    if (next.namespace) errors.push(field.forbidden("metadata.namespace", "not allowed on this type"));
  } else if (!next.namespace) errors.push(field.required("metadata.namespace"));
  else for (const wrong of dns1123Label(next.namespace)) errors.push(field.invalid("metadata.namespace", next.namespace, wrong));
  if ((next.generation ?? 0) < 0) {
    errors.push(field.invalid("metadata.generation", next.generation, "must be greater than or equal to 0"));
  }
  return errors;
}

function validateChange(next: DeepReadonly<ObjectMeta>, previous: DeepReadonly<ObjectMeta>): FieldError[] {
  const errors: FieldError[] = [];
  if (previous.deletionTimestamp) {
    const before = new Set(previous.finalizers);
    const added = [...new Set(next.finalizers)].filter((name) => !before.has(name)).toSorted();
    if (added.length > 0) {
      const shown = `[]string{${added.map((name) => JSON.stringify(name)).join(", ")}}`;
      const detail = `no new finalizers can be added if the object is being deleted, found new finalizers ${shown}`;
      errors.push(field.forbidden("metadata.finalizers", detail));
    }
  }
  if (!next.resourceVersion) errors.push(field.invalid("metadata.resourceVersion", "", "must be specified for an update"));
  if ((next.generation ?? 0) < (previous.generation ?? 0)) {
    errors.push(field.invalid("metadata.generation", next.generation ?? 0, "must not be decremented"));
  }
  for (const name of ["name", "namespace", "uid"] as const) {
    const value = next[name] ?? "";
    if (value !== (previous[name] ?? "")) errors.push(field.invalid(`metadata.${name}`, value, IMMUTABLE));
  }
  for (const name of ["creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"] as const) {
    if (!equal(next[name] ?? null, previous[name] ?? null)) errors.push(field.invalid(`metadata.${name}`, next[name] ?? null, IMMUTABLE));
  }
  return errors;
}

export function validateLabels(labels: Readonly<Record<string, string>> | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const key in labels) {
    for (const wrong of qualifiedName(key)) errors.push(field.invalid(path, key, wrong));
    const value = labels[key] ?? "";
    for (const wrong of labelValue(value)) errors.push(field.invalid(path, value, wrong));
  }
  return errors;
}

export function validateAnnotations(annotations: Readonly<Record<string, string>> | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  let size = 0;
  for (const key in annotations) {
    for (const wrong of qualifiedName(key.toLowerCase())) errors.push(field.invalid(path, key, wrong));
    size += byteLength(key) + byteLength(annotations[key] ?? "");
  }
  if (size > MAX_ANNOTATIONS_BYTES) errors.push(field.tooLong(path, MAX_ANNOTATIONS_BYTES));
  return errors;
}

function validateOwnerReferences(references: readonly DeepReadonly<OwnerReference>[] | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  let controller: string | undefined;
  for (const reference of references ?? []) {
    // Upstream's paths have no index here.
    const version = reference.apiVersion?.slice(reference.apiVersion.indexOf("/") + 1);
    if (!version) errors.push(field.invalid(`${path}.apiVersion`, reference.apiVersion ?? "", "version must not be empty"));
    for (const name of ["kind", "name", "uid"] as const) {
      if (!reference[name]) errors.push(field.invalid(`${path}.${name}`, reference[name] ?? "", "must not be empty"));
    }
    if (reference.apiVersion === "v1" && reference.kind === "Event") {
      errors.push(field.invalid(path, reference, "/v1, Kind=Event is disallowed from being an owner"));
    }
    if (reference.controller !== true) continue;
    const current = `${reference.kind}/${reference.name}`;
    if (controller === undefined) controller = current;
    else {
      const detail = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`;
      errors.push(field.invalid(path, references, detail));
    }
  }
  return errors;
}

function validateFinalizers(finalizers: readonly string[] | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of finalizers ?? []) for (const wrong of qualifiedName(name)) errors.push(field.invalid(path, name, wrong));
  if (finalizers?.includes(FINALIZER_ORPHAN) && finalizers.includes(FINALIZER_FOREGROUND)) {
    errors.push(field.invalid(path, finalizers, `finalizer ${FINALIZER_ORPHAN} and ${FINALIZER_FOREGROUND} cannot be both set`));
  }
  return errors;
}

function validateManagedFields(entries: readonly DeepReadonly<ManagedFieldsEntry>[] | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, entry] of (entries ?? []).entries()) {
    const at = `${path}[${index}]`;
    if (entry.operation !== "Apply" && entry.operation !== "Update") {
      errors.push(field.invalid(`${at}.operation`, entry.operation ?? "", "must be `Apply` or `Update`"));
    }
    if (entry.fieldsType && entry.fieldsType !== "FieldsV1") {
      errors.push(field.invalid(`${at}.fieldsType`, entry.fieldsType, "must be `FieldsV1`"));
    }
    errors.push(...validateFieldManager(entry.manager, `${at}.manager`));
    if (byteLength(entry.subresource ?? "") > 256) errors.push(field.tooLong(`${at}.subresource`, 256));
  }
  return errors;
}

/** The name of a field manager, in metadata or as a request's option. */
export function validateFieldManager(manager: string | undefined, path: string): FieldError[] {
  if (!manager) return [];
  const errors: FieldError[] = [];
  if (byteLength(manager) > 128) errors.push(field.tooLong(path, 128));
  let position = 0;
  for (const character of manager) {
    // Go's notion of printable: letters, marks, numbers, punctuation, symbols and the ASCII space.
    if (!/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character)) {
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
      errors.push(field.invalid(path, manager, `invalid character U+${code} (at position ${position})`));
    }
    position += byteLength(character);
  }
  return errors;
}

/** A selector inside a spec. Undefined is valid: whether one is required is the kind's matter. */
export function validateLabelSelector(selector: DeepReadonly<LabelSelector> | undefined, path: string): FieldError[] {
  if (!selector) return [];
  const errors = validateLabels(selector.matchLabels, `${path}.matchLabels`);
  for (const [index, { key, operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    const at = `${path}.matchExpressions[${index}]`;
    if (operator === "In" || operator === "NotIn") {
      if (values.length === 0) errors.push(field.required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if (operator === "Exists" || operator === "DoesNotExist") {
      if (values.length > 0) {
        errors.push(field.forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
    } else errors.push(field.invalid(`${at}.operator`, operator ?? "", "not a valid selector operator"));
    for (const wrong of qualifiedName(key ?? "")) errors.push(field.invalid(`${at}.key`, key ?? "", wrong));
    for (const [position, value] of values.entries()) {
      for (const wrong of labelValue(value)) errors.push(field.invalid(`${at}.values[${position}]`, value, wrong));
    }
  }
  return errors;
}

/** The check behind a kind's name rule. */
export function nameCheck(rule: KindHooks["nameRule"]): (name: string) => string[] {
  switch (rule) {
    case "dns1123label":
      return dns1123Label;
    case "dns1035label":
      return dns1035Label;
    case "path":
      return pathSegmentName;
    case undefined:
    case "dns1123subdomain":
      return dns1123Subdomain;
    default:
      return rule;
  }
}

/** A base for generated names may end in a dash, since more follows. (Upstream replaces the last two characters; so do we.) */
function maskTrailingDash(name: string): string {
  return name.length > 1 && name.endsWith("-") ? `${name.slice(0, -2)}a` : name;
}
