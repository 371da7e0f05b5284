// The field numbers of gnostic's messages for OpenAPI v2, as far as our document goes. kubectl takes the document in this form only.

import { any, bool, each, message, ProtobufWriter, text, wrapped, type Encode, type Message } from "./protobuf-writer.ts";

const schemaMessage: Encode = message(() => SCHEMA);
const SCHEMA: Message = {
  fields: {
    $ref: [1, text],
    format: [2, text],
    description: [4, text],
    default: [5, any],
    required: [19, each(text)],
    enum: [20, each(any)],
    additionalProperties: [21, wrapped(1, schemaMessage)],
    type: [22, wrapped(1, text)],
    items: [23, wrapped(1, schemaMessage)],
    properties: [25, message(() => ({ entries: [1, schemaMessage] }))],
  },
  extensions: 31,
};

const QUERY: Message = {
  fields: { required: [1, bool], in: [2, text], description: [3, text], name: [4, text], type: [6, text], uniqueItems: [20, bool] },
};
const PATH: Message = {
  fields: { required: [1, bool], in: [2, text], description: [3, text], name: [4, text], type: [5, text], uniqueItems: [19, bool] },
};
const BODY: Message = { fields: { name: [2, text], in: [3, text], required: [4, bool], schema: [5, schemaMessage] } };

const placeOf = (value: object): unknown => ("in" in value ? value.in : undefined);
const simpleParameter: Encode = (writer, field, value) =>
  placeOf(value as object) === "path"
    ? wrapped(
        4,
        message(() => PATH),
      )(writer, field, value)
    : wrapped(
        3,
        message(() => QUERY),
      )(writer, field, value);
const parameter: Encode = (writer, field, value) =>
  placeOf(value as object) === "body"
    ? wrapped(
        1,
        message(() => BODY),
      )(writer, field, value)
    : wrapped(2, simpleParameter)(writer, field, value);
const REFERENCE: Message = { fields: { $ref: [1, text] } };
const parameterOrReference: Encode = (writer, field, value) =>
  "$ref" in (value as object)
    ? wrapped(
        2,
        message(() => REFERENCE),
      )(writer, field, value)
    : wrapped(1, parameter)(writer, field, value);

const RESPONSE: Message = { fields: { description: [1, text], schema: [2, wrapped(1, schemaMessage)] } };
const OPERATION: Message = {
  fields: {
    tags: [1, each(text)],
    description: [3, text],
    operationId: [5, text],
    produces: [6, each(text)],
    consumes: [7, each(text)],
    parameters: [8, each(parameterOrReference)],
    responses: [
      9,
      message(() => ({
        entries: [
          1,
          wrapped(
            1,
            message(() => RESPONSE),
          ),
        ],
      })),
    ],
    schemes: [10, each(text)],
  },
  extensions: 13,
};
const operation = message(() => OPERATION);
const PATH_ITEM: Message = {
  fields: {
    get: [2, operation],
    put: [3, operation],
    post: [4, operation],
    delete: [5, operation],
    options: [6, operation],
    head: [7, operation],
    patch: [8, operation],
    parameters: [9, each(parameterOrReference)],
  },
};
const API_KEY: Message = { fields: { type: [1, text], name: [2, text], in: [3, text], description: [4, text] } };
const DOCUMENT: Message = {
  fields: {
    swagger: [1, text],
    info: [2, message(() => ({ fields: { title: [1, text], version: [2, text] } }))],
    paths: [8, message(() => ({ entries: [2, message(() => PATH_ITEM)] }))],
    definitions: [9, message(() => ({ entries: [1, schemaMessage] }))],
    parameters: [10, message(() => ({ entries: [1, parameter] }))],
    security: [12, each(message(() => ({ entries: [1, message(() => ({}))] })))],
    securityDefinitions: [
      13,
      message(() => ({
        entries: [
          1,
          wrapped(
            2,
            message(() => API_KEY),
          ),
        ],
      })),
    ],
  },
};

export function encodeOpenApiV2(document: object): Uint8Array {
  const writer = new ProtobufWriter();
  writer.members(DOCUMENT, document);
  return writer.finish();
}
