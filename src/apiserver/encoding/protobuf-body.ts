// Protobuf bodies: finds the structure of what the envelope or the object names, and decodes and encodes by it.

import { badRequest } from "#meta/errors.ts";
import { createMessageDecoder } from "#meta/codec/protobuf/decode.ts";
import { createMessageEncoder } from "#meta/codec/protobuf/encode.ts";
import { readEnvelope, writeEnvelope } from "#meta/codec/protobuf/envelope.ts";
import { apiVersionOf, parseApiVersion } from "#meta/resource.ts";
import type { Schema } from "#meta/schema.ts";
import type { KindCatalog } from "../kind-catalog.ts";
import { createMessageCache, type MessageCache } from "./message-cache.ts";

export interface ProtobufBodies {
  /** Throws 400 for what is no protobuf, or of no kind that is known. */
  readonly decode: (body: Uint8Array) => unknown;
  /** Whether objects of that kind have a form in protobuf; custom resources do not. */
  readonly knows: (apiVersion: string, kind: string) => boolean;
  /** An object with its envelope. Its kind must be known. */
  readonly encode: (object: TypedObject) => Uint8Array;
  /** The same without envelope. */
  readonly message: (apiVersion: string, kind: string, value: object) => Uint8Array;
  /** The message of a stored object, which may be kept. */
  readonly stored: MessageCache["get"];
}

export interface TypedObject {
  readonly kind: string;
  readonly apiVersion: string;
}

/** Structures by the full names of their types. */
export interface ProtobufTypes {
  has(name: string): boolean;
  schema(name: string): Schema;
  /** Of a kind; also of kinds that only subresources use. */
  nameOf(group: string, version: string, kind: string): string | undefined;
}

/** Enough for a list of 10,000 pods. */
const KEPT_BYTES = 16 * 1024 * 1024;

/** What every group serves: Status, DeleteOptions, PartialObjectMetadata, ... */
const META = "io.k8s.apimachinery.pkg.apis.meta.v1";

/** `types` knows what is no resource of its own: lists, Scale, Eviction, options. */
export function createProtobufBodies(catalog: KindCatalog, types: ProtobufTypes | undefined): ProtobufBodies {
  const decode = createMessageDecoder();
  const message = createMessageEncoder();
  /** By `apiVersion/kind`. Built-in structures never change. */
  const known = new Map<string, Schema>();
  const find = (apiVersion: string, kind: string): Schema | undefined => {
    const key = `${apiVersion}/${kind}`;
    const found = known.get(key);
    if (found) return found;
    const { group, version } = parseApiVersion(apiVersion);
    const name = types?.nameOf(group, version, kind) ?? `${META}.${kind}`;
    const schema = types?.has(name) ? types.schema(name) : typedKind(catalog, apiVersion, kind);
    if (schema) known.set(key, schema);
    return schema;
  };
  const demand = (apiVersion: string, kind: string): Schema => {
    const schema = find(apiVersion, kind);
    if (!schema) throw badRequest(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
    return schema;
  };
  return {
    decode: (body) => {
      const { apiVersion, kind, raw } = readEnvelope(body);
      return { kind, apiVersion, ...decode(raw, demand(apiVersion, kind)) };
    },
    // Without the types of lists and their metadata little could be answered.
    knows: (apiVersion, kind) => types !== undefined && find(apiVersion, kind) !== undefined,
    encode: (object) => {
      const { apiVersion, kind } = object;
      return writeEnvelope({ apiVersion, kind, raw: message(object, demand(apiVersion, kind)) });
    },
    message: (apiVersion, kind, value) => message(value, demand(apiVersion, kind)),
    stored: createMessageCache(KEPT_BYTES).get,
  };
}

/** A kind whose structure has protobuf's numbers. */
function typedKind(catalog: KindCatalog, apiVersion: string, kind: string): Schema | undefined {
  const served = catalog.kinds.find(({ resource }) => resource.kind === kind && apiVersionOf(resource) === apiVersion);
  const fields = served?.definition.schema.fields?.values() ?? [];
  return served && fields.some((field) => field.protoNumber !== undefined) ? served.definition.schema : undefined;
}
