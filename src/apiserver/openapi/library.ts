// The documents that were asked for, packed, until the kinds change that they are made of.

import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { KindCatalog } from "../kind-catalog.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import { openApiPath, openApiRoot, type Descriptions, type OpenApiTypes } from "./documents.ts";
import { makeDocument, type DocumentJob, type Form, type PackedDocument, type PortableKind } from "./make.ts";

export interface OpenApiSource {
  readonly types: OpenApiTypes;
  /** Asked when documents are made here. */
  readonly descriptions?: () => Promise<Descriptions | undefined>;
  /** Makes documents in a process of its own, in the order of the jobs. Absent: they are made here. */
  readonly makeElsewhere?: (jobs: readonly DocumentJob[]) => Promise<PackedDocument[]>;
}

interface Kept {
  /** What it is made of: as long as these are served, it holds. */
  readonly kinds: readonly ServedKind[];
  readonly packed: Promise<PackedDocument>;
}

/** What is wanted, by a name, and what it is made of. */
interface Wanted {
  readonly name: string;
  readonly kinds: readonly ServedKind[];
  readonly job: DocumentJob;
}

const pack = promisify(gzip);

export class OpenApiLibrary {
  readonly #catalog: KindCatalog;
  readonly #source: OpenApiSource;
  readonly #version: string;
  readonly #kept = new Map<string, Kept>();

  constructor(catalog: KindCatalog, source: OpenApiSource, version: string) {
    this.#catalog = catalog;
    this.#source = source;
    this.#version = version;
  }

  /** /openapi/v3: where all documents are, by hashes of what they say. */
  async index(): Promise<PackedDocument> {
    const { kinds } = this.#catalog;
    return this.#keep("index", kinds, async () => {
      const paths = ["api", "apis", "version", ...this.#catalog.groups.flatMap(pathsOfGroup)].toSorted();
      const documents = await Promise.all(this.#documents(paths.map((path) => this.#wantedV3(path, "json"))));
      const json = Buffer.from(JSON.stringify(openApiRoot(new Map(documents.map(({ hash }, index) => [paths[index] ?? "", hash])))));
      return { gzipped: await pack(json), hash: createHash("sha512").update(json).digest("hex").toUpperCase() };
    });
  }

  /** `api/v1`, `apis/apps/v1`, `apis/apps`, `version`; undefined if nothing of that name is served. */
  async v3(path: string, form: Form): Promise<PackedDocument | undefined> {
    const isServed = ["api", "apis", "version"].includes(path) || this.#catalog.groups.some((group) => pathsOfGroup(group).includes(path));
    return isServed ? this.#documents([this.#wantedV3(path, form)])[0] : undefined;
  }

  async v2(form: Form): Promise<PackedDocument | undefined> {
    const { kinds } = this.#catalog;
    const job = { form, served: this.#groupVersions().map(({ served }) => served), version: this.#version };
    return this.#documents([{ name: `v2 ${form}`, kinds, job }])[0];
  }

  #wantedV3(path: string, form: Form): Wanted {
    const found = this.#groupVersions().find(({ served }) => openApiPath(served) === path);
    return {
      name: `v3 ${form} ${path}`,
      kinds: found?.kinds ?? [],
      job: { form, path, served: found ? [found.served] : [], version: this.#version },
    };
  }

  #groupVersions() {
    return this.#catalog.groups.flatMap(({ group, versions }) =>
      versions.map(({ version, kinds }) => ({ kinds, served: { group, version, kinds: kinds.map((kind) => this.#portable(kind)) } })),
    );
  }

  #portable({ definition }: ServedKind): PortableKind {
    const { resource, verbs, subresources, definitionName, returnsDeleted = false } = definition;
    const plain = { resource, verbs, subresources, definitionName, returnsDeleted };
    return this.#source.types.has(definitionName) ? plain : { ...plain, schema: definition.schema };
  }

  /** Those that are not kept are made together. */
  #documents(wanted: readonly Wanted[]): Promise<PackedDocument>[] {
    const missing = wanted.filter(({ name, kinds }) => !this.#holds(name, kinds));
    const made = missing.length > 0 ? this.#make(missing.map(({ job }) => job)) : undefined;
    return wanted.map(({ name, kinds }) =>
      this.#keep(name, kinds, async () => {
        const document = (await made)?.[missing.findIndex((one) => one.name === name)];
        if (!document) throw new Error(`no document ${name} was made`);
        return document;
      }),
    );
  }

  async #make(jobs: readonly DocumentJob[]): Promise<PackedDocument[]> {
    const { types, makeElsewhere } = this.#source;
    if (makeElsewhere) return makeElsewhere(jobs);
    const sources = { types, descriptions: await this.#source.descriptions?.() };
    return Promise.all(jobs.map((job) => makeDocument(job, sources)));
  }

  #holds(name: string, kinds: readonly ServedKind[]): Kept | undefined {
    const kept = this.#kept.get(name);
    return kept?.kinds.length === kinds.length && kept.kinds.every((kind, index) => kind === kinds[index]) ? kept : undefined;
  }

  #keep(name: string, kinds: readonly ServedKind[], make: () => Promise<PackedDocument>): Promise<PackedDocument> {
    const kept = this.#holds(name, kinds);
    if (kept) return kept.packed;
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
    const served = new Set(["api", "apis", "version", ...this.#catalog.groups.flatMap(pathsOfGroup)]);
    for (const name of this.#kept.keys()) {
      const [dialect, , path = ""] = name.split(" ");
      if (dialect === "v3" && !served.has(path)) this.#kept.delete(name);
    }
  }
}

function pathsOfGroup({ group, versions }: KindCatalog["groups"][number]): string[] {
  const documents = versions.map(({ version }) => openApiPath({ group, version }));
  return group === "" ? documents : [`apis/${group}`, ...documents];
}
