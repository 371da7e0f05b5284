// Protobuf bodies: finds the structure of what the envelope names, and decodes by it.

import { badRequest } from "#meta/errors.ts";
import { createMessageDecoder, readEnvelope } from "#meta/codec/protobuf.ts";
import { apiVersionOf, parseApiVersion } from "#meta/resource.ts";
import type { Schema } from "#meta/schema.ts";
import type { KindCatalog } from "../kind-catalog.ts";
import type { OpenApiTypes } from "../openapi.ts";

export type ProtobufBodies = (bytes: Uint8Array) => unknown;

/** Served in every group, under its version; one structure for all. */
const DELETE_OPTIONS = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";

/** `types` knows what only subresources take: Scale, Eviction, DeleteOptions. */
export function createProtobufBodies(catalog: KindCatalog, types: OpenApiTypes | undefined): ProtobufBodies {
  const decode = createMessageDecoder();
  const find = (apiVersion: string, kind: string): Schema | undefined => {
    const { group, version } = parseApiVersion(apiVersion);
    const served = catalog.kinds.find(({ resource }) => resource.kind === kind && apiVersionOf(resource) === apiVersion);
    if (served) return served.definition.schema;
    const name = kind === "DeleteOptions" ? DELETE_OPTIONS : types?.nameOf(group, version, kind);
    return name !== undefined && types?.has(name) ? types.schema(name) : undefined;
  };
  return (bytes) => {
    const { apiVersion, kind, raw } = readEnvelope(bytes);
    const schema = find(apiVersion, kind);
    if (!schema) throw badRequest(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
    return { kind, apiVersion, ...decode(raw, schema) };
  };
}
