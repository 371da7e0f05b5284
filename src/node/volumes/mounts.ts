// A container's mounts from its volumeMounts and the pod's volumes.

import { mkdir, realpath } from "node:fs/promises";
import { join, relative } from "node:path";
import { expand } from "../environment.ts";
import type { ContainerObject, PodObject } from "../pod/pod-view.ts";
import { RuntimeError, type Mount } from "../runtime.ts";

/** Throws RuntimeError CreateContainerConfigError for a mount that cannot be. */
export async function containerMounts(
  pod: PodObject,
  container: ContainerObject,
  volumes: ReadonlyMap<string, string>,
  environment: ReadonlyMap<string, string>,
): Promise<Mount[]> {
  const mounts: Mount[] = [];
  for (const mount of container.volumeMounts ?? []) {
    const path = volumes.get(mount.name);
    if (path === undefined)
      throw new RuntimeError(
        "CreateContainerConfigError",
        `cannot find volume "${mount.name}" to mount into container "${container.name}"`,
      );
    const subPath = mount.subPathExpr ? expand(mount.subPathExpr, (name) => environment.get(name)) : (mount.subPath ?? "");
    const containerPath = mount.mountPath.startsWith("/") ? mount.mountPath : `/${mount.mountPath}`;
    const source = pod.spec?.volumes?.find((volume) => volume.name === mount.name);
    // What is written from objects is not for containers to change.
    const fixed = (source?.configMap ?? source?.secret ?? source?.downwardAPI ?? source?.projected) !== undefined;
    mounts.push({
      hostPath: subPath === "" ? path : await subPathOf(path, subPath, mount.name, container.name),
      containerPath,
      readOnly: mount.readOnly === true || fixed || source?.persistentVolumeClaim?.readOnly === true,
    });
  }
  return mounts;
}

/** The real path below the volume, made as a folder if it is missing. Links must not lead out of the volume. */
async function subPathOf(volume: string, subPath: string, name: string, container: string): Promise<string> {
  const fail = (cause: string) =>
    new RuntimeError(
      "CreateContainerConfigError",
      `failed to prepare subPath for volumeMount "${name}" of container "${container}": ${cause}`,
    );
  const root = await realpath(volume);
  const wanted = join(root, subPath);
  let actual = await realpath(wanted).catch(() => undefined);
  if (actual === undefined) {
    if (relative(root, wanted).startsWith("..")) throw fail(`subpath ${subPath} leaves the volume`);
    await mkdir(wanted, { recursive: true, mode: 0o750 });
    actual = await realpath(wanted);
  }
  if (actual !== root && !actual.startsWith(`${root}/`)) throw fail(`subpath ${subPath} leaves the volume`);
  return actual;
}
