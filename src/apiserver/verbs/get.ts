// GET of one object, and of its status.

import { notFound } from "#meta/errors.ts";
import type { Entry } from "#store/store.ts";
import { respondEntry } from "../encoding/respond.ts";
import { storeKey } from "../objects/served-kind.ts";
import { namespaceOf, type VerbHandler } from "./verb.ts";

export const get: VerbHandler = (server, kind, exchange) => {
  const { name } = exchange.info;
  const answer = (entry: Entry | undefined) => {
    if (!entry) throw notFound(kind.resource, name);
    return respondEntry(server, kind, exchange, entry);
  };
  const found = server.store.get(storeKey(kind, namespaceOf(kind, exchange), name));
  return found instanceof Promise ? found.then(answer) : answer(found);
};
