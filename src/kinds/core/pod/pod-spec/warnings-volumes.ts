// Volumes of kinds that are gone, and files of one volume that lie on top of one another.

import type { Volume, VolumeProjection } from "#kinds/api/core-v1.gen.ts";
import { quote } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { fractionWarning } from "./warnings-fractions.ts";

type Read<T> = DeepReadonly<T>;

/** In upstream's order; its path for one of them is not the field's name. */
const GONE: readonly (readonly [keyof Volume, string, string?])[] = [
  ["photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"],
  ["gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"],
  ["scaleIO", "deprecated in v1.16, non-functional in v1.22+"],
  ["flocker", "deprecated in v1.22, non-functional in v1.25+"],
  ["storageos", "deprecated in v1.22, non-functional in v1.25+", "storageOS"],
  ["quobyte", "deprecated in v1.22, non-functional in v1.25+"],
  ["glusterfs", "deprecated in v1.25, non-functional in v1.26+"],
  ["ephemeral", ""],
  ["cephfs", "deprecated in v1.28, non-functional in v1.31+"],
  ["rbd", "deprecated in v1.28, non-functional in v1.31+"],
];

export function volumeWarnings(path: string, volumes: readonly Read<Volume>[]): string[] {
  const warnings: string[] = [];
  for (const [index, volume] of volumes.entries()) {
    for (const [name, text, called = name] of GONE) {
      if (!volume[name]) continue;
      if (name === "ephemeral") warnings.push(...claimWarnings(`${path}[${index}].ephemeral.volumeClaimTemplate.spec`, volume));
      else warnings.push(`${path}[${index}].${called}: ${text}`);
    }
  }
  for (const volume of volumes) overlapWarnings(warnings, volume);
  return warnings;
}

function claimWarnings(path: string, { ephemeral }: Read<Volume>): string[] {
  const resources = ephemeral?.volumeClaimTemplate?.spec?.resources;
  return [
    ...fractionWarning(`${path}.resources.requests`, "storage", resources?.requests),
    ...fractionWarning(`${path}.resources.limits`, "storage", resources?.limits),
  ];
}

/** A file in a volume, and the source it comes from where there are several. */
interface File {
  readonly path: string;
  readonly source: string;
}

function overlapWarnings(warnings: string[], { name, configMap, secret, downwardAPI, projected }: Read<Volume>): void {
  const warn = (what: string, text: string) => warnings.push(`volume ${quote(name)} (${what}): overlapping paths: ${text}`);
  const check = (what: string, paths: readonly { readonly path: string }[] | undefined) => {
    const found: File[] = [];
    for (const { path } of paths ?? []) addFile(found, { path, source: "" }, (text) => warn(what, text));
  };
  if (configMap) check(`ConfigMap ${quote(configMap.name ?? "")}`, configMap.items);
  if (secret) check(`Secret ${quote(secret.secretName ?? "")}`, secret.items);
  if (downwardAPI) check("DownwardAPI", downwardAPI.items);
  const found: File[] = [];
  for (const source of projected?.sources ?? []) {
    if (Object.values(source).every((value) => value === undefined || value === null)) {
      warnings.push(`volume ${quote(name)} (Projected) has no sources provided`);
      continue;
    }
    for (const file of filesOf(source)) addFile(found, file, (text) => warn("Projected", text));
  }
}

function addFile(found: File[], { path, source }: File, warn: (text: string) => void): void {
  const file = { path: path?.replace(/\/+$/, "") ?? "", source };
  for (const other of file.path === "" ? [] : found) {
    if (other.path !== "" && (within(other.path, file.path) || within(file.path, other.path))) warn(`${show(file)} with ${show(other)}`);
  }
  found.push(file);
}

const within = (path: string, folder: string): boolean => `${path}/`.startsWith(`${folder}/`);
const show = ({ path, source }: File): string => (source === "" ? quote(path) : `${quote(path)} (${source})`);

/** Upstream looks at the first source only that an entry has. */
function filesOf(source: Read<VolumeProjection>): File[] {
  const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = source;
  const all = (items: readonly { readonly path: string }[], from: string) => items.map(({ path }) => ({ path, source: from }));
  if (configMap?.items) return all(configMap.items, `ConfigMap ${quote(configMap.name ?? "")}`);
  if (secret?.items) return all(secret.items, `Secret ${quote(secret.name ?? "")}`);
  if (downwardAPI?.items) return all(downwardAPI.items, "DownwardAPI");
  if (serviceAccountToken) return [{ path: serviceAccountToken.path, source: "ServiceAccountToken" }];
  if (clusterTrustBundle) {
    const { name, signerName = "", path } = clusterTrustBundle;
    return [{ path, source: `ClusterTrustBundle ${quote(name ?? signerName)}` }];
  }
  const files: File[] = [];
  const add = (path: string | undefined, from: string) => {
    if (path) files.push({ path, source: from });
  };
  add(podCertificate?.certificateChainPath, "PodCertificate chain");
  add(podCertificate?.keyPath, "PodCertificate key");
  add(podCertificate?.credentialBundlePath, "PodCertificate credential bundle");
  return files;
}
