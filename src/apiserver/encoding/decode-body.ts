// Request bodies as objects: JSON or YAML, checked against the kind's structure, with upstream's refusals.

import { ApiError, badRequest, unsupportedMediaType } from "#meta/errors.ts";
import { decodeJson } from "#meta/codec/json.ts";
import type { KubeObject } from "#meta/object.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { VerbServer } from "../verbs/verb.ts";
import { checkFields, type BodyKind, type FieldValidation } from "./field-check.ts";

export interface DecodedBody {
  readonly value: unknown;
  /** Paths of fields that occur twice. */
  readonly duplicateFields: readonly string[];
  readonly bytes: Uint8Array;
}

const PROTOBUF = "application/vnd.kubernetes.protobuf";
const ACCEPTED = `application/json, application/yaml, ${PROTOBUF}`;

export function mediaType(contentType: string | undefined): string {
  if (contentType === undefined || contentType === "application/json") return "application/json";
  return (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
}

/** Decodes a body by its content type; JSON if there is none. Throws 415, 413, and the decoder's errors. */
export async function decodeBody(server: VerbServer, exchange: Exchange, findDuplicates = false): Promise<DecodedBody> {
  const { request } = exchange;
  const type = mediaType(request.headers["content-type"]);
  if (type !== "application/json" && type !== "application/yaml" && type !== PROTOBUF && type !== "*/*") {
    throw unsupportedMediaType(`the body of the request was in an unknown format - accepted media types include: ${ACCEPTED}`);
  }
  const bytes = await request.body();
  if (type === PROTOBUF && bytes.length > 0) return { value: server.protobuf.decode(bytes), duplicateFields: [], bytes };
  if (type === "application/yaml") {
    // Loaded at first use: most clusters never speak YAML.
    const { decodeYaml } = await import("#meta/codec/yaml.ts");
    return { ...(await decodeYaml(bytes, { findDuplicates })), bytes };
  }
  return { ...decodeJson(bytes, { findDuplicates }), bytes };
}

/** Decodes the body of a create or update into an object of the kind. */
export async function decodeObject(
  server: VerbServer,
  wanted: BodyKind,
  exchange: Exchange,
  directive: FieldValidation,
): Promise<KubeObject> {
  const { kind, version, apiVersion } = wanted;
  let decoded: DecodedBody;
  try {
    decoded = await decodeBody(server, exchange, directive !== "Ignore");
  } catch (error) {
    if (error instanceof ApiError && error.code !== 400) throw error;
    const bytes = await exchange.request.body();
    const cause = error instanceof Error ? error.message : String(error);
    throw badRequest(`the object provided is unrecognized (must be of type ${kind}): ${cause} (${summary(bytes)})`);
  }
  const { value } = decoded;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw badRequest(
      `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; json parse error: json: cannot unmarshal ${goType(value)} into Go value of type struct { APIVersion string; Kind string } (${summary(decoded.bytes)})`,
    );
  }
  const object = value as KubeObject; // a JSON object; its fields are checked below
  object.kind ||= kind;
  object.apiVersion ||= apiVersion;
  if (object.apiVersion !== apiVersion && !wanted.otherVersions?.includes(object.apiVersion)) {
    throw badRequest(`the API version in the data (${object.apiVersion}) does not match the expected API version (${apiVersion})`);
  }
  if (object.kind !== kind) {
    throw badRequest(
      `${object.kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: the kind in the data does not match the expected kind`,
    );
  }
  checkFields(wanted, exchange, object, decoded.duplicateFields, directive);
  return object;
}

/** The first bytes of a body in hexadecimal, or the whole of it as text if it is short enough. */
function summary(bytes: Uint8Array): string {
  const limit = 30;
  const text = Buffer.from(bytes.subarray(0, limit)).toString("hex");
  return bytes.length > limit ? `${text} ...` : text;
}

function goType(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (value === null) return "null";
  return typeof value === "boolean" ? "bool" : typeof value;
}
