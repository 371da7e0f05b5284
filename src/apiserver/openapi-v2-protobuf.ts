// The OpenAPI v2 document as protobuf (gnostic's Document), the only form in which kubectl takes it: it asks when an object is of a kind that
// the v3 documents do not know, and for a `kind: List`.

import type { Json } from "./openapi-schemas.ts";

/** Field numbers of gnostic's messages that our document uses. */
const DOCUMENT = { swagger: 1, info: 2, paths: 8, definitions: 9 } as const;
const INFO = { title: 1, version: 2 } as const;
const NAMED = { name: 1, value: 2 } as const;
const SCHEMA = {
  $ref: 1,
  format: 2,
  description: 4,
  default: 5,
  required: 19,
  additionalProperties: 21,
  type: 22,
  items: 23,
  properties: 25,
  extension: 31,
} as const;
/** Free values travel as YAML, which JSON is. */
const ANY_YAML = 2;
/** The only field of messages that wrap a list or a choice. */
const ONLY = 1;

const LENGTH_DELIMITED = 2;

/** `document` is what openApiV2 makes: definitions without paths. */
export function encodeOpenApiV2(document: Json): Uint8Array {
  const { swagger, info, definitions } = document as unknown as {
    readonly swagger: string;
    readonly info: { readonly title: string; readonly version: string };
    readonly definitions: Readonly<Record<string, Json>>;
  }; // made by openApiV2
  return join([
    text(DOCUMENT.swagger, swagger),
    message(DOCUMENT.info, [text(INFO.title, info.title), text(INFO.version, info.version)]),
    message(DOCUMENT.paths, []),
    message(DOCUMENT.definitions, namedSchemas(definitions)),
  ]);
}

function namedSchemas(schemas: Readonly<Record<string, Json>>): Uint8Array[] {
  return Object.entries(schemas).map(([name, schema]) =>
    message(ONLY, [text(NAMED.name, name), message(NAMED.value, schemaFields(schema))]),
  );
}

function schemaFields(schema: Json): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (const [key, value] of Object.entries(schema)) {
    switch (key) {
      case "$ref":
      case "format":
      case "description":
        parts.push(text(SCHEMA[key], value as string));
        break;
      case "default":
        parts.push(message(SCHEMA.default, [any(value)]));
        break;
      case "required":
        for (const name of value as readonly string[]) parts.push(text(SCHEMA.required, name));
        break;
      case "type":
        parts.push(message(SCHEMA.type, [text(ONLY, value as string)]));
        break;
      case "items":
      case "additionalProperties":
        parts.push(message(SCHEMA[key], [message(ONLY, schemaFields(value as Json))]));
        break;
      case "properties":
        parts.push(message(SCHEMA.properties, namedSchemas(value as Readonly<Record<string, Json>>)));
        break;
      default:
        if (key.startsWith("x-")) parts.push(message(SCHEMA.extension, [text(NAMED.name, key), message(NAMED.value, [any(value)])]));
    }
  }
  return parts;
}

function any(value: unknown): Uint8Array {
  return text(ANY_YAML, `${JSON.stringify(value)}\n`);
}

function text(field: number, value: string): Uint8Array {
  return delimited(field, Buffer.from(value));
}

function message(field: number, parts: readonly Uint8Array[]): Uint8Array {
  return delimited(field, join(parts));
}

function delimited(field: number, content: Uint8Array): Uint8Array {
  const head: number[] = [];
  pushVarint(head, field * 8 + LENGTH_DELIMITED);
  pushVarint(head, content.length);
  return join([Uint8Array.from(head), content]);
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  bytes.push(rest);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
