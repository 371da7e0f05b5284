import type { PersistentVolumeClaim, PersistentVolumeClaimSpec, TypedObjectReference } from "#kinds/api/core-v1.gen.ts";
import {
  checkDnsLabel,
  checkImmutable,
  checkLabelSelector,
  checkOneOf,
  checkPositiveQuantity,
  checkQualifiedName,
  checkRequired,
  checkSubdomain,
  type Errors,
} from "#kinds/shared/checks.ts";
import { compare, integerPart } from "#kinds/shared/quantities.ts";
import { isNativeResource } from "#kinds/shared/resource-names.ts";
import { equal } from "#lib/equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Spec = DeepReadonly<PersistentVolumeClaimSpec>;
type Claim = DeepReadonly<PersistentVolumeClaim>;

export const ACCESS_MODES: readonly string[] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
export const VOLUME_MODES: readonly string[] = ["Block", "Filesystem"];
const CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class";
const RESIZE_STATES = [
  "ControllerResizeInProgress",
  "ControllerResizeInfeasible",
  "NodeResizeInProgress",
  "NodeResizeInfeasible",
  "NodeResizePending",
];

/** What a claim that is stored already may keep. */
interface Leniency {
  readonly labelValues?: boolean;
  readonly sourceGroups?: boolean;
}

/** Modes of a claim or a volume; whether any must be there is the caller's matter. */
export function checkAccessModes(errors: Errors, path: string, modes: readonly string[]): void {
  for (const mode of modes) checkOneOf(errors, path, mode, ACCESS_MODES);
  if (modes.includes("ReadWriteOncePod") && modes.some((mode) => mode !== "ReadWriteOncePod" && ACCESS_MODES.includes(mode))) {
    errors.push(field.forbidden(path, "may not use ReadWriteOncePod with other access modes"));
  }
}

/** Also of the claim templates of volumes and StatefulSets. */
export function validateClaimSpec(errors: Errors, path: string, spec: Spec, lenient: Leniency = {}): void {
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) errors.push(field.required(`${path}.accessModes`, "at least 1 access mode is required"));
  checkLabelSelector(errors, `${path}.selector`, spec.selector, lenient.labelValues);
  checkAccessModes(errors, `${path}.accessModes`, modes);
  const storage = spec.resources?.requests?.["storage"];
  if (storage === undefined) errors.push(field.required(`${path}.resources[storage]`));
  else checkPositiveQuantity(errors, `${path}.resources[storage]`, storage);
  if (spec.storageClassName) checkSubdomain(errors, `${path}.storageClassName`, spec.storageClassName);
  if (spec.volumeMode !== undefined) checkOneOf(errors, `${path}.volumeMode`, spec.volumeMode, VOLUME_MODES);
  const { dataSource: source, dataSourceRef: reference } = spec;
  if (source) checkDataSource(errors, `${path}.dataSource`, source, lenient);
  if (reference) {
    checkDataSource(errors, `${path}.dataSourceRef`, reference, lenient);
    if (reference.namespace) checkDnsLabel(errors, `${path}.dataSourceRef.namespace`, reference.namespace);
  }
  // Upstream gives a path as the value, which prints as an empty object.
  if (source && reference?.namespace) {
    errors.push(field.invalid(path, {}, "may not be specified when dataSourceRef.namespace is specified"));
  } else if (source && reference) {
    const same = source.apiGroup === reference.apiGroup && source.kind === reference.kind && source.name === reference.name;
    if (!same) errors.push(field.invalid(path, {}, "must match dataSourceRef"));
  }
  if (spec.volumeAttributesClassName) checkSubdomain(errors, `${path}.volumeAttributesClassName`, spec.volumeAttributesClassName);
}

