// The API's own description: /openapi/v3 for each group-version, /openapi/v2 for everything. Built from kind
// definitions alone, on demand; the caller keeps what it built until its kinds change.

import type { Schema } from "#meta/schema.ts";
import { pathsOf, type OpenApiKind } from "./openapi-paths.ts";
import { SchemaWriter, type Descriptions, type Dialect, type GroupVersionKind, type Json } from "./openapi-schemas.ts";

export type { OpenApiKind } from "./openapi-paths.ts";
export type { Descriptions } from "./openapi-schemas.ts";

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

const META = "io.k8s.apimachinery.pkg.apis.meta.v1";

/** What /openapi/v3 answers. `hashes` has a value for each path (`api/v1`, `apis/apps/v1`) that changes with its document. */
export function openApiRoot(
  groupVersions: readonly { readonly group: string; readonly version: string }[],
  hashes: ReadonlyMap<string, string>,
): Json {
  const paths: Record<string, Json> = {};
  for (const groupVersion of groupVersions) {
    const path = openApiPath(groupVersion);
    const hash = hashes.get(path);
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}${hash === undefined ? "" : `?hash=${encodeURIComponent(hash)}`}` };
  }
  return { paths };
}

/** `api/v1` or `apis/apps/v1`: how the root names the document of a group-version. */
export function openApiPath({ group, version }: { readonly group: string; readonly version: string }): string {
  return group === "" ? `api/${version}` : `apis/${group}/${version}`;
}

/** The document of one group-version, from all its kinds. */
export function openApiV3(kinds: readonly OpenApiKind[], options: OpenApiOptions): Json {
  const { schemas, paths } = build("v3", kinds, options);
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: options.version },
    paths,
    components: {
      schemas,
      securitySchemes: { BearerToken: { type: "apiKey", description: "Bearer Token authentication", name: "authorization", in: "header" } },
    },
  };
}

/** Definitions of all kinds in the older form. Paths are left out: who wants operations asks for v3. */
export function openApiV2(kinds: readonly OpenApiKind[], options: OpenApiOptions): Json {
  const { schemas } = build("v2", kinds, options);
  return { swagger: "2.0", info: { title: "Kubernetes", version: options.version }, paths: {}, definitions: schemas };
}

function build(dialect: Dialect, kinds: readonly OpenApiKind[], { types, descriptions }: OpenApiOptions): { schemas: Json; paths: Json } {
  const gvks = kindsByDefinition(kinds, types);
  const writer = new SchemaWriter(dialect, (name) => (types.has(name) ? types.schema(name) : undefined), gvks, descriptions);
  const status = writer.reference(types.schema(`${META}.Status`));
  const deleteOptions = writer.reference(types.schema(`${META}.DeleteOptions`));
  writer.add(`${META}.Patch`, { type: "object" });
  const patch = writer.reference({ type: "object", name: `${META}.Patch` });
  const paths: Record<string, Json> = {};
  for (const kind of kinds) {
    const { group, version } = kind.resource;
    const object = writer.reference(kind.schema, kind.definitionName);
    const list = kind.verbs.includes("list") ? listReference(writer, kind, types) : status;
    const schemas = {
      object,
      list,
      status,
      deleteOptions,
      patch,
      subresource: (info: OpenApiKind["subresources"][number]): Json | undefined => {
        // The kind itself (status, ...) may be one the types do not know: a custom resource.
        if (info.kind === kind.resource.kind && (info.group ?? group) === group) return object;
        if (info.kind.endsWith("Options")) return undefined;
        const name = types.nameOf(info.group ?? group, info.version ?? version, info.kind);
        return name === undefined ? undefined : writer.reference(types.schema(name));
      },
    };
    if (dialect === "v3") Object.assign(paths, pathsOf(kind, schemas));
    else for (const info of kind.subresources) schemas.subresource(info);
  }
  return { schemas: sorted(writer.definitions), paths: sorted(new Map(Object.entries(paths))) };
}

function listReference(writer: SchemaWriter, kind: OpenApiKind, types: OpenApiTypes): Json {
  const name = `${kind.definitionName}List`;
  if (types.has(name)) return writer.reference(types.schema(name));
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
  return writer.reference({ type: "object", name, fields });
}

/** Which definitions are objects, and of which kinds. */
function kindsByDefinition(kinds: readonly OpenApiKind[], types: OpenApiTypes): Map<string, GroupVersionKind[]> {
  const found = new Map<string, GroupVersionKind[]>([[`${META}.Status`, [{ group: "", version: "v1", kind: "Status" }]]]);
  const deletes = new Map<string, GroupVersionKind>([["/v1", { group: "", version: "v1", kind: "DeleteOptions" }]]);
  for (const { resource, definitionName, verbs, subresources } of kinds) {
    const { group, version, kind } = resource;
    found.set(definitionName, [{ group, version, kind }]);
    if (verbs.includes("list")) found.set(`${definitionName}List`, [{ group, version, kind: `${kind}List` }]);
    deletes.set(`${group}/${version}`, { group, version, kind: "DeleteOptions" });
    for (const sub of subresources) {
      const gvk = { group: sub.group ?? group, version: sub.version ?? version, kind: sub.kind };
      const name = types.nameOf(gvk.group, gvk.version, gvk.kind);
      if (name !== undefined) found.set(name, [gvk]);
    }
  }
  found.set(`${META}.DeleteOptions`, [...deletes.values()]);
  return found;
}

function sorted(entries: ReadonlyMap<string, Json>): Json {
  return Object.fromEntries([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
