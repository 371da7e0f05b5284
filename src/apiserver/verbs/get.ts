// GET of one object, and of its status.

import { notFound } from "#meta/errors.ts";
import type { Entry } from "#store/store.ts";
import { respondEntry } from "../encoding/respond.ts";
import { storeKey } from "../objects/served-kind.ts";
import { tooLargeResourceVersion } from "../store-errors.ts";
import { untilRevision } from "./fresh.ts";
import { parseVersion } from "./list-options.ts";
import { namespaceOf, type VerbHandler } from "./verb.ts";

export const get: VerbHandler = (server, kind, exchange) => {
  const { info, request } = exchange;
  // What is there now is at least as new as any version that was ever given out.
  const asked = request.query.size > 0 ? parseVersion(request.query.get("resourceVersion") ?? "") : 0;
  const answer = (entry: Entry | undefined) => {
    if (!entry) throw notFound(kind.resource, info.name);
    return respondEntry(server, kind, exchange, entry);
  };
  const read = () => {
    if (asked > server.store.revision) throw tooLargeResourceVersion(asked, server.store.revision);
    const found = server.store.get(storeKey(kind, namespaceOf(kind, exchange), info.name));
    return found instanceof Promise ? found.then(answer) : answer(found);
  };
  const ahead = untilRevision(server, asked);
  return ahead ? ahead.then(read) : read();
};
