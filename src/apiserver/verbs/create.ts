// POST to a collection.

import { respondEntry } from "../encoding/respond.ts";
import { decodeObject } from "../encoding/decode-body.ts";
import { createObject } from "../objects/create-object.ts";
import { namespaceOf, writeCallOf, type VerbHandler } from "./verb.ts";

export const create: VerbHandler = async (server, kind, exchange) => {
  const call = writeCallOf(server, exchange, "CreateOptions");
  const object = await decodeObject(server, kind, exchange);
  const { entry } = await createObject(server.writes, kind, object, namespaceOf(kind, exchange), call);
  return respondEntry(server, kind, exchange, entry, 201);
};
