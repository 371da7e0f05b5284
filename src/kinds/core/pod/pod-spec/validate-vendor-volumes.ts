// Volume sources of particular vendors and of old times: accepted and checked, mounted by nobody here.

import type { Volume } from "#kinds/api/core-v1.gen.ts";
import { checkOneOf, checkRequired, checkRule, type Errors } from "#kinds/shared/checks.ts";
import { field } from "#meta/errors.ts";
import { dns1123Subdomain, inclusiveRangeText } from "#meta/names.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { checkDescendingPath } from "./paths.ts";

type Sources = {
  readonly [K in Exclude<keyof Volume, "name">]?: (errors: Errors, path: string, source: NonNullable<DeepReadonly<Volume>[K]>) => void;
};

const INITIATORS: readonly (readonly [string, RegExp])[] = [
  ["iqn", /iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)$/],
  ["eui", /^eui.[A-Za-z0-9]{16}$/],
  ["naa", /^naa.[A-Za-z0-9]{32}$/],
];

function checkPartition(errors: Errors, path: string, partition: number | undefined): void {
  if (partition !== undefined && (partition < 0 || partition > 255))
    errors.push(field.invalid(path, partition, inclusiveRangeText(1, 255)));
}

function checkLun(errors: Errors, path: string, lun: number | undefined): void {
  if (lun !== undefined && (lun < 0 || lun > 255)) errors.push(field.invalid(path, lun, inclusiveRangeText(0, 255)));
}

function checkInitiator(errors: Errors, path: string, name: string): void {
  const form = INITIATORS.find(([prefix]) => name.startsWith(prefix));
  if (!form) errors.push(field.invalid(path, name, "must be valid format starting with iqn, eui, or naa"));
  else if (!form[1].test(name)) errors.push(field.invalid(path, name, "must be valid format"));
}

const CACHING_MODES = ["None", "ReadOnly", "ReadWrite"];
const DISK_KINDS = ["Dedicated", "Managed", "Shared"];
const MANAGED_DISK = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}";
const BLOB_DISK = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd";
const HOST_PORTS = "must be a host:port pair or multiple pairs separated by commas";

