// LIST of a collection: from stored bytes, as one snapshot however many pages it takes.

import { ApiError, badRequest } from "#meta/errors.ts";
import type { ListMeta } from "#meta/object.ts";
import type { Entry, ListResult } from "#store/store.ts";
import { listForm } from "../encoding/respond.ts";
import { respondList } from "../encoding/respond-list.ts";
import { isCompacted, tooLargeResourceVersion } from "../store-errors.ts";
import { decodeContinue, encodeContinue, type ContinueToken } from "./continue-token.ts";
import { parseListOptions, parseVersion, type ListOptions } from "./list-options.ts";
import { untilRevision } from "./fresh.ts";
import { selectionOf, type Selection } from "./selection.ts";
import { namespaceOf, type VerbHandler, type VerbServer } from "./verb.ts";

/** Pages read from the store when a selector leaves out some of the entries. */
const MIN_PAGE = 500;
/** What is read: how much, from where on, of which time. */
export interface ListQuery {
  readonly limit: number;
  readonly token: ContinueToken | undefined;
  /** The exact past to show; 0: now. */
  readonly revision: number;
}

export const WHOLE_LIST: ListQuery = { limit: 0, token: undefined, revision: 0 };

/** What a list found. */
export interface Listed {
  readonly entries: readonly Entry[];
  readonly metadata: ListMeta & { resourceVersion: string };
  readonly revision: number;
}

export const list: VerbHandler = (server, kind, exchange) => {
  const form = listForm(server, exchange, kind);
  const options = parseListOptions(exchange.request.query);
  const selection = selectionOf(kind, namespaceOf(kind, exchange), options);
  const answer = (listed: Listed) => respondList(server, kind, exchange, form, listed);
  const read = () => {
    const found = readList(server, selection, planList(server, selection, options));
    return found instanceof Promise ? found.then(answer) : answer(found);
  };
  const ahead = aheadOf(server, selection, options);
  return ahead ? ahead.then(read) : read();
};

/** What to wait for before a list is planned. Who wants exactly a version that is not there yet is refused at once. */
function aheadOf(
  server: VerbServer,
  selection: Selection,
  { resourceVersion, match, continued, limit }: ListOptions,
): Promise<void> | undefined {
  if (resourceVersion === "" || continued !== "" || isExact(selection, match, limit)) return undefined;
  return untilRevision(server, parseVersion(resourceVersion));
}

/** With a limit a version is exact, as it was before there was a resourceVersionMatch; a single object has no pages. */
function isExact(selection: Selection, match: ListOptions["match"], limit: number): boolean {
  return match === "Exact" || (match === "" && limit > 0 && !selection.exact);
}

/** Which time a list shows, and how much of it. Throws a 400 for bad versions and tokens, a 504 for a version that is not there yet. */
export function planList(server: VerbServer, selection: Selection, options: ListOptions): ListQuery {
  const { resourceVersion, match, continued, limit } = options;
  const head = server.store.revision;
  if (continued !== "") {
    const token = decodeContinue(continued);
    if (resourceVersion !== "" && resourceVersion !== "0") {
      throw badRequest("specifying resource version is not allowed when using continue");
    }
    if (token.revision > head) throw tooLargeResourceVersion(token.revision, head);
    return { limit, token, revision: Math.max(token.revision, 0) };
  }
  const asked = parseVersion(resourceVersion);
  if (asked > head) throw tooLargeResourceVersion(asked, head);
  return { limit, token: undefined, revision: isExact(selection, match, limit) ? asked : 0 };
}

/** Reads what a selection holds. Synchronous where the store is. */
export function readList(server: VerbServer, selection: Selection, query: ListQuery): Listed | Promise<Listed> {
  try {
    if (selection.exact) return readOne(server, selection, query);
    const { limit, token, revision } = query;
    const page = server.store.list(selection.prefix, {
      ...(revision > 0 ? { revision } : {}),
      ...(limit > 0 ? { limit: selection.matches ? Math.max(limit, MIN_PAGE) : limit } : {}),
      ...(token ? { after: selection.prefix + token.after } : {}),
    });
    const go = (result: ListResult) => collect(server, selection, query, result);
    return page instanceof Promise ? page.then(go).catch((error: unknown) => refuse(query, error)) : go(page);
  } catch (error) {
    return refuse(query, error);
  }
}

function readOne(server: VerbServer, selection: Selection, query: ListQuery): Listed | Promise<Listed> {
  const result = (entry: Entry | undefined, revision: number): Listed => ({
    entries: entry && (!selection.matches || selection.matches(entry)) ? [entry] : [],
    metadata: { resourceVersion: String(revision) },
    revision,
  });
  if (query.revision > 0) {
    // Of the keys that begin so the name itself is the first.
    const past = server.store.list(selection.prefix, { revision: query.revision, limit: 1 });
    const pick = (found: ListResult) =>
      result(
        found.entries.find((entry) => entry.key === selection.prefix),
        found.revision,
      );
    return past instanceof Promise ? past.then(pick) : pick(past);
  }
  // The revision is read first: the entry may be newer, never older.
  const { revision } = server.store;
  const entry = server.store.get(selection.prefix);
  return entry instanceof Promise
    ? entry.then((found) => result(found, Math.max(revision, found?.revision ?? 0)))
    : result(entry, revision);
}

/** Goes on reading pages until enough entries are selected. */
function collect(server: VerbServer, selection: Selection, query: ListQuery, first: ListResult): Listed | Promise<Listed> {
  const { matches } = selection;
  const { revision } = first;
  if (!matches) return finish(selection, query, first.entries, revision, first.remaining);
  const entries: Entry[] = [];
  let page = first;
  for (;;) {
    for (const [index, entry] of page.entries.entries()) {
      if (!matches(entry)) continue;
      entries.push(entry);
      if (query.limit > 0 && entries.length === query.limit) {
        const left = page.entries.length - index - 1 + page.remaining;
        return finish(selection, query, entries, revision, left);
      }
    }
    const last = page.entries.at(-1);
    if (page.remaining === 0 || !last) return finish(selection, query, entries, revision, 0);
    const next = server.store.list(selection.prefix, { revision, limit: MIN_PAGE, after: last.key });
    if (next instanceof Promise) {
      return next.then(async (result) => {
        const rest = await collect(server, selection, { ...query, limit: query.limit && query.limit - entries.length }, result);
        return { ...rest, entries: [...entries, ...rest.entries] };
      });
    }
    page = next;
  }
}

function finish(selection: Selection, query: ListQuery, entries: readonly Entry[], revision: number, left: number): Listed {
  const last = entries.at(-1);
  const metadata: Listed["metadata"] = { resourceVersion: String(revision) };
  if (query.limit > 0 && left > 0 && last) {
    metadata.continue = encodeContinue({ revision, after: last.key.slice(selection.prefix.length) });
    // With a selector nobody knows how many of them are selected.
    if (!selection.matches) metadata.remainingItemCount = left;
  }
  return { entries, metadata, revision };
}

/** Words for a past that is gone. A continued list may go on with the present if the client agrees. */
function refuse(query: ListQuery, error: unknown): never {
  if (!isCompacted(error) || !query.token) throw error;
  const gone = new ApiError(
    410,
    "Expired",
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
  );
  gone.status.metadata["continue"] = encodeContinue({ revision: -1, after: query.token.after });
  throw gone;
}
