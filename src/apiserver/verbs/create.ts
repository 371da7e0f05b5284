// POST to a collection.

import { respondEntry } from "../encoding/respond.ts";
import { decodeObject } from "../encoding/decode-body.ts";
import { bodyKindOf } from "../encoding/field-check.ts";
import { createObject } from "../objects/create-object.ts";
import { namespaceOf, writeCall, type VerbHandler } from "./verb.ts";
import { readWriteOptions } from "./write-options.ts";

export const create: VerbHandler = async (server, kind, exchange) => {
  const options = readWriteOptions(exchange, "CreateOptions");
  const object = await decodeObject(server, bodyKindOf(kind), exchange, options.fieldValidation);
  const call = writeCall(server, exchange, options);
  const { entry } = await createObject(server.writes, kind, object, namespaceOf(kind, exchange), call);
  return respondEntry(server, kind, exchange, entry, 201);
};
