// The operations a kind answers, with the parameters clients look for, in a form that both dialects are written from. kubectl reads from them
// which kind a resource has, and whether the server knows dryRun and fieldValidation.

import type { KindDefinition, SubresourceInfo } from "#meta/kind.ts";
import type { Schema } from "#meta/schema.ts";
import {
  bodyOf,
  DELETE_PARAMETERS,
  LIST_PARAMETERS,
  nameOf,
  NAMESPACE,
  PATCH_PARAMETERS,
  PRETTY,
  queryOf,
  SELECT_PARAMETERS,
  SUBPATH,
  WRITE_PARAMETERS,
  type Parameter,
} from "./parameters.ts";
import type { GroupVersionKind, Json } from "./schemas.ts";

export type OpenApiKind = Pick<KindDefinition, "resource" | "verbs" | "subresources" | "schema" | "definitionName" | "returnsDeleted">;

export type Method = "get" | "put" | "post" | "delete" | "options" | "head" | "patch";

export interface Operation {
  readonly id: string;
  readonly tag: string;
  readonly description: string;
  /** Sorted by name; a body is one of them. */
  readonly parameters: readonly Parameter[];
  readonly consumes: readonly string[];
  readonly produces: readonly string[];
  /** The schema of a good answer; undefined for text and streams. */
  readonly answer: Json | undefined;
  readonly codes: readonly number[];
  readonly action?: string;
  readonly gvk?: GroupVersionKind;
}

export type Operations = Partial<Record<Method, Operation>>;

/** What operations take and give, in the words of one dialect. What is asked for becomes part of the document. */
export interface PathSchemas {
  readonly object: Json;
  list(): Json;
  status(): Json;
  deleteOptions(): Json;
  patch(): Json;
  event(): Json;
  /** Of a subresource's kind; undefined for streams and text. */
  subresource(info: SubresourceInfo): Json | undefined;
  /** The structure of options that travel in the query. */
  options(kind: string): Schema | undefined;
}

/** What objects of a kind travel as. Custom resources have neither protobuf nor strategic merge nor the old watch paths. */
export interface Encodings {
  readonly builtin: boolean;
}

const ANY = ["*/*"];
const CONNECT: readonly Method[] = ["get", "post", "put", "patch", "delete", "head", "options"];
const METHODS: Readonly<Record<string, Method>> = { create: "post", get: "get", update: "put", patch: "patch", delete: "delete" };
const OLD_WATCH = "deprecated: use the 'watch' parameter with a list operation instead";

/** `CoreV1`, `RbacAuthorizationV1` in operations' names, `core_v1` as their tag. */
export function labelsOf(group: string, version: string): { readonly label: string; readonly tag: string } {
  const words = group === "" ? ["core"] : group.replace(/\.k8s\.io$/, "").split(".");
  const name = words.map(upperFirst).join("");
  return { label: name + upperFirst(version), tag: `${lowerFirst(name)}${version === "" ? "" : `_${version}`}` };
}

/** `application/json` and its like: what an answer may be. */
export function mediaTypes(builtin: boolean): string[] {
  return ["application/json", "application/yaml", ...(builtin ? ["application/vnd.kubernetes.protobuf"] : [])];
}

/** The paths of one kind with their operations. */
export function operationsOf(kind: OpenApiKind, schemas: PathSchemas, encodings: Encodings): Map<string, Operations> {
  return new KindOperations(kind, schemas, encodings).write();
}

class KindOperations {
  readonly #kind: OpenApiKind;
  readonly #schemas: PathSchemas;
  readonly #builtin: boolean;
  readonly #gvk: GroupVersionKind;
  readonly #label: string;
  readonly #tag: string;
  readonly #scope: "Namespaced" | "";
  readonly #types: readonly string[];
  readonly #streams: readonly string[];
  readonly #paths = new Map<string, Operations>();

