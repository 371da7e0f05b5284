// One document from what another process can be told: making documents leaves much memory behind, which only the end of a process gives back.

import { createHash } from "node:crypto";
import { setImmediate as rest } from "node:timers/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Schema } from "#meta/schema.ts";
import { openApiPath, openApiV2, openApiV3, openApiV3Other, type Making, type OpenApiKind, type OpenApiOptions } from "./documents.ts";
import type { Json } from "./schemas.ts";

export type Form = "json" | "protobuf";

export interface PackedDocument {
  readonly gzipped: Uint8Array<ArrayBuffer>;
  /** Of the JSON form, whichever form this is. */
  readonly hash: string;
}

/** A kind as plain data. The structure is there only if the built-in ones don't have it. */
export type PortableKind = Omit<OpenApiKind, "schema"> & { readonly schema?: Schema };

export interface DocumentJob {
  readonly form: Form;
  /** Of a v3 document: `api/v1`, `apis/apps`, `version`. Undefined: all of v2. */
  readonly path?: string;
  /** What the document is made of. */
  readonly served: readonly { readonly group: string; readonly version: string; readonly kinds: readonly PortableKind[] }[];
  readonly version: string;
}

export type DocumentSources = Pick<OpenApiOptions, "types" | "descriptions">;

/** Nobody waits longer for a document that somebody else asked for. */
const STEP_MS = 5;
/** The fastest that is worth it: levels above shrink documents little further. */
const LEVEL = 3;

const pack = promisify(gzip);

export async function makeDocument(job: DocumentJob, sources: DocumentSources): Promise<PackedDocument> {
  const options = { ...sources, version: job.version };
  const served = job.served.map((one) => ({
    ...one,
    kinds: one.kinds.map((kind) => ({ ...kind, schema: kind.schema ?? sources.types.schema(kind.definitionName) })),
  }));
  const document = await atLeisure(making(job.path, served, options));
  const json = Buffer.from(JSON.stringify(document));
  const hash = createHash("sha512").update(json).digest("hex").toUpperCase();
  return { gzipped: await pack(job.form === "json" ? json : await encoded(job.path, document), { level: LEVEL }), hash };
}

function making(path: string | undefined, served: Parameters<typeof openApiV2>[0], options: OpenApiOptions): Making {
  if (path === undefined) return openApiV2(served, options);
  const own = served.find((one) => openApiPath(one) === path);
  return own ? openApiV3(own, options) : openApiV3Other(path, options);
}

async function encoded(path: string | undefined, document: Json): Promise<Uint8Array> {
  if (path === undefined) return (await import("./gnostic-v2.ts")).encodeOpenApiV2(document);
  return (await import("./gnostic-v3.ts")).encodeOpenApiV3(document);
}

async function atLeisure(making: Making): Promise<Json> {
  let since = performance.now();
  let step = making.next();
  while (!step.done) {
    if (performance.now() - since > STEP_MS) {
      await rest(); // oxlint-disable-line no-await-in-loop -- the pause is the point
      since = performance.now();
    }
    step = making.next();
  }
  return step.value;
}
