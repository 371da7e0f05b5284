// Defaults of pod specs and of all that is in them, for pods and for the templates of workloads.

import type {
  Container,
  EphemeralContainer,
  LifecycleHandler,
  ObjectFieldSelector,
  PodSpec,
  PodTemplateSpec,
  Probe,
  ResourceFieldSelector,
  ResourceRequirements,
  Volume,
} from "#kinds/api/core-v1.gen.ts";
import { canonical, canonicalize } from "#kinds/shared/quantities.ts";

const PART = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const HOST = "(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?";
const DIGEST = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}";
/** An image name as container registries have it. */
const IMAGE = new RegExp(`^(?:${HOST}/)?${PART}(?:/${PART})*(?::\\w[\\w.-]{0,127})?(?:@${DIGEST})?$`);
const FILE_MODE = 0o644;
const TOKEN_SECONDS = 3600;

/** The default for a template; what only pods get (requests from limits, service links) is in defaultPod. */
export function defaultPodTemplate(template: PodTemplateSpec | undefined | null): void {
  if (!template) return;
  template.metadata ??= {};
  // Upstream's templates always have a spec; what it misses is then refused.
  defaultPodSpec((template.spec ??= {} as PodSpec));
}

export function defaultPodSpec(spec: PodSpec): void {
  spec.dnsPolicy ||= "ClusterFirst";
  spec.restartPolicy ||= "Always";
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= "default-scheduler";
  // The deprecated name of the field is always served beside the new one.
  const serviceAccount = spec.serviceAccountName || spec.serviceAccount;
  if (serviceAccount) {
    spec.serviceAccountName = serviceAccount;
    spec.serviceAccount = serviceAccount;
  }
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  for (const container of spec.initContainers ?? []) defaultContainer(container);
  for (const container of spec.containers ?? []) defaultContainer(container);
  for (const container of spec.ephemeralContainers ?? []) defaultContainer(container);
  canonicalize(spec.overhead);
  canonicalizeResources(spec.resources);
}

export function defaultContainer(container: Container | EphemeralContainer): void {
  container.imagePullPolicy ||= defaultPullPolicy(container.image ?? "");
  container.terminationMessagePath ||= "/dev/termination-log";
  container.terminationMessagePolicy ||= "File";
  container.resources ??= {};
  canonicalizeResources(container.resources);
  for (const port of container.ports ?? []) port.protocol ||= "TCP";
  for (const variable of container.env ?? []) {
    defaultFieldRef(variable.valueFrom?.fieldRef);
    defaultResourceRef(variable.valueFrom?.resourceFieldRef);
    const file = variable.valueFrom?.fileKeyRef;
    if (file) file.optional ??= false;
  }
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  defaultHandler(container.lifecycle?.postStart);
  defaultHandler(container.lifecycle?.preStop);
}

/** `Always` for the tag latest, given or implied; a digest alone implies no tag. */
function defaultPullPolicy(image: string): string {
  // Of what is no image name, nothing can be said of the tag.
  if (!IMAGE.test(image)) return "IfNotPresent";
  const [named = "", digest] = image.split("@", 2);
  const colon = named.lastIndexOf(":");
  const tag = colon > named.lastIndexOf("/") ? named.slice(colon + 1) : "";
  const latest = tag === "latest" || (tag === "" && digest === undefined && named !== "");
  return latest ? "Always" : "IfNotPresent";
}

function defaultProbe(probe: Probe | undefined | null): void {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  defaultHandler(probe);
  if (probe.grpc) probe.grpc.service ??= "";
}

function defaultHandler(handler: Pick<LifecycleHandler, "httpGet"> | undefined | null): void {
  const get = handler?.httpGet;
  if (!get) return;
  get.path ||= "/";
  get.scheme ||= "HTTP";
}

function defaultFieldRef(ref: ObjectFieldSelector | undefined | null): void {
  if (ref) ref.apiVersion ||= "v1";
}

function defaultResourceRef(ref: ResourceFieldSelector | undefined | null): void {
  if (ref) ref.divisor = canonical(ref.divisor ?? "0");
}

function canonicalizeResources(resources: Pick<ResourceRequirements, "limits" | "requests"> | undefined | null): void {
  canonicalize(resources?.limits);
  canonicalize(resources?.requests);
}

export function defaultVolume(volume: Volume): void {
  if (Object.entries(volume).every(([key, value]) => key === "name" || value === undefined || value === null)) volume.emptyDir = {};
  if (volume.emptyDir?.sizeLimit !== undefined) volume.emptyDir.sizeLimit = canonical(volume.emptyDir.sizeLimit);
  if (volume.image) volume.image.pullPolicy ||= defaultPullPolicy(volume.image.reference ?? "");
  if (volume.hostPath) volume.hostPath.type ??= "";
  if (volume.secret) volume.secret.defaultMode ??= FILE_MODE;
  if (volume.configMap) volume.configMap.defaultMode ??= FILE_MODE;
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= FILE_MODE;
    for (const item of volume.downwardAPI.items ?? []) {
      defaultFieldRef(item.fieldRef);
      defaultResourceRef(item.resourceFieldRef);
    }
  }
  if (volume.projected) {
    volume.projected.defaultMode ??= FILE_MODE;
    for (const source of volume.projected.sources ?? []) {
      if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= TOKEN_SECONDS;
      for (const item of source.downwardAPI?.items ?? []) {
        defaultFieldRef(item.fieldRef);
        defaultResourceRef(item.resourceFieldRef);
      }
    }
  }
  if (volume.iscsi) volume.iscsi.iscsiInterface ||= "default";
  if (volume.rbd) {
    volume.rbd.pool ||= "rbd";
    volume.rbd.user ||= "admin";
    volume.rbd.keyring ||= "/etc/ceph/keyring";
  }
  if (volume.azureDisk) {
    volume.azureDisk.cachingMode ??= "ReadWrite";
    volume.azureDisk.kind ??= "Shared";
    volume.azureDisk.fsType ??= "ext4";
    volume.azureDisk.readOnly ??= false;
  }
  if (volume.scaleIO) {
    volume.scaleIO.storageMode ||= "ThinProvisioned";
    volume.scaleIO.fsType ||= "xfs";
  }
  const claim = volume.ephemeral?.volumeClaimTemplate?.spec;
  if (claim) {
    claim.volumeMode ??= "Filesystem";
    canonicalize(claim.resources?.limits);
    canonicalize(claim.resources?.requests);
  }
}
