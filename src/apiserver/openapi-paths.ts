// Paths of OpenAPI v3 documents: which operations a kind answers, with the parameters clients look for. kubectl reads
// from them which kind a resource has, and whether the server knows dryRun and fieldValidation.

import type { KindDefinition, SubresourceInfo } from "#meta/kind.ts";
import type { GroupVersionKind, Json } from "./openapi-schemas.ts";

export type OpenApiKind = Pick<KindDefinition, "resource" | "verbs" | "subresources" | "schema" | "definitionName">;

/** References to the definitions that operations take and give. */
export interface PathSchemas {
  readonly object: Json;
  readonly list: Json;
  readonly status: Json;
  readonly deleteOptions: Json;
  readonly patch: Json;
  /** Of a subresource's kind; undefined for streams and text. */
  subresource(info: SubresourceInfo): Json | undefined;
}

const MEDIA_TYPES = ["application/json", "application/yaml"];
const STREAM_TYPES = [...MEDIA_TYPES, "application/json;stream=watch"];
const PATCH_TYPES = [
  "application/apply-patch+yaml",
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
];

const NAMESPACE = parameter("namespace", "string", "path");
const NAME = parameter("name", "string", "path");
const PRETTY = parameter("pretty", "string");
const WRITE = queries("string", ["dryRun", "fieldManager", "fieldValidation"]);
const PATCH = [...WRITE, parameter("force", "boolean")];
const DELETE = [
  parameter("dryRun", "string"),
  parameter("gracePeriodSeconds", "integer"),
  parameter("ignoreStoreReadErrorWithClusterBreakingPotential", "boolean"),
  parameter("orphanDependents", "boolean"),
  parameter("propagationPolicy", "string"),
];
const SELECT = [
  ...queries("string", ["continue", "fieldSelector", "labelSelector"]),
  parameter("limit", "integer"),
  ...queries("string", ["resourceVersion", "resourceVersionMatch"]),
  parameter("sendInitialEvents", "boolean"),
  parameter("timeoutSeconds", "integer"),
];
const LIST = [parameter("allowWatchBookmarks", "boolean"), ...SELECT, parameter("watch", "boolean")];
const UNAUTHORIZED = { description: "Unauthorized" };

/** The paths of one kind, by template. */
export function pathsOf(kind: OpenApiKind, schemas: PathSchemas): Record<string, Json> {
  return new KindPaths(kind, schemas).write();
}

class KindPaths {
  readonly #kind: OpenApiKind;
  readonly #schemas: PathSchemas;
  readonly #gvk: GroupVersionKind;
  /** `CoreV1`, `RbacAuthorizationV1`. */
  readonly #label: string;
  readonly #scope: "Namespaced" | "";

  constructor(kind: OpenApiKind, schemas: PathSchemas) {
    const { group, version, kind: name, namespaced } = kind.resource;
    this.#kind = kind;
    this.#schemas = schemas;
    this.#gvk = { group, version, kind: name };
    const words = group === "" ? ["core"] : group.replace(/\.k8s\.io$/, "").split(".");
    this.#label = [...words, version].map(upperFirst).join("");
    this.#scope = namespaced ? "Namespaced" : "";
  }

  write(): Record<string, Json> {
    const { group, version, plural, namespaced } = this.#kind.resource;
    const base = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
    const collection = namespaced ? `${base}/namespaces/{namespace}/${plural}` : `${base}/${plural}`;
    const paths: Record<string, Json> = {};
    const scope = namespaced ? [NAMESPACE] : [];
    this.#put(paths, collection, this.#collection(), [...scope, PRETTY]);
    this.#put(paths, `${collection}/{name}`, this.#object(), [NAME, ...scope, PRETTY]);
    for (const sub of this.#kind.subresources)
      this.#put(paths, `${collection}/{name}/${sub.name}`, this.#subresource(sub), [NAME, ...scope, PRETTY]);
    if (namespaced && this.#has("list")) this.#put(paths, `${base}/${plural}`, { get: this.#list("ForAllNamespaces") }, [PRETTY]);
    return paths;
  }

  #has(verb: OpenApiKind["verbs"][number]): boolean {
    return this.#kind.verbs.includes(verb);
  }

  #put(paths: Record<string, Json>, path: string, operations: Json, parameters: readonly Json[]): void {
    if (Object.keys(operations).length > 0) paths[path] = { ...operations, parameters };
  }

  #operation(action: string, id: string, gvk: GroupVersionKind, rest: Json): Json {
    return {
      tags: [lowerFirst(this.#label)],
      operationId: id,
      ...rest,
      "x-kubernetes-action": action,
      "x-kubernetes-group-version-kind": gvk,
    };
  }

  #id(verb: string, suffix = ""): string {
    return `${verb}${this.#label}${this.#scope}${this.#gvk.kind}${suffix}`;
  }

