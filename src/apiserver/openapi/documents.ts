// The API's own description: /openapi/v3 for each group-version, /openapi/v2 for everything. Built from kind
// definitions alone, on demand; who calls keeps what was built until the kinds change.

import type { Schema } from "#meta/schema.ts";
import { labelsOf, mediaTypes, operationsOf, type OpenApiKind, type Operation, type PathSchemas } from "./operations.ts";
import { PathWriter } from "./render.ts";
import { SchemaWriter, type Descriptions, type Dialect, type GroupVersionKind, type Json } from "./schemas.ts";

export type { OpenApiKind } from "./operations.ts";
export type { Descriptions } from "./schemas.ts";

/** Structures that no kind of a group-version leads to, yet its operations use: Status, DeleteOptions, Scale. */
export interface OpenApiTypes {
  has(definitionName: string): boolean;
  schema(definitionName: string): Schema;
  /** The definition of a kind, if there is one. */
  nameOf(group: string, version: string, kind: string): string | undefined;
}

export interface OpenApiOptions {
  readonly types: OpenApiTypes;
  /** `v1.36.1`. */
  readonly version: string;
  readonly descriptions?: Descriptions | undefined;
}

/** A group-version with its kinds. */
export interface OpenApiGroupVersion {
  readonly group: string;
  readonly version: string;
  readonly kinds: readonly OpenApiKind[];
}

const META = "io.k8s.apimachinery.pkg.apis.meta.v1";
const VERSION_INFO = "io.k8s.apimachinery.pkg.version.Info";
const BEARER_TOKEN = { type: "apiKey", description: "Bearer Token authentication", name: "authorization", in: "header" };

/** What /openapi/v3 answers. `hashes` has a value for each path (`api/v1`, `apis/apps/v1`) that changes with its document. */
export function openApiRoot(hashes: ReadonlyMap<string, string>): Json {
  const addresses = Array.from(hashes, ([path, hash]) => [path, { serverRelativeURL: openApiAddress(path, hash) }] as const);
  return { paths: Object.fromEntries(addresses) };
}

/** Where a document is found; a change of the document changes the address. */
export function openApiAddress(path: string, hash: string): string {
  return `/openapi/v3/${path}?hash=${encodeURIComponent(hash)}`;
}

/** `api/v1` or `apis/apps/v1`: how the root names the document of a group-version. */
export function openApiPath({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

/** A document in the making, kind by kind: who iterates may rest between any two. */
export type Making = Generator<void, Json>;

/** The document of one group-version. */
export function* openApiV3({ group, version, kinds }: OpenApiGroupVersion, options: OpenApiOptions): Making {
  const builder = new DocumentBuilder("v3", [{ group, version, kinds }], options);
  if (kinds.some((kind) => builder.isBuiltin(kind))) builder.discoveryOf(group, version);
  for (const kind of kinds) {
    builder.kind(kind);
    yield;
  }
  return documentV3(builder, options);
}

/** The documents of what is beside group-versions: `api`, `apis`, `apis/apps`, `version`. */
export function* openApiV3Other(path: string, options: OpenApiOptions): Making {
  const builder = new DocumentBuilder("v3", [], options);
  builder.other(path);
  yield;
  return documentV3(builder, options);
}

function documentV3(builder: DocumentBuilder, { version }: OpenApiOptions): Json {
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version },
    paths: sorted(builder.paths),
    components: { schemas: sorted(builder.definitions), securitySchemes: { BearerToken: BEARER_TOKEN } },
  };
}

