// Writes a volume's files so that readers see either all old or all new ones: files lie in a folder of their own behind
// the link `..data`, which is swapped; the visible names are links through it. Paths and names are the kubelet's.

import { mkdir, readFile, readdir, readlink, rename, rm, stat, symlink, unlink, writeFile, chmod } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Payload } from "./payload.ts";

const DATA = "..data";
const NEW_DATA = "..data_tmp";

/** Brings `folder` to `payload`. True if anything changed. */
export async function writeAtomically(folder: string, payload: Payload, now: number): Promise<boolean> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const current = await readlink(join(folder, DATA)).catch(() => undefined);
  if (current !== undefined && (await isSame(join(folder, current), payload))) return false;

  let next = `..${new Date(now).toISOString().slice(0, 19).replace(/[-:]/g, "_").replace("T", "_")}.${now % 1_000_000_000}`;
  while (await exists(join(folder, next))) next += "0";
  await mkdir(join(folder, next));
  for (const [path, file] of payload) {
    const target = join(folder, next, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, file.data, { mode: file.mode });
    // The mode above is subject to the umask.
    await chmod(target, file.mode);
  }
  const visible = new Set(Array.from(payload.keys(), (path) => path.split("/")[0] ?? path));
  await rm(join(folder, NEW_DATA), { force: true });
  await symlink(next, join(folder, NEW_DATA));
  await rename(join(folder, NEW_DATA), join(folder, DATA));
  for (const name of visible) if (!(await exists(join(folder, name)))) await relink(join(folder, name), join(DATA, name));
  for (const name of await readdir(folder)) if (!name.startsWith("..") && !visible.has(name)) await unlink(join(folder, name));
  if (current !== undefined) await rm(join(folder, current), { recursive: true, force: true });
  return true;
}

async function relink(path: string, target: string): Promise<void> {
  // A link to a name that was not there is taken for missing although it lies there.
  await rm(path, { force: true });
  await symlink(target, path);
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

async function isSame(folder: string, payload: Payload): Promise<boolean> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  if (entries.filter((entry) => entry.isFile()).length !== payload.size) return false;
  for (const [path, { data, mode }] of payload) {
    const content = await readFile(join(folder, path)).catch(() => undefined);
    if (content === undefined || !content.equals(data)) return false;
    if (((await stat(join(folder, path))).mode & 0o777) !== (mode & 0o777)) return false;
  }
  return true;
}