  constructor(kind: OpenApiKind, schemas: PathSchemas, { builtin }: Encodings) {
    const { group, version, kind: name, namespaced } = kind.resource;
    this.#kind = kind;
    this.#schemas = schemas;
    this.#builtin = builtin;
    this.#gvk = { group, version, kind: name };
    ({ label: this.#label, tag: this.#tag } = labelsOf(group, version));
    this.#scope = namespaced ? "Namespaced" : "";
    this.#types = mediaTypes(builtin);
    this.#streams = [
      ...this.#types,
      "application/json;stream=watch",
      ...(builtin ? ["application/vnd.kubernetes.protobuf;stream=watch"] : []),
    ];
  }

  write(): Map<string, Operations> {
    const { group, version, plural, namespaced } = this.#kind.resource;
    const base = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
    const inNamespace = namespaced ? "/namespaces/{namespace}" : "";
    const collection = `${base}${inNamespace}/${plural}`;
    const scope = namespaced ? [NAMESPACE] : [];
    this.#put(collection, this.#collection([...scope, PRETTY]));
    this.#put(`${collection}/{name}`, this.#object([...scope, PRETTY, nameOf(this.#gvk.kind)]));
    for (const sub of this.#kind.subresources) this.#subresource(`${collection}/{name}/${sub.name}`, sub, scope);
    if (namespaced && this.#has("list")) this.#put(`${base}/${plural}`, { get: this.#list("ForAllNamespaces", [PRETTY]) });
    if (this.#builtin && this.#has("watch")) this.#oldWatches(`${base}/watch`, `${inNamespace}/${plural}`, scope);
    return this.#paths;
  }

  #has(verb: OpenApiKind["verbs"][number]): boolean {
    return this.#kind.verbs.includes(verb);
  }

  #put(path: string, operations: Operations): void {
    if (Object.keys(operations).length > 0) this.#paths.set(path, operations);
  }

  #id(verb: string, suffix = ""): string {
    return `${verb}${this.#label}${this.#scope}${this.#gvk.kind}${suffix}`;
  }

  #operation(
    action: string,
    id: string,
    description: string,
    parameters: readonly Parameter[],
    answer: Json | undefined,
    rest: Partial<Operation> = {},
  ): Operation {
    return {
      id,
      tag: this.#tag,
      description,
      parameters: parameters.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      consumes: ANY,
      produces: this.#types,
      answer,
      codes: [200],
      action,
      gvk: this.#gvk,
      ...rest,
    };
  }

