// Volumes of pods: names, exactly one source each, and what the common sources must say.

import type { DownwardAPIVolumeFile, KeyToPath, Volume, VolumeProjection } from "#kinds/api/core-v1.gen.ts";
import { validateClaimSpec } from "#kinds/core/persistent-volume-claim/validate.ts";
import {
  checkDnsLabel,
  checkLabels,
  checkLabelSelector,
  checkOneOf,
  checkRequired,
  checkRule,
  checkSubdomain,
  type Errors,
} from "#kinds/shared/checks.ts";
import { compare } from "#kinds/shared/quantities.ts";
import { field } from "#meta/errors.ts";
import { byteLength, dns1123Subdomain, qualifiedName } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { checkFileMode, checkNoBacksteps, checkNonReservedPath, checkTokenPaths } from "./paths.ts";
import { validateFieldRef, validateResourceRef, VOLUME_FIELDS } from "./validate-env.ts";
import { VENDOR_SOURCES } from "./validate-vendor-volumes.ts";

type Read<T> = DeepReadonly<T>;
type Check<T> = (errors: Errors, path: string, source: T) => void;
type Sources = { readonly [K in Exclude<keyof Volume, "name">]?: Check<NonNullable<Read<Volume>[K]>> };

const HOST_PATH_TYPES = ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
const KEY_TYPES = ["ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519", "RSA3072", "RSA4096"];
const PULL_POLICIES = ["Always", "IfNotPresent", "Never"];
const MIN_TOKEN_SECONDS = 600;

/** The volumes without mistakes, by name. */
export function validateVolumes(
  errors: Errors,
  path: string,
  volumes: readonly Read<Volume>[],
  podName: string | undefined,
  allowsTokenPaths = false,
): ReadonlyMap<string, Read<Volume>> {
  const valid = new Map<string, Read<Volume>>();
  const created = new Set(podName ? volumes.filter((volume) => volume.ephemeral).map((volume) => `${podName}-${volume.name}`) : []);
  for (const [index, volume] of volumes.entries()) {
    const at = `${path}[${index}]`;
    const before = errors.length;
    validateSource(errors, at, volume, podName);
    if (!allowsTokenPaths) checkTokenPaths(errors, at, volume);
    if (checkRequired(errors, `${at}.name`, volume.name)) checkDnsLabel(errors, `${at}.name`, volume.name);
    if (valid.has(volume.name)) errors.push(field.duplicate(`${at}.name`, volume.name));
    if (errors.length === before) valid.set(volume.name, volume);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim !== undefined && created.has(claim)) {
      const text = "must not reference a PVC that gets created for an ephemeral volume";
      errors.push(field.invalid(`${at}.persistentVolumeClaim.claimName`, claim, text));
    }
  }
  return valid;
}

const SOURCES: Sources = {
  emptyDir: (errors, path, { sizeLimit }) => {
    if (sizeLimit !== undefined && compare(sizeLimit, "0") < 0) {
      errors.push(field.forbidden(`${path}.sizeLimit`, "SizeLimit field must be a valid resource quantity"));
    }
  },
  hostPath: (errors, path, source) => {
    if (!checkRequired(errors, `${path}.path`, source.path)) return;
    checkNoBacksteps(errors, `${path}.path`, source.path);
    if (source.type !== undefined) checkOneOf(errors, `${path}.type`, source.type, HOST_PATH_TYPES);
  },
  secret: (errors, path, source) => {
    checkRequired(errors, `${path}.secretName`, source.secretName);
    checkFileMode(errors, `${path}.defaultMode`, source.defaultMode);
    for (const [index, item] of (source.items ?? []).entries()) validateKeyToPath(errors, `${path}.items[${index}]`, item);
  },
  nfs: (errors, path, source) => {
    checkRequired(errors, `${path}.server`, source.server);
    checkRequired(errors, `${path}.path`, source.path);
    if (!source.path?.startsWith("/")) errors.push(field.invalid(`${path}.path`, source.path ?? "", "must be an absolute path"));
  },
  persistentVolumeClaim: (errors, path, source) => void checkRequired(errors, `${path}.claimName`, source.claimName),
  downwardAPI: (errors, path, source) => {
    checkFileMode(errors, `${path}.defaultMode`, source.defaultMode);
    for (const item of source.items ?? []) validateDownwardFile(errors, path, item);
  },
  configMap: (errors, path, source) => {
    checkRequired(errors, `${path}.name`, source.name);
    checkFileMode(errors, `${path}.defaultMode`, source.defaultMode);
    for (const [index, item] of (source.items ?? []).entries()) validateKeyToPath(errors, `${path}.items[${index}]`, item);
  },
  projected: (errors, path, source) => {
    checkFileMode(errors, `${path}.defaultMode`, source.defaultMode);
    validateProjections(errors, path, source.sources ?? []);
  },
  csi: (errors, path, source) => {
    checkDriverName(errors, `${path}.driver`, source.driver);
    const secret = source.nodePublishSecretRef;
    if (!secret) return;
    if (!secret.name) errors.push(field.required(`${path}.nodePublishSecretRef.name`));
    else checkSubdomain(errors, `${path}.name`, secret.name);
  },
  ephemeral: (errors, path, { volumeClaimTemplate: template }) => {
    if (!template) {
      errors.push(field.required(`${path}.volumeClaimTemplate`));
      return;
    }
    const at = `${path}.volumeClaimTemplate`;
    checkLabels(errors, `${at}.metadata.labels`, template.metadata?.labels);
    for (const key of Object.keys(template.metadata ?? {})) {
      // Upstream names the fields as its own code does.
      if (key !== "labels" && key !== "annotations")
        errors.push(field.forbidden(`${at}.metadata.${key === "uid" ? "uID" : key}`, "cannot be set"));
    }
    validateClaimSpec(errors, `${at}.spec`, template.spec);
  },
  image: (errors, path, source) => {
    if (!source.pullPolicy) errors.push(field.required(`${path}.pullPolicy`));
    else checkOneOf(errors, `${path}.pullPolicy`, source.pullPolicy, PULL_POLICIES);
  },
};

