// Where no mount namespace can be had: a folder that looks like the container's root, made of links to the mounts.

import { mkdir, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Mount } from "../runtime.ts";

/** Makes `folder`/<containerPath> a link to each mount and returns the folder. Mounts inside mounts are made inside the volume. */
export async function linkMounts(folder: string, mounts: readonly Mount[]): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const mount of mounts.toSorted((a, b) => a.containerPath.length - b.containerPath.length)) {
    const target = join(folder, mount.containerPath);
    await mkdir(dirname(target), { recursive: true });
    const exists = await stat(target).then(
      () => true,
      () => false,
    );
    if (!exists) await symlink(mount.hostPath, target);
  }
  return folder;
}
