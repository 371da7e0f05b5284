// The field numbers of gnostic's messages for OpenAPI v3, as far as our documents go.

import { any, bool, each, message, ProtobufWriter, text, wrapped, type Encode, type Message } from "./protobuf-writer.ts";

const REFERENCE: Message = { fields: { $ref: [1, text] } };
/** A thing itself is the first choice, a reference to one the second. */
function orReference(shape: () => Message): Encode {
  return (writer, field, value) =>
    "$ref" in (value as object)
      ? wrapped(
          2,
          message(() => REFERENCE),
        )(writer, field, value)
      : wrapped(1, message(shape))(writer, field, value);
}

const schemaOrReference = orReference(() => SCHEMA);
/** Scalars only: gnostic has no place for defaults that are lists or objects. */
const defaultValue: Encode = (writer, field, value) =>
  writer.nested(field, () => {
    if (typeof value === "number") writer.double(1, value);
    else if (typeof value === "boolean") writer.bool(2, value);
    else if (typeof value === "string") writer.text(3, value);
  });
const SCHEMA: Message = {
  fields: {
    nullable: [1, bool],
    required: [23, each(text)],
    enum: [24, each(any)],
    type: [25, text],
    allOf: [26, each(schemaOrReference)],
    oneOf: [27, each(schemaOrReference)],
    anyOf: [28, each(schemaOrReference)],
    items: [30, wrapped(1, schemaOrReference)],
    properties: [31, message(() => ({ entries: [1, schemaOrReference] }))],
    additionalProperties: [32, wrapped(1, schemaOrReference)],
    default: [33, defaultValue],
    description: [34, text],
    format: [35, text],
    uniqueItems: [20, bool],
  },
  extensions: 36,
};

const CONTENT: Message = { entries: [1, message(() => ({ fields: { schema: [1, schemaOrReference] } }))] };
const content = message(() => CONTENT);
const PARAMETER: Message = {
  fields: { name: [1, text], in: [2, text], description: [3, text], required: [4, bool], schema: [10, schemaOrReference] },
};
const parameters = each(orReference(() => PARAMETER));
const RESPONSE: Message = { fields: { description: [1, text], content: [3, content] } };
const OPERATION: Message = {
  fields: {
    tags: [1, each(text)],
    description: [3, text],
    operationId: [5, text],
    parameters: [6, parameters],
    requestBody: [7, orReference(() => ({ fields: { content: [2, content], required: [3, bool] } }))],
    responses: [8, message(() => ({ entries: [2, orReference(() => RESPONSE)] }))],
  },
  extensions: 13,
};
const operation = message(() => OPERATION);
const PATH_ITEM: Message = {
  fields: {
    get: [4, operation],
    put: [5, operation],
    post: [6, operation],
    delete: [7, operation],
    options: [8, operation],
    head: [9, operation],
    patch: [10, operation],
    parameters: [13, parameters],
  },
};
const SECURITY: Message = { fields: { type: [1, text], description: [2, text], name: [3, text], in: [4, text] } };
const COMPONENTS: Message = {
  fields: {
    schemas: [1, message(() => ({ entries: [1, schemaOrReference] }))],
    securitySchemes: [7, message(() => ({ entries: [1, orReference(() => SECURITY)] }))],
  },
};
const DOCUMENT: Message = {
  fields: {
    openapi: [1, text],
    info: [2, message(() => ({ fields: { title: [1, text], version: [6, text] } }))],
    paths: [4, message(() => ({ entries: [1, message(() => PATH_ITEM)] }))],
    components: [5, message(() => COMPONENTS)],
  },
};

export function encodeOpenApiV3(document: object): Uint8Array {
  const writer = new ProtobufWriter();
  writer.members(DOCUMENT, document);
  return writer.finish();
}