/** Upstream's order, which decides which of two sources is the one too many; its path names differ here and there. */
const ORDER: readonly (readonly [Exclude<keyof Volume, "name">, string?])[] = [
  ["emptyDir"],
  ["hostPath"],
  ["gitRepo"],
  ["gcePersistentDisk", "persistentDisk"],
  ["awsElasticBlockStore"],
  ["secret"],
  ["nfs"],
  ["iscsi"],
  ["glusterfs"],
  ["flocker"],
  ["persistentVolumeClaim"],
  ["rbd"],
  ["cinder"],
  ["cephfs"],
  ["quobyte"],
  ["downwardAPI"],
  ["fc"],
  ["flexVolume"],
  ["configMap"],
  ["azureFile"],
  ["vsphereVolume"],
  ["photonPersistentDisk"],
  ["portworxVolume"],
  ["azureDisk"],
  ["storageos"],
  ["projected"],
  ["scaleIO"],
  ["csi"],
  ["ephemeral"],
  ["image"],
];

function validateSource(errors: Errors, path: string, volume: Read<Volume>, podName: string | undefined): void {
  let count = 0;
  for (const [name, called = name] of ORDER) {
    const source = volume[name];
    if (source === undefined || source === null) continue;
    if (count++ > 0) {
      errors.push(field.forbidden(`${path}.${name}`, "may not specify more than 1 volume type"));
      continue;
    }
    // The check listed under a source's name takes that source.
    const check = (SOURCES[name] ?? VENDOR_SOURCES[name]) as Check<unknown> | undefined;
    check?.(errors, `${path}.${called}`, source);
  }
  if (count === 0) errors.push(field.required(path, "must specify a volume type"));
  // Templates may leave the image to be filled in.
  if (volume.image && podName !== undefined && !volume.image.reference) errors.push(field.required(`${path}.image.reference`));
  if (volume.ephemeral && podName && volume.name) {
    const claim = `${podName}-${volume.name}`;
    for (const wrong of dns1123Subdomain(claim)) errors.push(field.invalid(`${path}.name`, volume.name, `PVC name "${claim}": ${wrong}`));
  }
  if (volume.iscsi?.initiatorName !== undefined && byteLength(`${volume.name}:${volume.iscsi.targetPortal}`) > 64) {
    const text = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
    errors.push(field.invalid(`${path}.name`, volume.name, text));
  }
}

/** The name of a CSI driver. */
export function checkDriverName(errors: Errors, path: string, name: string | undefined): void {
  if (!checkRequired(errors, path, name) || !name) return;
  if (name.length > 63) errors.push(field.tooLong(path, 63));
  for (const wrong of dns1123Subdomain(name.toLowerCase())) errors.push(field.invalid(path, name, wrong));
}

function validateKeyToPath(errors: Errors, path: string, item: Read<KeyToPath>): void {
  checkRequired(errors, `${path}.key`, item.key);
  checkRequired(errors, `${path}.path`, item.path);
  checkNonReservedPath(errors, `${path}.path`, item.path ?? "");
  checkFileMode(errors, `${path}.mode`, item.mode);
}