  #list(suffix: string, common: readonly Parameter[]): Operation {
    const { kind } = this.#gvk;
    const id = suffix === "" ? this.#id("list") : `list${this.#label}${kind}${suffix}`;
    const text = this.#has("watch") ? `list or watch objects of kind ${kind}` : `list objects of kind ${kind}`;
    return this.#operation("list", id, text, [...LIST_PARAMETERS, ...common], this.#schemas.list(), { produces: this.#streams });
  }

  #oldWatches(base: string, collection: string, scope: readonly Parameter[]): void {
    const { kind } = this.#gvk;
    const watch = (path: string, action: string, id: string, text: string, common: readonly Parameter[]) => {
      const parameters = [...LIST_PARAMETERS, PRETTY, ...common];
      this.#put(path, { get: this.#operation(action, id, text, parameters, this.#schemas.event(), { produces: this.#streams }) });
    };
    const all = `watch individual changes to a list of ${kind}. ${OLD_WATCH}.`;
    const one = `watch changes to an object of kind ${kind}. ${OLD_WATCH}, filtered to a single item with the 'fieldSelector' parameter.`;
    watch(base + collection, "watchlist", this.#id("watch", "List"), all, scope);
    watch(`${base}${collection}/{name}`, "watch", this.#id("watch"), one, [...scope, nameOf(kind)]);
    if (scope.length === 0) return;
    watch(`${base}/${this.#kind.resource.plural}`, "watchlist", `watch${this.#label}${kind}ListForAllNamespaces`, all, []);
  }

  #collection(common: readonly Parameter[]): Operations {
    const schemas = this.#schemas;
    const { kind } = this.#gvk;
    const operations: Operations = {};
    if (this.#has("list")) operations.get = this.#list("", common);
    if (this.#has("create"))
      operations.post = this.#create(`create${articleOf(kind)}${kind}`, this.#id("create"), this.#gvk, schemas.object, common);
    if (this.#has("deletecollection")) {
      const parameters = [...DELETE_PARAMETERS, ...SELECT_PARAMETERS, bodyOf(schemas.deleteOptions(), false), ...common];
      const id = `delete${this.#label}Collection${this.#scope}${kind}`;
      operations.delete = this.#operation("deletecollection", id, `delete collection of ${kind}`, parameters, schemas.status());
    }
    return operations;
  }

  #create(description: string, id: string, gvk: GroupVersionKind, object: Json, common: readonly Parameter[]): Operation {
    const parameters = [...WRITE_PARAMETERS, bodyOf(object, true), ...common];
    return this.#operation("post", id, description, parameters, object, { gvk, codes: [200, 201, 202] });
  }

  #object(common: readonly Parameter[]): Operations {
    const schemas = this.#schemas;
    const operations = this.#objectVerbs(this.#kind.verbs, "", "", this.#gvk, schemas.object, common);
    if (this.#has("delete")) {
      const { kind } = this.#gvk;
      const parameters = [...DELETE_PARAMETERS, bodyOf(schemas.deleteOptions(), false), ...common];
      const text = `delete${articleOf(kind)}${kind}`;
      const answer = this.#kind.returnsDeleted ? schemas.object : schemas.status();
      operations.delete = this.#operation("delete", this.#id("delete"), text, parameters, answer, { codes: [200, 202] });
    }
    return operations;
  }

  #objectVerbs(
    verbs: readonly string[],
    suffix: string,
    part: string,
    gvk: GroupVersionKind,
    object: Json,
    common: readonly Parameter[],
  ): Operations {
    const what = `${part} the specified ${this.#gvk.kind}`;
    const operations: Operations = {};
    if (verbs.includes("get")) operations.get = this.#operation("get", this.#id("read", suffix), `read${what}`, common, object, { gvk });
    if (verbs.includes("update")) {
      const parameters = [...WRITE_PARAMETERS, bodyOf(object, true), ...common];
      operations.put = this.#operation("put", this.#id("replace", suffix), `replace${what}`, parameters, object, {
        gvk,
        codes: [200, 201],
      });
    }
    if (verbs.includes("patch")) {
      const parameters = [...PATCH_PARAMETERS, bodyOf(this.#schemas.patch(), true), ...common];
      const consumes = [
        "application/json-patch+json",
        "application/merge-patch+json",
        ...(this.#builtin ? ["application/strategic-merge-patch+json"] : []),
        "application/apply-patch+yaml",
      ];
      const rest = { gvk, consumes, codes: [200, 201] };
      operations.patch = this.#operation("patch", this.#id("patch", suffix), `partially update${what}`, parameters, object, rest);
    }
    return operations;
  }

  #subresource(path: string, sub: SubresourceInfo, scope: readonly Parameter[]): void {
    const suffix = upperFirst(sub.name);
    const { group = this.#gvk.group, version = this.#gvk.version, kind } = sub;
    const gvk = { group, version, kind };
    const object = this.#schemas.subresource(sub);
    const query = queryOf(sub.options ?? kind, this.#schemas.options(sub.options ?? kind));
    if (sub.options !== undefined) {
      const parameters = [...query, ...scope, PRETTY, nameOf(kind)];
      const rest = { gvk, produces: ["text/plain", ...this.#types] };
      const text = `read ${sub.name} of the specified ${this.#gvk.kind}`;
      this.#put(path, { get: this.#operation("get", this.#id("read", suffix), text, parameters, undefined, rest) });
    } else if (!object) {
      this.#connect(path, sub, suffix, gvk, [...query, ...scope, nameOf(kind)]);
    } else {
      const common = [...scope, PRETTY, nameOf(kind)];
      const operations = this.#objectVerbs(sub.verbs, suffix, ` ${sub.name} of`, gvk, object, common);
      const text = `create ${sub.name} of${articleOf(this.#gvk.kind)}${this.#gvk.kind}`;
      if (sub.verbs.includes("create")) operations.post = this.#create(text, this.#id("create", suffix), gvk, object, common);
      this.#put(path, operations);
    }
  }

  /** Streams: what is asked is in the query, what is answered is no object. */
  #connect(path: string, sub: SubresourceInfo, suffix: string, gvk: GroupVersionKind, parameters: readonly Parameter[]): void {
    const isProxy = parameters.some(({ name }) => name === "path");
    const methods = isProxy ? CONNECT : CONNECT.filter((method) => sub.verbs.some((verb) => METHODS[verb] === method));
    const operations = (ending: string, more: readonly Parameter[]): Operations => {
      const made: Operations = {};
      for (const method of methods) {
        const id = `connect${this.#label}${upperFirst(method)}${this.#scope}${this.#gvk.kind}${suffix}${ending}`;
        const text = `connect ${method.toUpperCase()} requests to ${sub.name} of ${this.#gvk.kind}`;
        made[method] = this.#operation("connect", id, text, [...parameters, ...more], undefined, { gvk, produces: ANY });
      }
      return made;
    };
    this.#put(path, operations("", []));
    // What is asked behind a proxy follows in the path.
    if (isProxy) this.#put(`${path}/{path}`, operations("WithPath", [SUBPATH]));
  }
}

/** Upstream's: plurals have none. */
function articleOf(noun: string): string {
  if (noun.endsWith("s") && !noun.endsWith("ss")) return " ";
  return /^[AEIOU]/i.test(noun) ? " an " : " a ";
}

export function upperFirst(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function lowerFirst(word: string): string {
  return word.charAt(0).toLowerCase() + word.slice(1);
}
