// Operations as OpenAPI has them, in its two dialects.

import type { Method, Operation, Operations } from "./operations.ts";
import type { Parameter } from "./parameters.ts";
import type { Descriptions, Dialect, Json } from "./schemas.ts";

const ANSWERS: Readonly<Record<number, string>> = { 200: "OK", 201: "Created", 202: "Accepted" };
const UNAUTHORIZED = { description: "Unauthorized" };

/** Bodies stand at their operation, though all take the same one. */
const BODY = "body";

/** Writes path items; parameters of v2 are gathered to be referred to. */
export class PathWriter {
  /** Shared parameters of a v2 document by name. */
  readonly parameters = new Map<string, Json>();
  readonly #dialect: Dialect;
  readonly #describe: Descriptions;
  readonly #written = new Map<Parameter, Json>();

  constructor(dialect: Dialect, describe: Descriptions) {
    this.#dialect = dialect;
    this.#describe = describe;
  }

  /** What all operations of a path take stands once, beside them. */
  item(operations: Operations): Json {
    const all = Object.entries(operations);
    const written = all.map(([method, operation]) => [method as Method, operation, this.#parametersOf(operation)] as const);
    const [first, ...others] = written.map(([, , parameters]) => parameters);
    const common = new Map([...(first ?? [])].filter(([key]) => key !== BODY && others.every((parameters) => parameters.has(key))));
    const item: Record<string, Json | readonly Json[]> = {};
    for (const [method, operation, parameters] of written) {
      const own = [...parameters].filter(([key]) => !common.has(key)).map(([, json]) => json);
      item[method] = this.#operation(operation, own);
    }
    if (common.size > 0) item["parameters"] = [...common.values()];
    return item;
  }

  /** By a key that tells parameters apart. */
  #parametersOf({ parameters }: Operation): Map<string, Json> {
    const found = new Map<string, Json>();
    for (const parameter of parameters) {
      if (parameter.in === "body" && this.#dialect === "v3") continue;
      const { name, in: place, text, description } = parameter;
      found.set(place === "body" ? BODY : [place, name, ...(text ?? []), description].join(" "), this.#parameter(parameter));
    }
    return found;
  }

  #operation(operation: Operation, parameters: readonly Json[]): Json {
    const { id, tag, description, action, gvk, consumes, produces } = operation;
    return {
      ...(this.#dialect === "v2" ? { consumes } : {}),
      description,
      operationId: id,
      ...(parameters.length > 0 ? { parameters } : {}),
      ...(this.#dialect === "v2" ? { produces, schemes: ["https"] } : this.#requestBody(operation)),
      responses: this.#responses(operation),
      tags: [tag],
      ...(action === undefined ? {} : { "x-kubernetes-action": action }),
      ...(gvk === undefined ? {} : { "x-kubernetes-group-version-kind": gvk }),
    };
  }

  #requestBody({ parameters, consumes }: Operation): Json {
    const body = parameters.find((parameter) => parameter.in === "body");
    if (!body) return {};
    return { requestBody: { content: content(consumes, body.schema ?? {}), ...(body.required ? { required: true } : {}) } };
  }

  #responses({ codes, answer = { type: "string" }, produces }: Operation): Json {
    const body = this.#dialect === "v2" ? { schema: answer } : { content: content(produces, answer) };
    return { ...Object.fromEntries(codes.map((code) => [code, { description: ANSWERS[code], ...body }])), 401: UNAUTHORIZED };
  }

  #parameter(parameter: Parameter): Json {
    const known = this.#written.get(parameter);
    if (known) return known;
    const made = this.#write(parameter);
    this.#written.set(parameter, made);
    return made;
  }

  #write(parameter: Parameter): Json {
    const { name, in: place, type, required, schema } = parameter;
    const description = parameter.description ?? (parameter.text && this.#describe(...parameter.text));
    const head = { ...(description === undefined ? {} : { description }), in: place, name, ...(required ? { required } : {}) };
    if (this.#dialect === "v3") return { ...head, schema: { type, uniqueItems: true } };
    const json: Json = place === "body" ? { ...head, schema } : { ...head, type, uniqueItems: true };
    if (!isShared(parameter)) return json;
    const shared = `${name}-${shortHash(JSON.stringify(json))}`;
    this.parameters.set(shared, json);
    return { $ref: `#/parameters/${shared}` };
  }
}

/** Those that older kubectl looks for stand in full, and those that name a kind. */
function isShared({ name, in: place, schema }: Parameter): boolean {
  if (place !== "body") return name !== "name" && name !== "dryRun" && name !== "fieldValidation";
  return typeof schema?.["$ref"] === "string" && schema["$ref"].startsWith("#/definitions/io.k8s.apimachinery");
}

/** FNV-1 of 64 bits as eight characters, as upstream names shared parameters. */
function shortHash(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = ((hash * 0x100000001b3n) & 0xffffffffffffffffn) ^ BigInt(byte);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(hash);
  return bytes.subarray(0, 6).toString("base64url");
}

function content(types: readonly string[], schema: Json): Json {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}
