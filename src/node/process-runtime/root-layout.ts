// Makes mounts appear at their container paths without touching the host's file tree. Each container gets a mount
// namespace. A mount whose path exists on the host is bound over it there. If some path does not exist, a skeleton of
// the tree is built in the container's folder, with the host's entries bound into it and the missing ones added, and
// becomes the container's root.

import { lstat, mkdir, readdir, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, normalize, resolve } from "node:path";
import type { Mount } from "../runtime.ts";

export interface RootLayout {
  /** The new root, or undefined if the host's own tree will do. */
  readonly root: string | undefined;
  /** Mounts to make, in order, in fstab's format; "" for none. */
  readonly fstab: string;
}

/** Terminals, disks and the like that containers do not get when /dev has to be rebuilt. */
const DEV_SKIP =
  /^(tty.+|loop|ram|vcs|nbd|sd[a-z]|vd[a-z]|dm-|nvme|autofs|cpu|mem|kmsg|port|snapshot|hugepages|mqueue|block|char|disk|bus|log|initctl)/;

/**
 * `paths` are container paths that must exist as folders beyond the mounts' own (the working directory).
 * `readOnly: false` drops read-only flags, which user namespaces may not be able to set.
 */
export async function layOutRoot(options: {
  readonly mounts: readonly Mount[];
  readonly paths: readonly string[];
  readonly folder: string;
  readonly readOnly: boolean;
}): Promise<RootLayout> {
  const mounts = options.mounts.toSorted((a, b) => a.containerPath.length - b.containerPath.length);
  /** Folders that have to be rebuilt because something is added below them. */
  const rebuilt = new Set<string>();
  const added: { readonly path: string; readonly isFolder: boolean }[] = [];
  const lines: { readonly source: string; readonly target: string; readonly readOnly: boolean }[] = [];

  const place = async (path: string, isFolder: boolean): Promise<string> => {
    const { existing, missing } = await resolveExisting(path);
    if (missing.length === 0) return existing;
    for (let folder = existing; ; folder = dirname(folder)) {
      rebuilt.add(folder);
      if (folder === "/") break;
    }
    const target = join(existing, ...missing);
    added.push({ path: target, isFolder });
    return target;
  };

  for (const mount of mounts) {
    const path = normalize(mount.containerPath).replace(/(.)\/$/, "$1");
    const isFolder = (await stat(mount.hostPath)).isDirectory();
    const parent = mounts.findLast((other) => other !== mount && path.startsWith(`${other.containerPath}/`));
    if (parent !== undefined) {
      // Its place lies inside another volume: made there, as container runtimes do.
      const inside = join(parent.hostPath, path.slice(parent.containerPath.length));
      await ensure(inside, isFolder);
      const above = lines.find((line) => line.source === parent.hostPath);
      lines.push({
        source: mount.hostPath,
        target: join(above?.target ?? parent.containerPath, path.slice(parent.containerPath.length)),
        readOnly: mount.readOnly,
      });
    } else {
      lines.push({ source: mount.hostPath, target: await place(path, isFolder), readOnly: mount.readOnly });
    }
  }
  for (const path of options.paths) {
    if (!mounts.some((mount) => path === mount.containerPath || path.startsWith(`${mount.containerPath}/`))) await place(path, true);
  }

  const fstab: string[] = [];
  const bind = (source: string, target: string, flags: string) => fstab.push(`${escape(source)} ${escape(target)} none ${flags} 0 0`);
  const root = rebuilt.size > 0 ? options.folder : undefined;
  if (root !== undefined) {
    for (const folder of Array.from(rebuilt).sort((a, b) => a.length - b.length)) await rebuild(folder, root, rebuilt, bind);
    for (const { path, isFolder } of added) await ensure(join(root, path), isFolder);
    if (rebuilt.has("/dev")) fstab.push(`devpts ${escape(join(root, "/dev/pts"))} devpts newinstance,ptmxmode=0666,mode=0620 0 0`);
  }
  for (const line of lines) {
    bind(line.source, root === undefined ? line.target : join(root, line.target), line.readOnly && options.readOnly ? "bind,ro" : "rbind");
  }
  return { root, fstab: fstab.map((line) => `${line}\n`).join("") };
}

/** Copies a folder's shape into the skeleton: links as they are, all else as places to bind the host's entry to. */
async function rebuild(
  folder: string,
  root: string,
  rebuilt: ReadonlySet<string>,
  bind: (source: string, target: string, flags: string) => void,
) {
  await mkdir(join(root, folder), { recursive: true });
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const source = join(folder, entry.name);
    const target = join(root, source);
    if (source === "/dev/pts") {
      await mkdir(target);
      continue;
    }
    // A terminal multiplexer that is bound as a file does not find its terminals: it gets an instance of its own.
    if (source === "/dev/ptmx") {
      await symlink("pts/ptmx", target);
      continue;
    }
    if (rebuilt.has(source) || (folder === "/dev" && DEV_SKIP.test(entry.name)) || source === "/lost+found") continue;
    if (entry.isSymbolicLink()) {
      await symlink(await readlink(source), target);
    } else if (entry.isDirectory()) {
      await mkdir(target);
      bind(source, target, "rbind");
    } else {
      await writeFile(target, "");
      bind(source, target, "bind");
    }
  }
}

/** Follows links as far as the path exists on the host. */
async function resolveExisting(path: string): Promise<{ existing: string; missing: string[] }> {
  let existing = "/";
  let rest = path.split("/").filter((part) => part !== "" && part !== ".");
  for (let links = 0; rest.length > 0;) {
    const [name = "", ...others] = rest;
    if (name === "..") {
      existing = dirname(existing);
      rest = others;
      continue;
    }
    const next = join(existing, name);
    const info = await lstat(next).catch(() => undefined);
    if (info === undefined) return { existing, missing: rest };
    if (info.isSymbolicLink()) {
      if (++links > 40) throw new Error(`too many symbolic links in ${path}`);
      const target = resolve(existing, await readlink(next));
      rest = [...target.split("/").filter((part) => part !== ""), ...others];
      existing = "/";
    } else {
      existing = next;
      rest = others;
    }
  }
  return { existing, missing: [] };
}

async function ensure(path: string, isFolder: boolean) {
  if (isFolder) {
    await mkdir(path, { recursive: true });
  } else {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, "", { flag: "a" });
  }
}

/** fstab's escapes for characters that would end a field. */
function escape(path: string): string {
  return path.replace(/[\s\\#]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
}