function checkDataSource(errors: Errors, path: string, source: DeepReadonly<TypedObjectReference>, lenient: Leniency): void {
  checkRequired(errors, `${path}.name`, source.name);
  checkRequired(errors, `${path}.kind`, source.kind);
  if (!source.apiGroup && source.kind !== "PersistentVolumeClaim") {
    errors.push(field.invalid(path, source.kind ?? "", "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
  }
  if (source.apiGroup && !lenient.sourceGroups) checkSubdomain(errors, `${path}.apiGroup`, source.apiGroup);
}

export function validateClaim(next: Claim, previous: Claim | undefined, subresource: string): FieldError[] {
  const errors: Errors = [];
  if (subresource === "status") {
    validateStatus(errors, next);
    return errors;
  }
  const selectorErrors: Errors = [];
  checkLabelSelector(selectorErrors, "", previous?.spec?.selector);
  const before = previous?.spec;
  const sourceGroups = before?.dataSource?.apiGroup !== undefined || before?.dataSourceRef?.apiGroup !== undefined;
  validateClaimSpec(errors, "spec", next.spec ?? {}, { labelValues: selectorErrors.length > 0, sourceGroups });
  if (previous) validateChange(errors, next, previous);
  return errors;
}

function validateChange(errors: Errors, next: Claim, previous: Claim): void {
  const [spec, before]: [Spec, Spec] = [next.spec ?? {}, previous.spec ?? {}];
  // Status is the stored one here. Binding sets volumeName once, and a bound claim may grow and change its class of attributes.
  const bound = next.status?.phase === "Bound";
  const annotation = previous.metadata?.annotations?.[CLASS_ANNOTATION];
  const nextAnnotation = next.metadata?.annotations?.[CLASS_ANNOTATION];
  const replacesAnnotation =
    annotation !== undefined &&
    before.storageClassName === undefined &&
    spec.storageClassName === annotation &&
    (nextAnnotation === undefined || nextAnnotation === annotation);
  if (!replacesAnnotation && (annotation ?? "") !== (nextAnnotation ?? "")) {
    checkImmutable(errors, `metadata.annotations.${CLASS_ANNOTATION}`, nextAnnotation ?? "", annotation ?? "");
  }
  const setsClass =
    spec.storageClassName !== undefined &&
    before.storageClassName === undefined &&
    (annotation === undefined || spec.storageClassName === annotation);
  const requests = spec.resources?.requests;
  const comparable: Spec = {
    ...spec,
    ...(before.volumeName ? {} : { volumeName: "" }),
    ...(bound && requests
      ? { resources: { ...spec.resources, requests: { ...requests, storage: before.resources?.requests?.["storage"] ?? "0" } } }
      : {}),
  };
  const fixed = (each: Spec) => ({
    ...each,
    volumeName: before.volumeName ? (each.volumeName ?? "") : "",
    storageClassName: replacesAnnotation || setsClass ? undefined : each.storageClassName,
    volumeAttributesClassName: bound ? undefined : each.volumeAttributesClassName,
    resources: { limits: each.resources?.limits ?? {}, requests: each.resources?.requests ?? {} },
    accessModes: each.accessModes ?? [],
    ...sourcesOf(each),
  });
  if (!equal(fixed(comparable), fixed(before))) {
    const text = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n";
    errors.push(field.forbidden("spec", text));
  }
  const [after, was] = [requests?.["storage"], before.resources?.requests?.["storage"]];
  if (compare(after, was) < 0 && compare(after, previous.status?.capacity?.["storage"]) <= 0) {
    errors.push(field.forbidden("spec.resources.requests.storage", "field can not be less than status.capacity"));
  }
  checkImmutable(errors, "volumeMode", spec.volumeMode, before.volumeMode);
  const attributes = spec.volumeAttributesClassName;
  if (previous.status?.currentVolumeAttributesClassName === undefined || attributes === before.volumeAttributesClassName) return;
  if (attributes) return;
  const what = attributes === undefined ? "nil" : "empty string";
  const detail = `update to ${what} is forbidden when status.currentVolumeAttributesClassName is not nil`;
  errors.push(field.forbidden("spec.volumeAttributesClassName", detail));
}

/** Both fields that say what a claim is filled from, as they are when one says what the other can. */
function sourcesOf({ dataSource, dataSourceRef }: Spec): Pick<Spec, "dataSource" | "dataSourceRef"> {
  const { namespace, ...local } = dataSourceRef ?? { kind: "", name: "" };
  const old = dataSource ?? (dataSourceRef && !namespace ? local : undefined);
  const reference = dataSourceRef ?? dataSource;
  return { ...(old ? { dataSource: old } : {}), ...(reference ? { dataSourceRef: reference } : {}) };
}

function validateStatus(errors: Errors, { metadata, spec, status }: Claim): void {
  if (!metadata?.resourceVersion) errors.push(field.required("resourceVersion"));
  if (!spec?.accessModes?.length) errors.push(field.required("Spec.accessModes"));
  for (const [name, value] of Object.entries(status?.capacity ?? {})) checkBasicAmount(errors, `status.capacity[${name}]`, value);
  const states = "status.allocatedResourceStatuses";
  for (const [name, state] of Object.entries(status?.allocatedResourceStatuses ?? {})) {
    checkClaimResource(errors, states, name);
    // Upstream names the resource, not its state.
    if (!RESIZE_STATES.includes(state)) errors.push(field.notSupported(states, name, RESIZE_STATES));
  }
  for (const [name, value] of Object.entries(status?.allocatedResources ?? {})) {
    const path = "status.allocatedResources";
    if (checkClaimResource(errors, path, name)) checkBasicAmount(errors, `${path}[${name}]`, value);
  }
}

/** Upstream's loosest check of an amount; it shows the number without its unit. */
export function checkBasicAmount(errors: Errors, path: string, value: string | number): void {
  const amount = integerPart(value);
  if (amount < 0) errors.push(field.invalid(path, amount, "must be a valid resource quantity"));
}

function checkClaimResource(errors: Errors, path: string, name: string): boolean {
  const before = errors.length;
  checkQualifiedName(errors, path, name);
  if (errors.length === before && isNativeResource(name) && name !== "storage") errors.push(field.notSupported(path, name, ["storage"]));
  return errors.length === before;
}
