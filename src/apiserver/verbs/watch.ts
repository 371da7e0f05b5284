// WATCH of a collection: events pushed to the client's stream without a promise on the way.

import { badRequest, expired, field, invalid, type Status } from "#meta/errors.ts";
import type { Entry, StoreEvent } from "#store/store.ts";
import type { OutputForm } from "../encoding/negotiate.ts";
import { objectForm, transformObject } from "../encoding/respond.ts";
import type { ApiResponse } from "../http.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { WatchEventType } from "../objects/forms.ts";
import { isTrue } from "../request-info.ts";
import { isCompacted, toApiError } from "../store-errors.ts";
import { parseVersion, readList, type Listed } from "./list.ts";
import { selectionOf, type Selection } from "./selection.ts";
import { namespaceOf, type VerbHandler, type VerbServer } from "./verb.ts";

type Sink = Parameters<NonNullable<ApiResponse["push"]>>[0];

/** Upstream ends watches with no timeout of their own after 30 to 60 minutes. */
const MIN_TIMEOUT_SECONDS = 1800;

export const watch: VerbHandler = (server, kind, exchange) => {
  const { query } = exchange.request;
  const form = objectForm(server, exchange);
  if (form.type === "yaml") throw badRequest("watches are served as JSON only");
  // The path's name is a selection of one; a list's name comes from its field selector anyway.
  const selection = selectionOf(kind, namespaceOf(kind, exchange), query, exchange.info.name);
  const options = parseWatchQuery(server, query);
  return {
    status: 200,
    headers: { "content-type": "application/json" },
    body: undefined,
    push: (sink) => startWatch(server, { kind, exchange, form, selection, options }, sink),
  };
};

interface WatchQuery {
  /** Events after this revision; 0: what is there first. */
  readonly after: number;
  readonly bookmarks: boolean;
  readonly sendInitialEvents: boolean;
  readonly timeoutSeconds: number;
}

