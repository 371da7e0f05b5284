import type { PersistentVolume, PersistentVolumeSpec } from "#kinds/api/core-v1.gen.ts";
import { checkAccessModes, checkBasicAmount, VOLUME_MODES } from "#kinds/core/persistent-volume-claim/validate.ts";
import { validateNodeSelector } from "#kinds/core/pod/pod-spec/validate-scheduling.ts";
import { checkImmutable, checkOneOf, checkPositiveQuantity, checkSubdomain, type Errors } from "#kinds/shared/checks.ts";
import { equal } from "#lib/equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { sourcesOf, validateSources } from "./validate-sources.ts";

type Spec = DeepReadonly<PersistentVolumeSpec>;

const RECLAIM_POLICIES = ["Delete", "Recycle", "Retain"];
const MOUNT_OPTIONS = "volume.beta.kubernetes.io/mount-options";
const BETA_LABELS: Readonly<Record<string, string>> = {
  "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
  "beta.kubernetes.io/os": "kubernetes.io/os",
  "beta.kubernetes.io/arch": "kubernetes.io/arch",
  "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
};
/** Sources that take mount options by annotation. */
const MOUNTED = [
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "glusterfs",
  "nfs",
  "rbd",
  "quobyte",
  "iscsi",
  "cinder",
  "cephfs",
  "azureFile",
  "vsphereVolume",
  "azureDisk",
  "photonPersistentDisk",
] as const;

export function validateVolume(
  next: DeepReadonly<PersistentVolume>,
  previous: DeepReadonly<PersistentVolume> | undefined,
  subresource: string,
): FieldError[] {
  const errors: Errors = [];
  if (subresource === "status") return errors;
  const spec: Spec = next.spec ?? {};
  validateSpec(errors, "spec", spec, next.metadata?.name ?? "");
  if (next.metadata?.annotations?.[MOUNT_OPTIONS] !== undefined && !MOUNTED.some((name) => spec[name])) {
    errors.push(field.forbidden(`metadata.annotations.${MOUNT_OPTIONS}`, "may not specify mount options for this volume type"));
  }
  if (previous) validateChange(errors, spec, previous.spec ?? {});
  return errors;
}

