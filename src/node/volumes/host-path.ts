// hostPath volumes: checks of what must be there, and creation of what may be made.

import { mkdir, stat, writeFile } from "node:fs/promises";
import type { HostPathVolumeSource } from "#kinds/api/core-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { VolumeError } from "./payload.ts";

/** The path on this host. Throws VolumeError if it is not of the wanted type. */
export async function setUpHostPath(source: DeepReadonly<HostPathVolumeSource>): Promise<string> {
  const { path, type = "" } = source;
  if (type === "DirectoryOrCreate") await mkdir(path, { recursive: true, mode: 0o755 }).catch(() => {});
  if (type === "FileOrCreate") await writeFile(path, "", { flag: "a", mode: 0o644 }).catch(() => {});
  const info = await stat(path).catch(() => undefined);
  const fail = (what: string) => {
    throw new VolumeError(`hostPath type check failed: ${path} is not ${what}`);
  };
  switch (type) {
    case "":
      // Made as a folder when it is missing, as container runtimes do with bind mounts.
      if (info === undefined) await mkdir(path, { recursive: true });
      break;
    case "Directory":
    case "DirectoryOrCreate":
      if (!info?.isDirectory()) fail("a directory");
      break;
    case "File":
    case "FileOrCreate":
      if (!info?.isFile()) fail("a file");
      break;
    case "Socket":
      if (!info?.isSocket()) fail("a socket file");
      break;
    case "CharDevice":
      if (!info?.isCharacterDevice()) fail("a character device");
      break;
    case "BlockDevice":
      if (!info?.isBlockDevice()) fail("a block device");
      break;
    default:
      throw new VolumeError(`${type} is an invalid volume type`);
  }
  return path;
}