  #list(suffix: string): Json {
    const id = suffix === "" ? this.#id("list") : `list${this.#label}${this.#gvk.kind}${suffix}`;
    return this.#operation("list", id, this.#gvk, { parameters: LIST, responses: answers(["200"], this.#schemas.list, STREAM_TYPES) });
  }

  #collection(): Json {
    const { object, status, deleteOptions } = this.#schemas;
    return {
      ...(this.#has("list") ? { get: this.#list("") } : {}),
      ...(this.#has("create")
        ? {
            post: this.#operation("post", this.#id("create"), this.#gvk, {
              parameters: WRITE,
              requestBody: { content: content(["*/*"], object), required: true },
              responses: answers(["200", "201", "202"], object),
            }),
          }
        : {}),
      ...(this.#has("deletecollection")
        ? {
            delete: this.#operation("deletecollection", `delete${this.#label}Collection${this.#scope}${this.#gvk.kind}`, this.#gvk, {
              parameters: [...DELETE, ...SELECT],
              requestBody: { content: content(["*/*"], deleteOptions) },
              responses: answers(["200"], status),
            }),
          }
        : {}),
    };
  }

  #object(): Json {
    const { object, status, deleteOptions } = this.#schemas;
    const { verbs } = this.#kind;
    return {
      ...this.#objectVerbs(verbs, "", this.#gvk, object),
      ...(this.#has("delete")
        ? {
            delete: this.#operation("delete", this.#id("delete"), this.#gvk, {
              parameters: DELETE,
              requestBody: { content: content(["*/*"], deleteOptions) },
              responses: answers(["200", "202"], status),
            }),
          }
        : {}),
    };
  }

  #objectVerbs(verbs: readonly string[], suffix: string, gvk: GroupVersionKind, object: Json): Json {
    return {
      ...(verbs.includes("get")
        ? { get: this.#operation("get", this.#id("read", suffix), gvk, { responses: answers(["200"], object) }) }
        : {}),
      ...(verbs.includes("update")
        ? {
            put: this.#operation("put", this.#id("replace", suffix), gvk, {
              parameters: WRITE,
              requestBody: { content: content(["*/*"], object), required: true },
              responses: answers(["200", "201"], object),
            }),
          }
        : {}),
      ...(verbs.includes("patch")
        ? {
            patch: this.#operation("patch", this.#id("patch", suffix), gvk, {
              parameters: PATCH,
              requestBody: { content: content(PATCH_TYPES, this.#schemas.patch), required: true },
              responses: answers(["200", "201"], object),
            }),
          }
        : {}),
    };
  }

  #subresource(sub: SubresourceInfo): Json {
    const suffix = upperFirst(sub.name);
    const { group = this.#gvk.group, version = this.#gvk.version, kind } = sub;
    const gvk = { group, version, kind };
    const object = this.#schemas.subresource(sub);
    if (!object) return this.#connect(sub, suffix, gvk);
    return {
      ...this.#objectVerbs(sub.verbs, suffix, gvk, object),
      ...(sub.verbs.includes("create")
        ? {
            post: this.#operation("post", this.#id("create", suffix), gvk, {
              parameters: WRITE,
              requestBody: { content: content(["*/*"], object), required: true },
              responses: answers(["200", "201", "202"], object),
            }),
          }
        : {}),
    };
  }

  /** Streams: what is asked is in the query, what is answered is no object. */
  #connect(sub: SubresourceInfo, suffix: string, gvk: GroupVersionKind): Json {
    const methods: Readonly<Record<string, string>> = { create: "post", get: "get", update: "put", patch: "patch", delete: "delete" };
    const operations: Record<string, Json> = {};
    for (const verb of sub.verbs) {
      const method = methods[verb];
      if (method === undefined) continue;
      const id = `connect${this.#label}${upperFirst(method)}${this.#scope}${this.#gvk.kind}${suffix}`;
      operations[method] = this.#operation("connect", id, gvk, { responses: answers(["200"], { type: "string" }, ["*/*"]) });
    }
    return operations;
  }
}

function parameter(name: string, type: string, place: "query" | "path" = "query"): Json {
  return { in: place, name, ...(place === "path" ? { required: true } : {}), schema: { type, uniqueItems: true } };
}

function queries(type: string, names: readonly string[]): Json[] {
  return names.map((name) => parameter(name, type));
}

function content(types: readonly string[], schema: Json): Json {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}

function answers(codes: readonly string[], schema: Json, types: readonly string[] = MEDIA_TYPES): Json {
  const answer = { description: "OK", content: content(types, schema) };
  return { ...Object.fromEntries(codes.map((code) => [code, answer])), "401": UNAUTHORIZED };
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