function validateDownwardFile(errors: Errors, path: string, file: Read<DownwardAPIVolumeFile>): void {
  checkRequired(errors, `${path}.path`, file.path);
  checkNonReservedPath(errors, `${path}.path`, file.path ?? "");
  if (file.fieldRef) {
    validateFieldRef(errors, `${path}.fieldRef`, file.fieldRef, VOLUME_FIELDS);
    if (file.resourceFieldRef) {
      errors.push(field.invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"));
    }
  } else if (file.resourceFieldRef) validateResourceRef(errors, `${path}.resourceFieldRef`, file.resourceFieldRef, true);
  else errors.push(field.required(path, "one of fieldRef and resourceFieldRef is required"));
  checkFileMode(errors, `${path}.mode`, file.mode);
}

function validateProjections(errors: Errors, path: string, sources: readonly Read<VolumeProjection>[]): void {
  const paths = new Set<string>();
  const claim = (used: string | undefined, shown: string | undefined = used) => {
    if (!used) return;
    if (paths.has(used)) errors.push(field.invalid(path, shown, "conflicting duplicate paths"));
    paths.add(used);
  };
  for (const [index, source] of sources.entries()) {
    const at = `${path}.sources[${index}]`;
    for (const kind of ["secret", "configMap"] as const) {
      const from = source[kind];
      if (!from) continue;
      checkRequired(errors, `${at}.${kind}.name`, from.name);
      for (const [position, item] of (from.items ?? []).entries()) {
        validateKeyToPath(errors, `${at}.${kind}.items[${position}]`, item);
        claim(item.path, from.name);
      }
    }
    for (const file of source.downwardAPI?.items ?? []) {
      validateDownwardFile(errors, `${at}.downwardAPI`, file);
      claim(file.path);
    }
    validateTokenSource(errors, path, at, source);
    validateTrustBundle(errors, at, source);
    if (source.clusterTrustBundle) claim(source.clusterTrustBundle.path);
    validatePodCertificate(errors, at, source, claim);
    if (Object.values(source).filter((each) => each !== undefined && each !== null).length > 1) {
      errors.push(field.forbidden(at, "may not specify more than 1 volume type per source"));
    }
  }
}

function validateTokenSource(errors: Errors, path: string, at: string, { serviceAccountToken: token }: Read<VolumeProjection>): void {
  if (!token) return;
  const seconds = token.expirationSeconds ?? 0;
  const where = `${at}.serviceAccountToken.expirationSeconds`;
  if (seconds < MIN_TOKEN_SECONDS) errors.push(field.invalid(where, seconds, "may not specify a duration less than 10 minutes"));
  if (seconds > 2 ** 32) errors.push(field.invalid(where, seconds, "may not specify a duration larger than 2^32 seconds"));
  // Upstream names the volume's path here, not the token's.
  if (!token.path) errors.push(field.required(`${path}.path`));
}

function validateTrustBundle(errors: Errors, at: string, { clusterTrustBundle: bundle }: Read<VolumeProjection>): void {
  if (!bundle) return;
  const path = `${at}.clusterTrustBundle`;
  const { name, signerName, labelSelector } = bundle;
  if (name !== undefined && signerName !== undefined)
    errors.push(field.invalid(path, bundle, "only one of name and signerName may be used"));
  else if (name !== undefined) {
    checkRequired(errors, `${path}.name`, name, "must be a valid object name");
    for (const wrong of dns1123Subdomain(name.replaceAll(":", "."))) {
      errors.push(field.invalid(`${path}.name`, name, `not a valid clustertrustbundlename: ${wrong}`));
    }
    if (labelSelector)
      errors.push(field.invalid(`${path}.labelSelector`, labelSelector, "labelSelector must be unset if name is specified"));
  } else if (signerName !== undefined) {
    checkRequired(errors, `${path}.signerName`, signerName, "must be a valid signer name");
    checkLabelSelector(errors, `${path}.labelSelector`, labelSelector);
  } else errors.push(field.required(path, "either name or signerName must be specified"));
  checkRequired(errors, `${path}.path`, bundle.path);
  checkNonReservedPath(errors, `${path}.path`, bundle.path ?? "");
}

function validatePodCertificate(
  errors: Errors,
  at: string,
  source: Read<VolumeProjection>,
  claim: (path: string | undefined) => void,
): void {
  const certificate = source.podCertificate;
  if (!certificate) return;
  const path = `${at}.podCertificate`;
  checkRequired(errors, `${path}.signerName`, certificate.signerName);
  for (const key of Object.keys(certificate.userAnnotations ?? {}))
    checkRule(errors, `${path}.userAnnotations`, key.toLowerCase(), qualifiedName);
  checkOneOf(errors, `${path}.keyType`, certificate.keyType ?? "", KEY_TYPES);
  const seconds = certificate.maxExpirationSeconds;
  if (seconds !== undefined && seconds < 3600) {
    errors.push(field.invalid(`${path}.maxExpirationSeconds`, seconds, "if provided, maxExpirationSeconds must be >= 3600"));
  }
  const max = certificate.signerName?.startsWith("kubernetes.io/") ? 86400 : 7862400;
  if (seconds !== undefined && seconds > max) {
    errors.push(field.invalid(`${path}.maxExpirationSeconds`, seconds, `if provided, maxExpirationSeconds must be <= ${max}`));
  }
  let count = 0;
  for (const name of ["credentialBundlePath", "keyPath", "certificateChainPath"] as const) {
    const file = certificate[name];
    if (!file) continue;
    count++;
    checkNonReservedPath(errors, `${path}.${name}`, file);
    claim(file);
  }
  if (count === 0) errors.push(field.required(path, "specify at least one of credentialBundlePath, keyPath, and certificateChainPath"));
}
