// A pod's volumes on this host: set up before its containers, kept current while they run, removed after them.

import { chmod, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "#client/client.ts";
import { ConfigMap, Secret, type ProjectedVolumeSource, type Volume } from "#kinds/api/core-v1.gen.ts";
import { claimsOf } from "#kinds/core/persistent-volume-claim/claims.ts";
import type { Clock } from "#lib/clock.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { FieldSources } from "../pod-fields.ts";
import type { PodObject } from "../pod/pod-view.ts";
import type { References } from "../references.ts";
import { writeAtomically } from "./atomic-writer.ts";
import { setUpHostPath } from "./host-path.ts";
import { volumeOfClaim } from "./claims.ts";
import { setUpPersistent } from "./persistent.ts";
import { configMapPayload, downwardPayload, NotBoundError, secretPayload, VolumeError, type Payload } from "./payload.ts";
import { createPodTokens } from "./service-account-token.ts";

export interface PodVolumes {
  /**
   * Makes all volumes and brings those made from objects up to date. Resolves to their paths by name. Throws VolumeError
   * naming the volume, NotBoundError for a claim without one. May be called again at any time.
   */
  sync(pod: PodObject, sources: FieldSources): Promise<ReadonlyMap<string, string>>;
  /** When sync should be called though nothing changed: tokens run out. */
  readonly renewAt: number | undefined;
  remove(): Promise<void>;
}

const DEFAULT_MODE = 0o644;

export function createPodVolumes(options: {
  readonly pod: PodObject;
  /** The pod's folder. */
  readonly folder: string;
  readonly references: References;
  readonly client: Client;
  readonly clock: Clock;
}): PodVolumes {
  const { folder, references, clock } = options;
  const uid = options.pod.metadata?.uid ?? "";
  const namespace = options.pod.metadata?.namespace ?? "";
  const tokens = createPodTokens(options.pod, options.client, clock);
  const pathOf = (plugin: string, volume: string) => join(folder, "volumes", `kubernetes.io~${plugin}`, volume);

  const projected = async (pod: PodObject, source: DeepReadonly<ProjectedVolumeSource>, sources: FieldSources): Promise<Payload> => {
    const mode = source.defaultMode ?? DEFAULT_MODE;
    const all: Payload = new Map();
    for (const part of source.sources ?? []) {
      let payload: Payload = new Map();
      if (part.configMap) {
        const { name = "", items, optional } = part.configMap;
        payload = configMapPayload(name, await references.get(uid, ConfigMap, namespace, name), { items, optional, mode });
      } else if (part.secret) {
        const { name = "", items, optional } = part.secret;
        payload = secretPayload(name, await references.get(uid, Secret, namespace, name), { items, optional, mode });
      } else if (part.downwardAPI) {
        payload = downwardPayload(pod, part.downwardAPI.items, mode, sources);
      } else if (part.serviceAccountToken) {
        const { path, audience, expirationSeconds = 3600 } = part.serviceAccountToken;
        payload = new Map([[path, { data: Buffer.from(await tokens.get(audience, expirationSeconds)), mode }]]);
      } else {
        throw new VolumeError(`projected source ${Object.keys(part).join(", ")} is not supported by this node`);
      }
      for (const [path, file] of payload) all.set(path, file);
    }
    return all;
  };

  const setUp = async (pod: PodObject, volume: DeepReadonly<Volume>, sources: FieldSources): Promise<string> => {
    if (volume.emptyDir) {
      const path = pathOf("empty-dir", volume.name);
      if ((await mkdir(path, { recursive: true })) !== undefined) await chmod(path, 0o777);
      return path;
    }
    if (volume.hostPath) return setUpHostPath(volume.hostPath);
    let plugin: string;
    let payload: Payload;
    if (volume.configMap) {
      const { name = "", items, optional, defaultMode: mode = DEFAULT_MODE } = volume.configMap;
      plugin = "configmap";
      payload = configMapPayload(name, await references.get(uid, ConfigMap, namespace, name), { items, optional, mode });
    } else if (volume.secret) {
      const { secretName: name = "", items, optional, defaultMode: mode = DEFAULT_MODE } = volume.secret;
      plugin = "secret";
      payload = secretPayload(name, await references.get(uid, Secret, namespace, name), { items, optional, mode });
    } else if (volume.downwardAPI) {
      plugin = "downward-api";
      payload = downwardPayload(pod, volume.downwardAPI.items, volume.downwardAPI.defaultMode ?? DEFAULT_MODE, sources);
    } else if (volume.projected) {
      plugin = "projected";
      payload = await projected(pod, volume.projected, sources);
    } else {
      const kind = Object.keys(volume).find((key) => key !== "name") ?? "unknown";
      throw new VolumeError(`volumes of type ${kind} are not supported by this node`);
    }
    const path = pathOf(plugin, volume.name);
    await writeAtomically(path, payload, clock.now());
    return path;
  };

  // A claim's volume does not change any more once it is bound.
  const bound = new Map<string, string>();
  const setUpClaim = async (pod: PodObject, volume: DeepReadonly<Volume>): Promise<string | undefined> => {
    const known = bound.get(volume.name);
    if (known !== undefined) return known;
    const found = await volumeOfClaim(pod, volume, options.client);
    if (!found) return undefined;
    const path = await setUpPersistent(found);
    bound.set(volume.name, path);
    return path;
  };

  return {
    async sync(pod, sources) {
      const paths = new Map<string, string>();
      for (const volume of pod.spec?.volumes ?? []) {
        try {
          paths.set(volume.name, (await setUpClaim(pod, volume)) ?? (await setUp(pod, volume, sources)));
        } catch (error) {
          if (error instanceof NotBoundError) throw error;
          const cause = error instanceof Error ? error.message : String(error);
          throw new VolumeError(`MountVolume.SetUp failed for volume "${volume.name}" : ${cause}`, { cause: error });
        }
      }
      return paths;
    },
    get renewAt() {
      return tokens.renewAt;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** For pods whose containers are no programs: nothing is mounted, but they wait for their claims' volumes. Undefined: the pod has no claims. */
export function createVirtualVolumes(pod: PodObject, client: Client): PodVolumes | undefined {
  const waiting = new Set(claimsOf(pod).map(({ volume }) => volume));
  if (waiting.size === 0) return undefined;
  return {
    async sync() {
      for (const volume of pod.spec?.volumes ?? []) {
        if (!waiting.has(volume.name)) continue;
        await volumeOfClaim(pod, volume, client);
        waiting.delete(volume.name);
      }
      return new Map();
    },
    renewAt: undefined,
    remove: () => Promise.resolve(),
  };
}