function parseWatchQuery(server: VerbServer, query: URLSearchParams): WatchQuery {
  const after = parseVersion(query.get("resourceVersion") ?? "");
  const initial = query.get("sendInitialEvents");
  const match = query.get("resourceVersionMatch") ?? "";
  const bookmarks = isTrue(query.get("allowWatchBookmarks"));
  const errors = [];
  if (initial !== null && match !== "NotOlderThan") {
    errors.push(field.forbidden("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
  }
  if (initial === null && match !== "") {
    errors.push(
      field.forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"),
    );
  }
  if (errors.length > 0) throw invalid({ group: "meta.k8s.io", kind: "ListOptions" }, "", errors);
  const timeoutText = query.get("timeoutSeconds") ?? "";
  if (!/^\d*$/.test(timeoutText)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(timeoutText)}: invalid syntax`);
  return {
    after,
    bookmarks,
    sendInitialEvents: isTrue(initial),
    timeoutSeconds: Number(timeoutText) || MIN_TIMEOUT_SECONDS * (1 + server.random()),
  };
}

interface WatchSpec {
  readonly kind: ServedKind;
  readonly exchange: Exchange;
  readonly form: OutputForm;
  readonly selection: Selection;
  readonly options: WatchQuery;
}

/** Starts pushing; gives the function that stops it. */
function startWatch(server: VerbServer, spec: WatchSpec, sink: Sink): () => void {
  const { kind, selection, options } = spec;
  const encode = createEncoder(server, spec);
  let ended = false;
  let sent = options.after;
  const subscriptions = new DisposableStack();
  const end = () => {
    if (ended) return;
    ended = true;
    subscriptions.dispose();
    sink.end();
  };
  const write = (chunks: readonly Uint8Array[]) => {
    if (ended || chunks.length === 0) return;
    const [first] = chunks;
    const whole = chunks.length === 1 && first ? first : Buffer.concat(chunks);
    if (!sink.write(whole)) end();
  };
  const fail = (status: Status) => {
    write([errorLine(status)]);
    end();
  };
  const onEvents = (events: readonly StoreEvent[]) => {
    const lines: Uint8Array[] = [];
    for (const event of events) {
      const line = lineOf(selection, encode, event);
      if (line) lines.push(line);
      sent = event.revision;
    }
    write(lines);
  };
  const follow = (after: number) => {
    sent = after;
    try {
      subscriptions.use(
        server.store.watch(selection.prefix, {
          after,
          onEvents,
          onProgress: (revision) => {
            sent = revision;
          },
          onEnd: (error) => (error.code === "compacted" ? fail(tooOld(after, server).status) : end()),
        }),
      );
    } catch (error) {
      fail(isCompacted(error) ? tooOld(after, server).status : toApiError(error).status);
    }
  };
  const begin = (listed: Listed) => {
    if (ended) return;
    write(listed.entries.map((entry) => encode("ADDED", entry, entry.revision)));
    if (options.sendInitialEvents && options.bookmarks) write([bookmarkLine(kind, listed.revision, true)]);
    if (!ended) follow(listed.revision);
  };

  const timer = server.clock.after(options.timeoutSeconds * 1000, end);
  subscriptions.use(timer);
  const bookmark = () => {
    if (options.bookmarks && sent > 0) write([bookmarkLine(kind, sent, false)]);
  };
  subscriptions.use(server.watches.add({ bookmark, end }));
  // Without a version, and with 0, what is there comes first; with sendInitialEvents always.
  if (options.after > 0 && !options.sendInitialEvents) follow(options.after);
  else {
    try {
      const found = readList(server, kind, selection, { limit: 0, token: undefined, revision: 0 });
      if (found instanceof Promise) found.then(begin).catch((error: unknown) => fail(toApiError(error).status));
      else begin(found);
    } catch (error) {
      fail(toApiError(error).status);
    }
  }
  return end;
}

type Encoder = (type: WatchEventType, entry: Entry, revision: number) => Uint8Array;

/** Makes the lines of one watch; in plain JSON they are shared by all watches of the kind. */
function createEncoder(server: VerbServer, { kind, exchange, form }: WatchSpec): Encoder {
  const { forms } = kind;
  if (form.as === "") return (type, entry, revision) => forms.watchLine(type, entry, revision);
  let headersSent = false;
  return (type, entry, revision) => {
    const stored = forms.decoded(entry);
    const object =
      entry.revision === revision ? stored : { ...stored, metadata: { ...stored.metadata, resourceVersion: String(revision) } };
    const shown = transformObject(server, kind, exchange, form, object, headersSent);
    headersSent = true;
    return Buffer.from(`${JSON.stringify({ type, object: shown })}\n`);
  };
}

/** What a client of this selection is told of a store event; undefined: nothing. */
function lineOf(selection: Selection, encode: Encoder, event: StoreEvent): Uint8Array | undefined {
  if (selection.exact && event.key !== selection.prefix) return undefined;
  const { before, after, revision } = event;
  const { matches } = selection;
  const now = after !== undefined && (!matches || matches(after));
  const then = before !== undefined && (!matches || matches(before));
  if (now) return encode(then ? "MODIFIED" : "ADDED", after, revision);
  // Gone, or no longer selected: told as the object was, with the version of the change.
  return then ? encode("DELETED", before, revision) : undefined;
}

function bookmarkLine(kind: ServedKind, revision: number, initialEventsEnd: boolean): Uint8Array {
  const metadata = {
    resourceVersion: String(revision),
    creationTimestamp: null,
    ...(initialEventsEnd ? { annotations: { "k8s.io/initial-events-end": "true" } } : {}),
  };
  const object = { kind: kind.resource.kind, apiVersion: kind.apiVersion, metadata };
  return Buffer.from(`${JSON.stringify({ type: "BOOKMARK", object })}\n`);
}

function errorLine(status: Status): Uint8Array {
  return Buffer.from(`${JSON.stringify({ type: "ERROR", object: status })}\n`);
}

function tooOld(after: number, server: VerbServer) {
  return expired(`too old resource version: ${after} (${server.store.compactedRevision})`);
}