function validateChange(errors: Errors, spec: Spec, before: Spec): void {
  // A secret for growing may be added later.
  const { controllerExpandSecretRef: added, ...csi } = spec.csi ?? {};
  const addsSecret = added !== undefined && before.csi !== undefined && before.csi.controllerExpandSecretRef === undefined;
  const now = addsSecret ? { ...sourcesOf(spec), csi } : sourcesOf(spec);
  if (!equal(now, sourcesOf(before))) {
    errors.push(field.forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation\n"));
  }
  checkImmutable(errors, "volumeMode", spec.volumeMode, before.volumeMode);
  if (
    before.nodeAffinity &&
    !equal(spec.nodeAffinity, before.nodeAffinity) &&
    !equal(spec.nodeAffinity, withoutBeta(before.nodeAffinity))
  ) {
    const detail = "field is immutable, except for updating from beta label to GA";
    errors.push(field.invalid("nodeAffinity", spec.nodeAffinity ?? null, detail));
  }
  if (before.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) {
    errors.push(field.forbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden"));
  }
}

/** The same with the labels that have come for those of beta. */
function withoutBeta({ required }: NonNullable<Spec["nodeAffinity"]>): unknown {
  const renew = <E extends { readonly key: string }>(expressions: readonly E[]) =>
    expressions.map((expression) => ({ ...expression, key: BETA_LABELS[expression.key] ?? expression.key }));
  return {
    required: {
      ...required,
      nodeSelectorTerms: (required?.nodeSelectorTerms ?? []).map(({ matchExpressions, ...rest }) => ({
        ...(matchExpressions ? { matchExpressions: renew(matchExpressions) } : {}),
        ...rest,
      })),
    },
  };
}

/** What volumes and inline volumes have in common. */
function validateCommon(errors: Errors, path: string, spec: Spec, name: string): void {
  checkAccessModes(errors, `${path}.accessModes`, spec.accessModes ?? []);
  validateSources(errors, path, spec, name);
  const root = spec.hostPath && /^\/*(\.?\/+)*\.?$/.test(spec.hostPath.path ?? "") && spec.hostPath.path?.startsWith("/");
  if (root && spec.persistentVolumeReclaimPolicy === "Recycle") {
    errors.push(field.forbidden(`${path}.persistentVolumeReclaimPolicy`, "may not be 'recycle' for a hostPath mount of '/'"));
  }
}

function validateSpec(errors: Errors, path: string, spec: Spec, name: string): void {
  if ((spec.accessModes ?? []).length === 0) errors.push(field.required(`${path}.accessModes`));
  validateCommon(errors, path, spec, name);
  validateCapacity(errors, `${path}.capacity`, spec.capacity);
  const policy = spec.persistentVolumeReclaimPolicy;
  if (policy) checkOneOf(errors, `${path}.persistentVolumeReclaimPolicy`, policy, RECLAIM_POLICIES);
  const required = spec.nodeAffinity?.required;
  if (required) validateNodeSelector(errors, `${path}.nodeAffinity.required`, required);
  else if (spec.nodeAffinity) errors.push(field.required(`${path}.nodeAffinity.required`, "must specify required node constraints"));
  if (spec.storageClassName) checkSubdomain(errors, `${path}.storageClassName`, spec.storageClassName);
  if (spec.volumeMode !== undefined) checkOneOf(errors, `${path}.volumeMode`, spec.volumeMode, VOLUME_MODES);
  const attributes = spec.volumeAttributesClassName;
  if (attributes === undefined) return;
  if (attributes === "") errors.push(field.required(`${path}.volumeAttributesClassName`, "an empty string is disallowed"));
  else checkSubdomain(errors, `${path}.volumeAttributesClassName`, attributes);
  if (!spec.csi) errors.push(field.required(`${path}.csi`, "has to be specified when using volumeAttributesClassName"));
}

function validateCapacity(errors: Errors, path: string, given: Spec["capacity"]): void {
  const capacity: NonNullable<Spec["capacity"]> = given ?? {};
  const names = Object.keys(capacity);
  if (names.length === 0) errors.push(field.required(path));
  if (names.length > 1 || capacity["storage"] === undefined) errors.push(field.notSupported(path, given ?? null, ["storage"]));
  for (const [name, value] of Object.entries(capacity)) {
    checkBasicAmount(errors, `${path}[${name}]`, value);
    checkPositiveQuantity(errors, `${path}[${name}]`, value);
  }
}

/** A volume that stands in the object that attaches it: only the source is its own. */
export function validateInlineVolumeSpec(errors: Errors, path: string, spec: Spec): void {
  const refuse = (name: string) => errors.push(field.forbidden(`${path}.${name}`, "may not be specified in the context of inline volumes"));
  if (spec.claimRef) refuse("claimRef");
  if (Object.keys(spec.capacity ?? {}).length > 0) refuse("capacity");
  if (!spec.csi) errors.push(field.required(`${path}.csi`, "has to be specified in the context of inline volumes"));
  if ((spec.accessModes ?? []).length === 0) errors.push(field.required(`${path}.accessModes`));
  validateCommon(errors, path, spec, "");
  const policy = spec.persistentVolumeReclaimPolicy;
  if (policy && policy !== "Retain") {
    errors.push(field.forbidden(`${path}.persistentVolumeReclaimPolicy`, "may only be Retain in the context of inline volumes"));
  }
  if (spec.nodeAffinity) refuse("nodeAffinity");
  if (spec.storageClassName) refuse("storageClassName");
  if (spec.volumeMode !== undefined && spec.volumeMode !== "Filesystem") {
    errors.push(field.forbidden(`${path}.volumeMode`, "may not specify volumeMode other than Filesystem in the context of inline volumes"));
  }
}