/** Everything in one document of the older form. */
export function* openApiV2(served: readonly OpenApiGroupVersion[], options: OpenApiOptions): Making {
  const builder = new DocumentBuilder("v2", served, options);
  const groups = new Set(served.map(({ group }) => group).filter((group) => group !== ""));
  for (const path of ["api", "apis", "version", ...Array.from(groups, (group) => `apis/${group}`)]) builder.other(path);
  for (const { group, version, kinds } of served) {
    builder.discoveryOf(group, version);
    for (const kind of kinds) {
      builder.kind(kind);
      yield;
    }
  }
  return {
    swagger: "2.0",
    info: { title: "Kubernetes", version: options.version },
    paths: sorted(builder.paths),
    definitions: sorted(builder.definitions),
    parameters: sorted(builder.parameters),
    securityDefinitions: { BearerToken: BEARER_TOKEN },
    security: [{ BearerToken: [] }],
  };
}

/** The whole document at once. */
export function finished(making: Making): Json {
  let step = making.next();
  while (!step.done) step = making.next();
  return step.value;
}

class DocumentBuilder {
  readonly paths = new Map<string, Json>();
  readonly #dialect: Dialect;
  readonly #types: OpenApiTypes;
  readonly #schemas: SchemaWriter;
  readonly #paths: PathWriter;

  constructor(
    dialect: Dialect,
    served: readonly OpenApiGroupVersion[],
    { types, descriptions: describe = () => undefined }: OpenApiOptions,
  ) {
    this.#dialect = dialect;
    this.#types = types;
    const kinds = kindsByDefinition(served, types);
    this.#schemas = new SchemaWriter(dialect, {
      kinds,
      describe,
      definition: (name) => (types.has(name) ? types.schema(name) : undefined),
    });
    this.#paths = new PathWriter(dialect, describe);
  }

  get definitions(): ReadonlyMap<string, Json> {
    return this.#schemas.definitions;
  }

  get parameters(): ReadonlyMap<string, Json> {
    return this.#paths.parameters;
  }

  isBuiltin({ definitionName }: OpenApiKind): boolean {
    return this.#types.has(definitionName);
  }

  kind(kind: OpenApiKind): void {
    const operations = operationsOf(kind, this.#schemasOf(kind), { builtin: this.isBuiltin(kind) });
    for (const [path, item] of operations) this.paths.set(path, this.#paths.item(item));
  }

  /** `/apis/apps/v1/`. */
  discoveryOf(group: string, version: string): void {
    const { label, tag } = labelsOf(group, version);
    const types = mediaTypes(true);
    this.#get(`/${openApiPath({ group, version })}/`, {
      id: `get${label}APIResources`,
      tag,
      description: "get available resources",
      answer: this.#meta("APIResourceList"),
      consumes: types,
      produces: types,
    });
  }

  /** `/api/`, `/apis/`, `/apis/apps/`, `/version/`. */
  other(path: string): void {
    const [first = "", group] = path.split("/");
    const types = mediaTypes(true);
    const rest = { consumes: types, produces: types };
    if (group !== undefined) {
      const { label, tag } = labelsOf(group, "");
      const description = "get information of a group";
      this.#get(`/${path}/`, { id: `get${label}APIGroup`, tag, description, answer: this.#meta("APIGroup"), ...rest });
    } else if (first === "version") {
      const json = ["application/json"];
      const answer = this.#schemas.add(VERSION_INFO, versionInfo(this.#dialect));
      const description = "get the version information for this server";
      this.#get("/version/", { id: "getCodeVersion", tag: "version", description, answer, consumes: json, produces: json });
    } else {
      const description = "get available API versions";
      const [id, tag, kind] = first === "api" ? ["getCoreAPIVersions", "core", "APIVersions"] : ["getAPIVersions", "apis", "APIGroupList"];
      this.#get(`/${first}/`, { id, tag, description, answer: this.#meta(kind), ...rest });
    }
  }

  #get(path: string, operation: Omit<Operation, "parameters" | "codes">): void {
    this.paths.set(path, this.#paths.item({ get: { ...operation, parameters: [], codes: [200] } }));
  }

  #meta(name: string): Json {
    return this.#schemas.reference(this.#types.schema(`${META}.${name}`));
  }

  #schemasOf(kind: OpenApiKind): PathSchemas {
    const writer = this.#schemas;
    const types = this.#types;
    const { group, version } = kind.resource;
    const object = writer.reference(kind.schema, kind.definitionName);
    return {
      object,
      list: () => this.#list(kind),
      status: () => this.#meta("Status"),
      deleteOptions: () => this.#meta("DeleteOptions"),
      patch: () => writer.add(`${META}.Patch`, { type: "object" }),
      event: () => this.#meta("WatchEvent"),
      subresource: (info) => {
        // The kind itself (status, ...) may be one the types do not know: a custom resource.
        if (info.kind === kind.resource.kind && (info.group ?? group) === group) return object;
        if (info.kind.endsWith("Options")) return undefined;
        const name = types.nameOf(info.group ?? group, info.version ?? version, info.kind);
        return name === undefined ? undefined : writer.reference(types.schema(name));
      },
      options: (name) => {
        const definition = types.nameOf(group, version, name);
        return definition === undefined ? undefined : types.schema(definition);
      },
    };
  }

  #list(kind: OpenApiKind): Json {
    const types = this.#types;
    const name = `${kind.definitionName}List`;
    if (types.has(name)) return this.#schemas.reference(types.schema(name));
    const field = (field: string, schema: Schema, required = false) => [field, { name: field, schema, required }] as const;
    const text: Schema = { type: "string" };
    // Written already, so that its name is all that is needed.
    const items: Schema = { type: "array", items: { type: "object", name: kind.definitionName } };
    const fields = new Map([
      field("apiVersion", text),
      field("kind", text),
      field("metadata", types.schema(`${META}.ListMeta`)),
      field("items", items, true),
    ]);
    return this.#schemas.reference({ type: "object", name, fields });
  }
}

