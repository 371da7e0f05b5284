// Texts for OpenAPI documents, from the file that is built with a release.

import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Descriptions } from "./schemas.ts";

/** Reads a gzipped `{ [definition]: { "": text, [field]: text } }`. Undefined when there is no such file: documents then have no texts. */
export async function readDescriptions(file: string | URL): Promise<Descriptions | undefined> {
  let packed: Buffer;
  try {
    packed = await readFile(file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  // Our own file, built from our own table.
  const texts = JSON.parse((await promisify(gunzip)(packed)).toString("utf8")) as Record<string, Record<string, string> | undefined>;
  return (definitionName, field = "") => texts[definitionName]?.[field];
}
