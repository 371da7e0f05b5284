// ServiceAccount: every pod runs as an account that exists, and finds its token, the cluster's CA and its namespace in a volume.

import type { AdmissionAttributes, AdmissionPlugin } from "#apiserver/admission.ts";
import type { Registry } from "#apiserver/registry.ts";
import { type Container, type Pod, type PodSpec, ServiceAccount, type Volume, type VolumeProjection } from "#kinds/api/core-v1.gen.ts";
import type { Clock } from "#lib/clock.ts";
import { notFound } from "#meta/errors.ts";
import { generateName } from "#meta/generate-name.ts";
import { type DeepReadonly, makeKey } from "#meta/object.ts";
import { isPodWrite } from "./pods.ts";
import { refuse } from "./refuse.ts";

const DEFAULT_ACCOUNT = "default";
const VOLUME_PREFIX = "kube-api-access-";
const MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";
const MIRROR_ANNOTATION = "kubernetes.io/config.mirror";
const ENFORCE_ANNOTATION = "kubernetes.io/enforce-mountable-secrets";
/** Token files are renewed before this; the odd seconds mark them as the pod's own (see serviceaccounts/token). */
const TOKEN_SECONDS = 3607;
/** A new namespace's default account is made by a controller a moment later: pods that come first wait for it. */
const WAIT_FOR_DEFAULT_MS = 1500;

type Account = DeepReadonly<ServiceAccount>;

export function serviceAccount(options: {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: () => number;
}): AdmissionPlugin {
  const { registry, clock, random } = options;
  const accounts = registry.cache(ServiceAccount);

  const find = async (attributes: AdmissionAttributes, name: string): Promise<Account> => {
    const key = makeKey(attributes.namespace, name);
    const found =
      accounts.get(key) ?? (await registry.get(ServiceAccount, key)) ?? (name === DEFAULT_ACCOUNT ? await appears(key) : undefined);
    if (found) return found as Account;
    const cause = notFound({ group: "", plural: "serviceaccount" }, name).message;
    throw refuse(attributes, `error looking up service account ${attributes.namespace}/${name}: ${cause}`);
  };
  const appears = (key: string): Promise<Account | undefined> =>
    new Promise((resolve) => {
      const finish = (account: Account | undefined) => {
        timer.cancel();
        // Subscribing may find the account at once, before there is a subscription to end.
        queueMicrotask(() => subscription[Symbol.dispose]());
        resolve(account);
      };
      const timer = clock.after(WAIT_FOR_DEFAULT_MS, () => finish(accounts.get(key)));
      const subscription = accounts.subscribe(() => {
        const account = accounts.get(key);
        if (account) finish(account);
      });
    });

  const complete = (attributes: AdmissionAttributes, spec: PodSpec, account: Account): void => {
    if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(spec, random);
    if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length) {
      spec.imagePullSecrets = account.imagePullSecrets.map(({ name }) => (name === undefined ? {} : { name }));
    }
    if (account.metadata?.annotations?.[ENFORCE_ANNOTATION] !== "true") return;
    const problem = forbiddenSecret(spec, account);
    if (problem !== undefined) throw refuse(attributes, problem);
  };

  return {
    name: "ServiceAccount",
    handles: isPodWrite("CREATE"),
    mutate(attributes) {
      const pod = attributes.object as Pod; // handles() lets only pods through
      const spec = pod.spec;
      if (!spec) return undefined;
      if (pod.metadata?.annotations?.[MIRROR_ANNOTATION] !== undefined) {
        const problem = mirrorProblem(spec);
        if (problem !== undefined) throw refuse(attributes, problem);
        return undefined;
      }
      const name = (spec.serviceAccountName ||= DEFAULT_ACCOUNT);
      spec.serviceAccount = name; // the deprecated twin
      const cached = accounts.get(makeKey(attributes.namespace, name));
      if (cached) return complete(attributes, spec, cached);
      return find(attributes, name).then((account) => complete(attributes, spec, account));
    },
  };
}

function mountToken(spec: PodSpec, random: () => number): void {
  const existing = spec.volumes?.find((volume) => volume.name.startsWith(VOLUME_PREFIX) && volume.projected);
  const name = existing?.name ?? generateName(VOLUME_PREFIX, random);
  let mounted = false;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    // Who mounts something there himself keeps it.
    if (container.volumeMounts?.some((mount) => mount.mountPath === MOUNT_PATH)) continue;
    (container.volumeMounts ??= []).push({ name, readOnly: true, mountPath: MOUNT_PATH });
    mounted = true;
  }
  if (mounted && !existing) (spec.volumes ??= []).push(tokenVolume(name));
}

function tokenVolume(name: string): Volume {
  const sources: VolumeProjection[] = [
    { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: "token" } },
    { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
    { downwardAPI: { items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }] } },
  ];
  return { name, projected: { sources, defaultMode: 0o644 } };
}

/** Mirrors of a node's own pods have no identity in the cluster. */
function mirrorProblem(spec: PodSpec): string | undefined {
  if (spec.serviceAccountName) return "a mirror pod may not reference service accounts";
  const projections = (spec.volumes ?? []).flatMap((volume) => volume.projected?.sources ?? []);
  if (secretUses(spec).length > 0) return "a mirror pod may not reference secrets";
  if (projections.some((source) => source.serviceAccountToken)) return "a mirror pod may not use ServiceAccountToken volume projections";
  return undefined;
}

/** The first secret used that an account with enforced mountable secrets does not list. */
function forbiddenSecret(spec: PodSpec, account: Account): string | undefined {
  const own = account.metadata?.name ?? "";
  const mountable = new Set(account.secrets?.map((secret) => secret.name));
  for (const { name, where } of secretUses(spec)) {
    if (!mountable.has(name)) return `${where} is not allowed because service account ${own} does not reference that secret`;
  }
  const pullable = new Set(account.imagePullSecrets?.map((secret) => secret.name));
  for (const [index, { name }] of (spec.imagePullSecrets ?? []).entries()) {
    if (pullable.has(name)) continue;
    return `imagePullSecrets[${index}].name="${name ?? ""}" is not allowed because service account ${own} does not reference that imagePullSecret`;
  }
  return undefined;
}

function secretUses(spec: PodSpec): { readonly name: string; readonly where: string }[] {
  const uses: { name: string; where: string }[] = [];
  for (const volume of spec.volumes ?? []) {
    const names = [volume.secret?.secretName, ...(volume.projected?.sources ?? []).map((source) => source.secret?.name)];
    for (const name of names) if (name !== undefined) uses.push({ name, where: `volume with secret.secretName="${name}"` });
  }
  const ofContainer = (label: string, container: Container) => {
    for (const env of container.env ?? []) {
      const name = env.valueFrom?.secretKeyRef?.name;
      if (name !== undefined) {
        uses.push({ name, where: `${label} ${container.name} with envVar ${env.name} referencing secret.secretName="${name}"` });
      }
    }
    for (const from of container.envFrom ?? []) {
      const name = from.secretRef?.name;
      if (name !== undefined) uses.push({ name, where: `${label} ${container.name} with envFrom referencing secret.secretName="${name}"` });
    }
  };
  for (const container of spec.initContainers ?? []) ofContainer("init container", container);
  for (const container of spec.containers ?? []) ofContainer("container", container);
  return uses;
}