/** Which definitions are objects, and of which kinds. */
function kindsByDefinition(served: readonly OpenApiGroupVersion[], types: OpenApiTypes): Map<string, GroupVersionKind[]> {
  const found = new Map<string, GroupVersionKind[]>();
  const add = (name: string, gvk: GroupVersionKind) => {
    const known = found.get(name);
    if (!known) found.set(name, [gvk]);
    else if (!known.some((other) => other.kind === gvk.kind && other.group === gvk.group && other.version === gvk.version)) known.push(gvk);
  };
  for (const name of ["APIGroup", "APIGroupList", "APIResourceList", "APIVersions", "Status"])
    add(`${META}.${name}`, { group: "", version: "v1", kind: name });
  for (const { group, version, kinds } of served) {
    for (const kind of ["DeleteOptions", "WatchEvent"]) {
      add(`${META}.${kind}`, { group: "", version: "v1", kind });
      add(`${META}.${kind}`, { group, version, kind });
    }
    for (const { resource, definitionName, verbs, subresources } of kinds) {
      add(definitionName, { group, version, kind: resource.kind });
      if (verbs.includes("list")) add(`${definitionName}List`, { group, version, kind: `${resource.kind}List` });
      for (const sub of subresources) {
        const gvk = { group: sub.group ?? group, version: sub.version ?? version, kind: sub.kind };
        const name = types.nameOf(gvk.group, gvk.version, gvk.kind);
        if (name !== undefined) add(name, gvk);
      }
    }
  }
  return found;
}

function versionInfo(dialect: Dialect): Json {
  const required = ["major", "minor", "gitVersion", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform"];
  const optional = ["emulationMajor", "emulationMinor", "minCompatibilityMajor", "minCompatibilityMinor"];
  const properties = [
    ...required.map((name) => [name, { ...(dialect === "v3" ? { default: "" } : {}), type: "string" }] as const),
    ...optional.map((name) => [name, { type: "string" }] as const),
  ];
  return { type: "object", properties: Object.fromEntries(properties), required };
}

function sorted(entries: ReadonlyMap<string, Json>): Json {
  return Object.fromEntries([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
