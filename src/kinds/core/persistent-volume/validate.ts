import type { PersistentVolume } from "#kinds/api/core-v1.gen.ts";
import { ACCESS_MODES, VOLUME_MODES } from "#kinds/core/persistent-volume-claim/validate.ts";
import { validateNodeSelector } from "#kinds/core/pod/pod-spec/validate-scheduling.ts";
import { checkNoBacksteps } from "#kinds/core/pod/pod-spec/paths.ts";
import { checkDriverName } from "#kinds/core/pod/pod-spec/validate-volumes.ts";
import { checkImmutable, checkOneOf, checkPositiveQuantity, checkRequired, checkSubdomain, type Errors } from "#kinds/shared/checks.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Spec = DeepReadonly<NonNullable<PersistentVolume["spec"]>>;

const RECLAIM_POLICIES = ["Delete", "Recycle", "Retain"];
const SOURCES = [
  "hostPath",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "glusterfs",
  "flocker",
  "nfs",
  "rbd",
  "quobyte",
  "cephfs",
  "iscsi",
  "cinder",
  "fc",
  "flexVolume",
  "azureFile",
  "vsphereVolume",
  "photonPersistentDisk",
  "portworxVolume",
  "azureDisk",
  "scaleIO",
  "local",
  "storageos",
  "csi",
] as const;

export function validateVolume(
  next: DeepReadonly<PersistentVolume>,
  previous: DeepReadonly<PersistentVolume> | undefined,
  subresource: string,
): FieldError[] {
  const errors: Errors = [];
  if (subresource === "status") return errors;
  validateSpec(errors, next.spec ?? {});
  if (!previous) return errors;
  const sourcesOf = (spec: Spec | undefined) => Object.fromEntries(SOURCES.map((name) => [name, spec?.[name]]));
  if (JSON.stringify(sourcesOf(next.spec)) !== JSON.stringify(sourcesOf(previous.spec))) {
    errors.push(field.forbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation\n"));
  }
  checkImmutable(errors, "spec.volumeMode", next.spec?.volumeMode, previous.spec?.volumeMode);
  if (previous.spec?.nodeAffinity) checkImmutable(errors, "spec.nodeAffinity", next.spec?.nodeAffinity, previous.spec.nodeAffinity);
  return errors;
}

function validateSpec(errors: Errors, spec: Spec): void {
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) errors.push(field.required("spec.accessModes"));
  for (const mode of modes) checkOneOf(errors, "spec.accessModes", mode, ACCESS_MODES);
  if (modes.includes("ReadWriteOncePod") && modes.length > 1) {
    errors.push(field.forbidden("spec.accessModes", "may not use ReadWriteOncePod with other access modes"));
  }
  const capacity = spec.capacity ?? {};
  if (Object.keys(capacity).length === 0) errors.push(field.required("spec.capacity"));
  const storage = capacity["storage"];
  if (storage === undefined || Object.keys(capacity).length > 1) errors.push(field.notSupported("spec.capacity", capacity, ["storage"]));
  if (storage !== undefined) checkPositiveQuantity(errors, "spec.capacity[storage]", storage);
  if (spec.persistentVolumeReclaimPolicy) {
    checkOneOf(errors, "spec.persistentVolumeReclaimPolicy", spec.persistentVolumeReclaimPolicy, RECLAIM_POLICIES);
  }
  const required = spec.nodeAffinity?.required;
  if (spec.nodeAffinity && !required) errors.push(field.required("spec.nodeAffinity.required", "must specify required node constraints"));
  if (required) validateNodeSelector(errors, "spec.nodeAffinity.required", required);
  validateSource(errors, spec);
  if (spec.storageClassName) checkSubdomain(errors, "spec.storageClassName", spec.storageClassName);
  if (spec.volumeMode !== undefined) checkOneOf(errors, "spec.volumeMode", spec.volumeMode, VOLUME_MODES);
}

function validateSource(errors: Errors, spec: Spec): void {
  const given = SOURCES.filter((name) => spec[name] !== undefined);
  if (given.length === 0) errors.push(field.required("spec", "must specify a volume type"));
  for (const name of given.slice(1)) errors.push(field.forbidden(`spec.${name}`, "may not specify more than 1 volume type"));
  if (spec.hostPath && checkRequired(errors, "spec.hostPath.path", spec.hostPath.path))
    checkNoBacksteps(errors, "spec.hostPath.path", spec.hostPath.path);
  if (spec.hostPath?.path === "/" && spec.persistentVolumeReclaimPolicy === "Recycle") {
    errors.push(field.forbidden("spec.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'"));
  }
  if (spec.nfs) {
    checkRequired(errors, "spec.nfs.server", spec.nfs.server);
    checkRequired(errors, "spec.nfs.path", spec.nfs.path);
    if (!spec.nfs.path?.startsWith("/")) errors.push(field.invalid("spec.nfs.path", spec.nfs.path ?? "", "must be an absolute path"));
  }
  if (spec.local) {
    if (checkRequired(errors, "spec.local.path", spec.local.path)) checkNoBacksteps(errors, "spec.local.path", spec.local.path);
    if (!spec.nodeAffinity) errors.push(field.required("spec.nodeAffinity", "Local volume requires node affinity"));
  }
  if (spec.csi) {
    checkDriverName(errors, "spec.csi.driver", spec.csi.driver);
    checkRequired(errors, "spec.csi.volumeHandle", spec.csi.volumeHandle);
  }
}
