// Server-side apply: the body says what its manager wants, and who owns which field is kept in managedFields.

import { decodeJson } from "#meta/codec/json.ts";
import type { FieldManager } from "#meta/apply/field-manager.ts";
import { ApiError, badRequest } from "#meta/errors.ts";
import { checkStructure } from "#meta/field-validation.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";
import { respondEntry } from "../encoding/respond.ts";
import type { FieldValidation } from "../encoding/field-check.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import { updateObject } from "../objects/update-object.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { allowCreate, checkName } from "./update.ts";
import { namespaceOf, writeCall, type VerbHandler, type VerbServer } from "./verb.ts";
import { readWriteOptions, type WriteOptions } from "./write-options.ts";

export const applyConfiguration: VerbHandler = async (server, kind, exchange) => {
  const options = readWriteOptions(exchange, "PatchOptions", true);
  const configuration = await readConfiguration(exchange, options.fieldValidation);
  const namespace = namespaceOf(kind, exchange);
  const { name } = exchange.info;
  const apply = applier(server, fieldManagerOf(server, kind), exchange, options);
  const change = (current: DeepReadonly<KubeObject> | undefined): KubeObject => {
    const next = apply(current as KubeObject | undefined, configuration); // leaves both unchanged
    // Quantities and times take their canonical form; nothing else can be wrong, since the configuration fits the structure.
    const [wrong] = checkStructure(next, kind.definition.schema).typeErrors;
    if (wrong !== undefined)
      throw new ApiError(500, "", `failed to convert new typed object (${showName(kind, next)}) to object: ${wrong}`);
    checkName(next, namespace, name);
    return next;
  };
  const create = () => allowCreate(server, exchange, () => change(undefined));
  const call = { ...writeCall(server, exchange, options), applied: true };
  const written = await updateObject(server.writes, kind, { namespace, name, change, create, isPatch: true }, call);
  return respondEntry(server, kind, exchange, written.entry, written.created ? 201 : 200);
};

function showName({ resource, apiVersion }: ServedKind, { metadata = {} }: KubeObject): string {
  const group = resource.group === "" ? `/${apiVersion}` : apiVersion;
  return `${metadata.namespace ?? ""}/${metadata.name ?? ""}; ${group}, Kind=${resource.kind}`;
}

function fieldManagerOf(server: VerbServer, kind: ServedKind): FieldManager {
  const manager = server.writes.fields?.of(kind);
  if (!manager) throw new TypeError("a server without field managers cannot apply");
  return manager;
}

/** Applies for the request's manager, as of now. */
export function applier(
  server: VerbServer,
  fields: FieldManager,
  exchange: Exchange,
  options: WriteOptions,
): (live: KubeObject | undefined, configuration: KubeObject) => KubeObject {
  const writer = { manager: options.manager, subresource: exchange.info.subresource, now: server.writes.now() };
  return (live, configuration) => fields.apply(live, configuration, writer, options.force);
}

/** Reads the body: YAML, or nearly always the JSON that YAML is too. */
export async function readConfiguration(exchange: Exchange, directive: FieldValidation): Promise<KubeObject> {
  const bytes = await exchange.request.body();
  const findDuplicates = directive !== "Ignore";
  let value: unknown;
  let duplicates: readonly string[];
  try {
    ({ value, duplicateFields: duplicates } = await decodeEither(bytes, findDuplicates));
  } catch (error) {
    throw badRequest(`error decoding YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const form = Array.isArray(value) ? "array" : value === null ? "null" : typeof value === "boolean" ? "bool" : typeof value;
    throw badRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${form} into Go value of type map[string]interface {}`,
    );
  }
  if (duplicates.length > 0) {
    const { repeatedKeys } = await import("#meta/codec/yaml.ts");
    const repeated = await repeatedKeys(Buffer.from(bytes).toString("utf8"));
    // In the words of Go's YAML.
    const texts = repeated.map(({ key, line }) => `line ${line}: key ${JSON.stringify(key)} already set in map`);
    if (directive === "Strict") {
      throw badRequest(`error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  ${texts.join("\n  ")}`);
    }
    exchange.warnings.push(...texts);
  }
  return value as KubeObject; // the field manager checks that it is one of the kind
}

const OPENING_BRACE = 0x7b;

async function decodeEither(bytes: Uint8Array, findDuplicates: boolean) {
  if (bytes[0] === OPENING_BRACE) {
    try {
      return decodeJson(bytes, { findDuplicates });
    } catch (error) {
      // YAML's braces are more than JSON's.
      if (!(error instanceof ApiError)) throw error;
    }
  }
  // Loaded at first use: clients send JSON.
  const { decodeYaml } = await import("#meta/codec/yaml.ts");
  return decodeYaml(bytes, { findDuplicates });
}
