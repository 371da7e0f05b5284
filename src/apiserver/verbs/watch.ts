// WATCH of a collection: events pushed to the client's stream without a promise on the way.

import { expired, invalid, type Status } from "#meta/errors.ts";
import type { StoreEvent } from "#store/store.ts";
import { createWatchEvents, watchForm, type WatchEvents } from "../encoding/watch-events.ts";
import type { ApiResponse } from "../http.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import { isCompacted, toApiError, tooLargeResourceVersion } from "../store-errors.ts";
import { untilRevision } from "./fresh.ts";
import { parseListOptions, versionError, type ListOptions } from "./list-options.ts";
import { readList, WHOLE_LIST, type Listed } from "./list.ts";
import { selectionOf, type Selection } from "./selection.ts";
import { namespaceOf, type VerbHandler, type VerbServer } from "./verb.ts";

type Sink = Parameters<NonNullable<ApiResponse["push"]>>[0];

/** Upstream ends watches with no timeout of their own after 30 to 60 minutes. */
const MIN_TIMEOUT_SECONDS = 1800;
/** So long before its end a watcher gets a last bookmark, to go on from. */
const LAST_BOOKMARK_SECONDS = 2;

export const watch: VerbHandler = (server, kind, exchange) => {
  const form = watchForm(server, kind, exchange);
  const options = parseListOptions(exchange.request.query);
  // The name of the old path /watch/.../name; the name of a list comes from its field selector anyway.
  const selection = selectionOf(kind, namespaceOf(kind, exchange), options, exchange.info.name);
  const error = versionError(options.resourceVersion);
  if (error) throw invalid({ group: kind.resource.group, kind: kind.resource.plural }, "", [error]);
  const after = Number(options.resourceVersion);
  const encoder = createWatchEvents(server, kind, exchange, form);
  return {
    status: 200,
    headers: { "content-type": encoder.contentType },
    body: undefined,
    push: (sink) => startWatch(server, { kind, encoder, selection, options, after }, sink),
  };
};

interface WatchSpec {
  readonly kind: ServedKind;
  readonly encoder: WatchEvents;
  readonly selection: Selection;
  readonly options: ListOptions;
  /** The version asked for; 0: any. */
  readonly after: number;
}

/** Starts pushing; gives the function that stops it. */
function startWatch(server: VerbServer, spec: WatchSpec, sink: Sink): () => void {
  const { kind, encoder, selection, options, after } = spec;
  const { bookmarks, sendInitialEvents } = options;
  let ended = false;
  /** Up to which revision the client was told everything; 0: not known yet. */
  let told = 0;
  const subscriptions = new DisposableStack();
  const end = () => {
    if (ended) return;
    ended = true;
    subscriptions.dispose();
    sink.end();
  };
  const write = (chunk: Uint8Array) => {
    // Nobody waits for a watcher that does not read.
    if (!ended && !sink.write(chunk)) end();
  };
  const fail = (status: Status) => {
    write(encoder.error(status));
    end();
  };
  const onEvents = (events: readonly StoreEvent[]) => {
    told = events.at(-1)?.revision ?? told;
    const chunk = encoder.plain && !selection.matches ? server.watches.chunks(kind, events, encodeAll) : encodeAll(events);
    if (chunk) write(chunk);
  };
  const encodeAll = (events: readonly StoreEvent[]): Uint8Array | undefined => {
    const lines: Uint8Array[] = [];
    for (const event of events) {
      const line = lineOf(selection, encoder, event);
      if (line) lines.push(line);
    }
    return lines.length > 1 ? Buffer.concat(lines) : lines[0];
  };
  const follow = (from: number) => {
    try {
      subscriptions.use(
        server.store.watch(selection.prefix, {
          after: from,
          onEvents,
          onProgress: (revision) => {
            told = revision;
          },
          onEnd: (error) => (error.code === "compacted" ? fail(tooOld(from, server).status) : end()),
        }),
      );
    } catch (error) {
      fail(isCompacted(error) ? tooOld(from, server).status : toApiError(error).status);
    }
  };
  const begin = (listed: Listed) => {
    if (ended) return;
    const lines = listed.entries.map((entry) => encoder.event("ADDED", entry, entry.revision));
    if (sendInitialEvents && bookmarks) lines.push(encoder.bookmark(listed.revision, true));
    if (lines.length > 0) write(Buffer.concat(lines));
    told = listed.revision;
    if (!ended) follow(listed.revision);
  };
  const start = () => {
    // Without a word about initial events they are sent to those who name no version.
    if (!(sendInitialEvents ?? after === 0)) {
      told = Math.min(after || server.store.revision, server.store.revision);
      follow(after || server.store.revision);
      return;
    }
    const ahead = untilRevision(server, after);
    if (ahead) void ahead.then(startWithList);
    else startWithList();
  };
  const startWithList = () => {
    if (ended) return;
    if (after > server.store.revision) {
      fail(tooLargeResourceVersion(after, server.store.revision).status);
      return;
    }
    const found = readList(server, selection, WHOLE_LIST);
    if (found instanceof Promise) found.then(begin).catch((error: unknown) => fail(toApiError(error).status));
    else begin(found);
  };

  const bookmark = () => {
    if (bookmarks && told > 0) write(encoder.bookmark(told, false));
  };
  limitTime(server, options.timeoutSeconds ?? MIN_TIMEOUT_SECONDS * (1 + server.random()), { bookmark, end, subscriptions });
  if (!ended) subscriptions.use(server.watches.add({ kind, bookmark, end }));
  try {
    if (!ended) start();
  } catch (error) {
    fail(toApiError(error).status);
  }
  return end;
}

/** Ends a watch after its time, with a bookmark shortly before. */
function limitTime(
  server: VerbServer,
  seconds: number,
  { bookmark, end, subscriptions }: { bookmark: () => void; end: () => void; subscriptions: DisposableStack },
): void {
  if (seconds <= 0) {
    end();
    return;
  }
  const { clock } = server;
  // Disposed timers are those that ran or that run no more: one variable holds whichever waits.
  let timer = clock.after(Math.max(0, seconds - LAST_BOOKMARK_SECONDS) * 1000, () => {
    if (seconds > LAST_BOOKMARK_SECONDS) bookmark();
    if (!subscriptions.disposed) timer = clock.after(Math.min(seconds, LAST_BOOKMARK_SECONDS) * 1000, end);
  });
  subscriptions.defer(() => timer.cancel());
}

/** What a client of this selection is told of a store event; undefined: nothing. */
function lineOf(selection: Selection, encoder: WatchEvents, event: StoreEvent): Uint8Array | undefined {
  if (selection.exact && event.key !== selection.prefix) return undefined;
  const { before, after, revision } = event;
  const { matches } = selection;
  const now = after !== undefined && (!matches || matches(after));
  const then = before !== undefined && (!matches || matches(before));
  if (now) return encoder.event(then ? "MODIFIED" : "ADDED", after, revision);
  // Gone, or no longer selected: told as the object was, with the version of the change.
  return then ? encoder.event("DELETED", before, revision) : undefined;
}

function tooOld(after: number, server: VerbServer) {
  return expired(`too old resource version: ${after} (${server.store.compactedRevision})`);
}