export const VENDOR_SOURCES: Sources = {
  gitRepo: (errors, path, source) => {
    checkRequired(errors, `${path}.repository`, source.repository);
    checkDescendingPath(errors, `${path}.directory`, source.directory ?? "");
  },
  gcePersistentDisk: (errors, path, source) => {
    checkRequired(errors, `${path}.pdName`, source.pdName);
    checkPartition(errors, `${path}.partition`, source.partition);
  },
  awsElasticBlockStore: (errors, path, source) => {
    checkRequired(errors, `${path}.volumeID`, source.volumeID);
    checkPartition(errors, `${path}.partition`, source.partition);
  },
  iscsi: (errors, path, source) => {
    checkRequired(errors, `${path}.targetPortal`, source.targetPortal);
    if (checkRequired(errors, `${path}.iqn`, source.iqn)) checkInitiator(errors, `${path}.iqn`, source.iqn);
    checkLun(errors, `${path}.lun`, source.lun);
    if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef) errors.push(field.required(`${path}.secretRef`));
    if (source.initiatorName !== undefined) checkInitiator(errors, `${path}.initiatorname`, source.initiatorName);
  },
  glusterfs: (errors, path, source) => {
    checkRequired(errors, `${path}.endpoints`, source.endpoints);
    checkRequired(errors, `${path}.path`, source.path);
  },
  flocker: (errors, path, { datasetName, datasetUUID }) => {
    if (!datasetName && !datasetUUID) errors.push(field.required(path, "one of datasetName and datasetUUID is required"));
    if (datasetName && datasetUUID) {
      errors.push(field.invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously"));
    }
    if (datasetName?.includes("/")) errors.push(field.invalid(`${path}.datasetName`, datasetName, "must not contain '/'"));
  },
  rbd: (errors, path, source) => {
    if (!source.monitors?.length) errors.push(field.required(`${path}.monitors`));
    checkRequired(errors, `${path}.image`, source.image);
  },
  cinder: (errors, path, source) => {
    checkRequired(errors, `${path}.volumeID`, source.volumeID);
    if (source.secretRef) checkRequired(errors, `${path}.secretRef.name`, source.secretRef.name);
  },
  cephfs: (errors, path, source) => {
    if (!source.monitors?.length) errors.push(field.required(`${path}.monitors`));
  },
  quobyte: (errors, path, source) => {
    if (!source.registry) errors.push(field.required(`${path}.registry`, HOST_PORTS));
    else if ((source.tenant?.length ?? 0) >= 65) {
      errors.push(field.required(`${path}.tenant`, "must be a UUID and may not exceed a length of 64 characters"));
    } else {
      for (const pair of source.registry.split(",")) {
        if (!/^(\[[^\]]*\]|[^:]*):[^:]*$/.test(pair)) errors.push(field.invalid(`${path}.registry`, source.registry, HOST_PORTS));
      }
    }
    checkRequired(errors, `${path}.volume`, source.volume);
  },
  fc: (errors, path, { targetWWNs = [], wwids = [], lun }) => {
    const at = `${path}.targetWWNs`;
    if (targetWWNs.length === 0 && wwids.length === 0)
      errors.push(field.required(at, "must specify either targetWWNs or wwids, but not both"));
    if (targetWWNs.length > 0 && wwids.length > 0) {
      errors.push(field.invalid(at, targetWWNs, "targetWWNs and wwids can not be specified simultaneously"));
    }
    if (targetWWNs.length > 0 && lun === undefined)
      errors.push(field.required(`${path}.lun`, "lun is required if targetWWNs is specified"));
    if (targetWWNs.length > 0) checkLun(errors, `${path}.lun`, lun);
  },
  flexVolume: (errors, path, source) => {
    checkRequired(errors, `${path}.driver`, source.driver);
    for (const key of Object.keys(source.options ?? {})) {
      if (/\.(kubernetes|k8s)\.io$/.test(`.${(key.split("/", 1)[0] ?? key).toLowerCase()}`)) {
        errors.push(field.invalid(`${path}.options[${key}]`, key, "kubernetes.io and k8s.io namespaces are reserved"));
      }
    }
  },
  azureFile: (errors, path, source) => {
    checkRequired(errors, `${path}.secretName`, source.secretName);
    checkRequired(errors, `${path}.shareName`, source.shareName);
  },
  vsphereVolume: (errors, path, source) => void checkRequired(errors, `${path}.volumePath`, source.volumePath),
  photonPersistentDisk: (errors, path, source) => void checkRequired(errors, `${path}.pdID`, source.pdID),
  portworxVolume: (errors, path, source) => void checkRequired(errors, `${path}.volumeID`, source.volumeID),
  azureDisk: (errors, path, { diskName, diskURI, cachingMode, kind }) => {
    checkRequired(errors, `${path}.diskName`, diskName);
    checkRequired(errors, `${path}.diskURI`, diskURI);
    if (cachingMode !== undefined) checkOneOf(errors, `${path}.cachingMode`, cachingMode, CACHING_MODES);
    if (kind === undefined) return;
    checkOneOf(errors, `${path}.kind`, kind, DISK_KINDS);
    const managed = kind === "Managed";
    if (!(diskURI ?? "").startsWith(managed ? "/subscriptions/" : "https://")) {
      errors.push(field.notSupported(`${path}.diskURI`, diskURI, [managed ? MANAGED_DISK : BLOB_DISK]));
    }
  },
  storageos: (errors, path, { volumeName, volumeNamespace, secretRef }) => {
    if (checkRequired(errors, `${path}.volumeName`, volumeName))
      checkRule(errors, `${path}.volumeName`, volumeName ?? "", dns1123Subdomain);
    if (volumeNamespace) checkRule(errors, `${path}.volumeNamespace`, volumeNamespace, dns1123Subdomain);
    if (secretRef) checkRequired(errors, `${path}.secretRef.name`, secretRef.name);
  },
  scaleIO: (errors, path, source) => {
    checkRequired(errors, `${path}.gateway`, source.gateway);
    checkRequired(errors, `${path}.system`, source.system);
    checkRequired(errors, `${path}.volumeName`, source.volumeName);
  },
};
