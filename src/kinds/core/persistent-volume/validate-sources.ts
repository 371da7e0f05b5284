// Where a PersistentVolume's bytes are: exactly one source, and what each must say. Most are checked as in pods.

import type { PersistentVolumeSpec, SecretReference } from "#kinds/api/core-v1.gen.ts";
import { checkNoBacksteps } from "#kinds/core/pod/pod-spec/paths.ts";
import { VENDOR_SOURCES } from "#kinds/core/pod/pod-spec/validate-vendor-volumes.ts";
import { checkDriverName } from "#kinds/core/pod/pod-spec/validate-volumes.ts";
import { checkDnsLabel, checkOneOf, checkRequired, checkSubdomain, type Errors } from "#kinds/shared/checks.ts";
import { field } from "#meta/errors.ts";
import { byteLength, inclusiveRangeText } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Spec = DeepReadonly<PersistentVolumeSpec>;
type Check<K extends keyof Spec> = (errors: Errors, path: string, source: NonNullable<Spec[K]>, volumeName: string) => void;

const HOST_PATH_TYPES = ["", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"];
const MAX_TARGET = 64;
const INITIATORS: Readonly<Record<string, RegExp>> = {
  iqn: /iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)$/,
  eui: /^eui.[A-Za-z0-9]{16}$/,
  naa: /^naa.[A-Za-z0-9]{32}$/,
};

function checkInitiator(errors: Errors, path: string, name: string): void {
  if (!INITIATORS[name.slice(0, 3)]?.test(name)) errors.push(field.invalid(path, name, "must be valid format"));
}

function checkSecretParts(errors: Errors, path: string, reference: DeepReadonly<SecretReference> | undefined): void {
  if (!reference) return;
  checkRequired(errors, `${path}.name`, reference.name);
  checkRequired(errors, `${path}.namespace`, reference.namespace);
}

function checkSecretReference(errors: Errors, path: string, reference: DeepReadonly<SecretReference> | undefined): void {
  if (!reference) return;
  if (checkRequired(errors, `${path}.name`, reference.name)) checkSubdomain(errors, `${path}.name`, reference.name);
  if (checkRequired(errors, `${path}.namespace`, reference.namespace)) checkDnsLabel(errors, `${path}.namespace`, reference.namespace);
}

