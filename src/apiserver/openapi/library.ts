// The documents that were asked for, packed, until the kinds change that they are made of. A document is made in small steps between which
// other requests run, and what is left of it is a tenth of its size.

import { createHash } from "node:crypto";
import { setImmediate as rest } from "node:timers/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { KindCatalog } from "../kind-catalog.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import {
  openApiPath,
  openApiRoot,
  openApiV2,
  openApiV3,
  openApiV3Other,
  type Descriptions,
  type Making,
  type OpenApiGroupVersion,
  type OpenApiTypes,
} from "./documents.ts";
import type { Json } from "./schemas.ts";

export interface OpenApiSource {
  readonly types: OpenApiTypes;
  /** Asked when documents are made. */
  readonly descriptions?: () => Promise<Descriptions | undefined>;
}

export interface PackedDocument {
  readonly gzipped: Uint8Array;
  /** Of the JSON form, whichever form this is. */
  readonly hash: string;
}

export type Form = "json" | "protobuf";

interface Kept {
  /** What it is made of: as long as these are served, it holds. */
  readonly kinds: readonly ServedKind[];
  readonly packed: Promise<PackedDocument>;
}

/** Longer than that nobody waits for a document that somebody else asked for. */
const STEP_MS = 5;
/** The fastest that is worth it: levels above shrink documents little further. */
const LEVEL = 3;

const pack = promisify(gzip);

export class OpenApiLibrary {
  readonly #catalog: KindCatalog;
  readonly #source: OpenApiSource;
  readonly #version: string;
  readonly #kept = new Map<string, Kept>();
  /** Large, and needed only while documents are made. */
  #texts: WeakRef<Descriptions> | undefined;

  constructor(catalog: KindCatalog, source: OpenApiSource, version: string) {
    this.#catalog = catalog;
    this.#source = source;
    this.#version = version;
  }

  /** /openapi/v3: where all documents are, by hashes of what they say. */
  async index(): Promise<PackedDocument> {
    const hashes = new Map<string, string>();
    const paths = ["api", "apis", "version", ...this.#catalog.groups.flatMap(pathsOfGroup)].toSorted();
    // One after the other: together they would only wait for one another.
    for (const path of paths) hashes.set(path, (await this.v3(path, "json"))?.hash ?? ""); // oxlint-disable-line no-await-in-loop -- see above
    return this.#keep("index", this.#catalog.kinds, async () => packed(JSON.stringify(openApiRoot(hashes))));
  }

  /** `api/v1`, `apis/apps/v1`, `apis/apps`, `version`; undefined if nothing of that name is served. */
  async v3(path: string, form: Form): Promise<PackedDocument | undefined> {
    const served = this.#groupVersions().find((one) => openApiPath(one) === path);
    if (!served && !isOther(path, this.#catalog)) return undefined;
    const make = async () => {
      const options = await this.#options();
      return this.#made(served ? openApiV3(served, options) : openApiV3Other(path, options));
    };
    const json = await this.#keep(`v3 ${path}`, served?.served ?? [], async () => packed(JSON.stringify(await make())));
    if (form === "json") return json;
    return this.#keep(`v3 ${path} protobuf`, served?.served ?? [], async () => {
      const { encodeOpenApiV3 } = await import("./gnostic-v3.ts");
      return { gzipped: await pack(encodeOpenApiV3(await make()), { level: LEVEL }), hash: json.hash };
    });
  }

  async v2(form: Form): Promise<PackedDocument> {
    const make = async () => this.#made(openApiV2(this.#groupVersions(), await this.#options()));
    const { kinds } = this.#catalog;
    const json = await this.#keep("v2", kinds, async () => packed(JSON.stringify(await make())));
    if (form === "json") return json;
    return this.#keep("v2 protobuf", kinds, async () => {
      const { encodeOpenApiV2 } = await import("./gnostic-v2.ts");
      return { gzipped: await pack(encodeOpenApiV2(await make()), { level: LEVEL }), hash: json.hash };
    });
  }

  #groupVersions(): (OpenApiGroupVersion & { readonly served: readonly ServedKind[] })[] {
    return this.#catalog.groups.flatMap(({ group, versions }) =>
      versions.map(({ version, kinds: served }) => ({ group, version, served, kinds: served.map(({ definition }) => definition) })),
    );
  }

  #keep(name: string, kinds: readonly ServedKind[], make: () => Promise<PackedDocument>): Promise<PackedDocument> {
    const kept = this.#kept.get(name);
    if (kept?.kinds.length === kinds.length && kept.kinds.every((kind, index) => kind === kinds[index])) return kept.packed;
    const made: Kept = { kinds, packed: make() };
    this.#kept.set(name, made);
    made.packed.catch(() => {
      if (this.#kept.get(name) === made) this.#kept.delete(name);
    });
    this.#forget();
    return made.packed;
  }

  /** Documents of what is no longer served. */
  #forget(): void {
    const paths = new Set(this.#groupVersions().map(openApiPath));
    for (const name of this.#kept.keys()) {
      const [dialect, path = ""] = name.split(" ");
      if (dialect === "v3" && !paths.has(path) && !isOther(path, this.#catalog)) this.#kept.delete(name);
    }
  }

  async #options() {
    let descriptions = this.#texts?.deref();
    if (!descriptions) {
      descriptions = await this.#source.descriptions?.();
      this.#texts = descriptions && new WeakRef(descriptions);
    }
    return { types: this.#source.types, version: this.#version, descriptions };
  }

  async #made(making: Making): Promise<Json> {
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
}

async function packed(json: string): Promise<PackedDocument> {
  const bytes = Buffer.from(json);
  return { gzipped: await pack(bytes, { level: LEVEL }), hash: createHash("sha512").update(bytes).digest("hex").toUpperCase() };
}

function pathsOfGroup({ group, versions }: KindCatalog["groups"][number]): string[] {
  const documents = versions.map(({ version }) => openApiPath({ group, version }));
  return group === "" ? documents : [`apis/${group}`, ...documents];
}

function isOther(path: string, catalog: KindCatalog): boolean {
  if (path === "api" || path === "apis" || path === "version") return true;
  return catalog.groups.some(({ group }) => group !== "" && path === `apis/${group}`);
}