/** In the order in which upstream looks at them: the first that is set counts. */
const SOURCES: { readonly [K in keyof Spec]?: Check<K> } = {
  hostPath: (errors, path, source) => {
    if (!checkRequired(errors, `${path}.path`, source.path)) return;
    checkNoBacksteps(errors, `${path}.path`, source.path);
    if (source.type !== undefined) checkOneOf(errors, `${path}.type`, source.type, HOST_PATH_TYPES);
  },
  gcePersistentDisk: (errors, path, source) => {
    VENDOR_SOURCES.gcePersistentDisk?.(errors, path.replace(/gcePersistentDisk$/, "persistentDisk"), source);
  },
  awsElasticBlockStore: (errors, path, source) => VENDOR_SOURCES.awsElasticBlockStore?.(errors, path, source),
  glusterfs: (errors, path, source) => {
    checkRequired(errors, `${path}.endpoints`, source.endpoints);
    checkRequired(errors, `${path}.path`, source.path);
    const namespace = source.endpointsNamespace;
    if (namespace === "") {
      const detail = "if the endpointnamespace is set, it must be a valid namespace name";
      errors.push(field.invalid(`${path}.endpointsNamespace`, namespace, detail));
    } else if (namespace !== undefined) checkDnsLabel(errors, `${path}.endpointsNamespace`, namespace);
  },
  flocker: (errors, path, source) => VENDOR_SOURCES.flocker?.(errors, path, source),
  nfs: (errors, path, source) => {
    const server = source.server;
    const directory: string = source.path ?? "";
    checkRequired(errors, `${path}.server`, server);
    checkRequired(errors, `${path}.path`, directory);
    if (!directory.startsWith("/")) errors.push(field.invalid(`${path}.path`, directory, "must be an absolute path"));
  },
  rbd: (errors, path, { monitors, image }) => {
    if (!monitors?.length) errors.push(field.required(`${path}.monitors`));
    checkRequired(errors, `${path}.image`, image);
  },
  quobyte: (errors, path, source) => VENDOR_SOURCES.quobyte?.(errors, path, source),
  cephfs: (errors, path, { monitors }) => {
    if (!monitors?.length) errors.push(field.required(`${path}.monitors`));
  },
  iscsi: (errors, path, source, volumeName) => {
    const portal = source.targetPortal ?? "";
    checkRequired(errors, `${path}.targetPortal`, portal);
    if (source.initiatorName !== undefined && byteLength(`${volumeName}:${portal}`) > MAX_TARGET) {
      const detail = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
      errors.push(field.invalid(`${path}.targetportal`, portal, detail));
    }
    if (checkRequired(errors, `${path}.iqn`, source.iqn)) checkInitiator(errors, `${path}.iqn`, source.iqn);
    if (source.lun < 0 || source.lun > 255) errors.push(field.invalid(`${path}.lun`, source.lun, inclusiveRangeText(0, 255)));
    if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef) errors.push(field.required(`${path}.secretRef`));
    if (source.secretRef) checkRequired(errors, `${path}.secretRef.name`, source.secretRef.name);
    if (source.initiatorName !== undefined) checkInitiator(errors, `${path}.initiatorname`, source.initiatorName);
  },
  cinder: (errors, path, { volumeID, secretRef }) => {
    checkRequired(errors, `${path}.volumeID`, volumeID);
    checkSecretParts(errors, `${path}.secretRef`, secretRef);
  },
  fc: (errors, path, source) => VENDOR_SOURCES.fc?.(errors, path, source),
  flexVolume: (errors, path, { driver, options }) => {
    VENDOR_SOURCES.flexVolume?.(errors, path, { driver, ...(options ? { options } : {}) });
  },
  azureFile: (errors, path, { secretName, shareName, secretNamespace }) => {
    checkRequired(errors, `${path}.secretName`, secretName);
    checkRequired(errors, `${path}.shareName`, shareName);
    if (secretNamespace === "") errors.push(field.required(`${path}.secretNamespace`));
  },
  vsphereVolume: (errors, path, source) => VENDOR_SOURCES.vsphereVolume?.(errors, path, source),
  photonPersistentDisk: (errors, path, source) => VENDOR_SOURCES.photonPersistentDisk?.(errors, path, source),
  portworxVolume: (errors, path, source) => VENDOR_SOURCES.portworxVolume?.(errors, path, source),
  azureDisk: (errors, path, source) => VENDOR_SOURCES.azureDisk?.(errors, path, source),
  scaleIO: (errors, path, { gateway, system, volumeName }) => {
    checkRequired(errors, `${path}.gateway`, gateway);
    checkRequired(errors, `${path}.system`, system);
    checkRequired(errors, `${path}.volumeName`, volumeName);
  },
  local: (errors, path, source) => {
    if (checkRequired(errors, `${path}.path`, source.path)) checkNoBacksteps(errors, `${path}.path`, source.path);
  },
  storageos: (errors, path, { volumeName, volumeNamespace, secretRef }) => {
    if (checkRequired(errors, `${path}.volumeName`, volumeName)) checkDnsLabel(errors, `${path}.volumeName`, volumeName);
    if (volumeNamespace) checkDnsLabel(errors, `${path}.volumeNamespace`, volumeNamespace);
    checkSecretParts(errors, `${path}.secretRef`, secretRef);
  },
  csi: (errors, path, source) => {
    checkDriverName(errors, `${path}.driver`, source.driver);
    checkRequired(errors, `${path}.volumeHandle`, source.volumeHandle);
    // nodeStageSecretRef is not looked at upstream either.
    for (const name of [
      "controllerPublishSecretRef",
      "controllerExpandSecretRef",
      "nodePublishSecretRef",
      "nodeExpandSecretRef",
    ] as const) {
      checkSecretReference(errors, `${path}.${name}`, source[name]);
    }
  },
};

const NAMES = Object.keys(SOURCES) as readonly (keyof typeof SOURCES)[]; // the keys of the literal above

/** The part of a spec that cannot be changed. */
export function sourcesOf(spec: Spec | undefined): Readonly<Record<string, unknown>> {
  return Object.fromEntries(NAMES.flatMap((name) => (spec?.[name] === undefined ? [] : [[name, spec[name]]])));
}

export function validateSources(errors: Errors, path: string, spec: Spec, volumeName: string): void {
  let seen = false;
  for (const name of NAMES) {
    const source = spec[name];
    if (source === undefined) continue;
    // Upstream counts a flexVolume but never refuses one.
    if (seen && name !== "flexVolume") {
      errors.push(field.forbidden(`${path}.${name === "cephfs" ? "cephFS" : name}`, "may not specify more than 1 volume type"));
      continue;
    }
    seen = true;
    // The table's functions take the source of their own key.
    const check = SOURCES[name] as (errors: Errors, path: string, source: unknown, volumeName: string) => void;
    check(errors, `${path}.${name}`, source, volumeName);
    if (name === "local" && !spec.nodeAffinity) errors.push(field.required(`${path}.nodeAffinity`, "Local volume requires node affinity"));
  }
  if (!seen) errors.push(field.required(path, "must specify a volume type"));
}
