// The events of a watch in the form its client accepts: lines of JSON, or frames of protobuf.

import { stringifyJson } from "#meta/codec/json.ts";
import { watchFrame } from "#meta/codec/protobuf/envelope.ts";
import type { Status } from "#meta/errors.ts";
import type { DeepReadonly, KubeObject } from "#meta/object.ts";
import { partialMetadata } from "#meta/table.ts";
import type { Entry } from "#store/store.ts";
import type { WatchEventType } from "../objects/forms.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { VerbServer } from "../verbs/verb.ts";
import { PROTOBUF_STREAM_TYPE, STREAM_TYPES, type OutputForm } from "./negotiate.ts";
import { hasForm, transformObject } from "./respond.ts";

/** Makes the events of one watch. */
export interface WatchEvents {
  readonly contentType: string;
  /** They are the same for all watches of the kind. */
  readonly plain: boolean;
  /** `revision` is the event's; with DELETED it is later than the entry's. */
  event(type: WatchEventType, entry: Entry, revision: number): Uint8Array;
  bookmark(revision: number, initialEventsEnd: boolean): Uint8Array;
  error(status: Status): Uint8Array;
}

/** The form asked of a watch. Throws 406 for what is no stream. */
export function watchForm(server: VerbServer, kind: ServedKind, exchange: Exchange): OutputForm {
  const accept = exchange.request.headers["accept"];
  const form = server.negotiate(accept, (asked) => hasForm(server, kind, asked));
  // YAML has no stream: what would be accepted after it does not count, as upstream.
  return form.type === "yaml" ? server.negotiate("application/yaml;stream=watch", () => false, STREAM_TYPES) : form;
}

export function createWatchEvents(server: VerbServer, kind: ServedKind, exchange: Exchange, form: OutputForm): WatchEvents {
  // What is no list has no form of one: upstream sends the object as it is.
  const shownForm = form.as === "PartialObjectMetadataList" ? { ...form, as: "" } : form;
  return shownForm.type === "protobuf" ? protobufEvents(server, kind, shownForm) : jsonEvents(server, kind, exchange, shownForm);
}

function jsonEvents(server: VerbServer, kind: ServedKind, exchange: Exchange, form: OutputForm): WatchEvents {
  const { forms } = kind;
  const contentType = "application/json";
  const error = (status: Status): Uint8Array => line("ERROR", status);
  if (form.as === "") {
    return {
      contentType,
      plain: true,
      event: (type, entry, revision) => forms.watchLine(type, entry, revision),
      bookmark: (revision, initialEventsEnd) => line("BOOKMARK", bookmarkObject(kind, revision, initialEventsEnd)),
      error,
    };
  }
  const shape = `json ${form.as} ${form.version} ${exchange.request.query.get("includeObject") ?? ""}`;
  let headersSent = false;
  const shown = (object: DeepReadonly<KubeObject>) => {
    const transformed = transformObject(server, kind, exchange, form, object, headersSent);
    headersSent = true;
    return transformed;
  };
  return {
    contentType,
    plain: false,
    event: (type, entry, revision) => {
      const make = () => line(type, shown(objectAt(kind, entry, revision)));
      // Shared by all watches of this form; a table's first event has its head, which the others have not.
      return headersSent || form.as !== "Table" ? forms.oncePerTurn(`${shape} ${type}`, entry, make) : make();
    },
    bookmark: (revision, initialEventsEnd) => line("BOOKMARK", shown(bookmarkObject(kind, revision, initialEventsEnd))),
    error,
  };
}

function protobufEvents({ protobuf }: VerbServer, kind: ServedKind, form: OutputForm): WatchEvents {
  const { forms } = kind;
  const encode = (object: DeepReadonly<KubeObject>): Uint8Array =>
    protobuf.encode(form.as === "" ? { ...object, kind: kind.resource.kind, apiVersion: kind.apiVersion } : partialMetadata(object));
  return {
    contentType: PROTOBUF_STREAM_TYPE,
    plain: false,
    // Shared by all watches of this form.
    event: (type, entry, revision) =>
      forms.oncePerTurn(`protobuf ${form.as} ${type}`, entry, () => watchFrame(type, encode(objectAt(kind, entry, revision)))),
    bookmark: (revision, initialEventsEnd) => watchFrame("BOOKMARK", encode(bookmarkObject(kind, revision, initialEventsEnd))),
    error: (status) => watchFrame("ERROR", protobuf.encode(status)),
  };
}

/** The object with the version of what happened to it. */
function objectAt(kind: ServedKind, entry: Entry, revision: number): DeepReadonly<KubeObject> {
  const stored = kind.forms.glimpse(entry);
  return entry.revision === revision ? stored : { ...stored, metadata: { ...stored.metadata, resourceVersion: String(revision) } };
}

function bookmarkObject(kind: ServedKind, revision: number, initialEventsEnd: boolean): KubeObject {
  const metadata = {
    resourceVersion: String(revision),
    ...(initialEventsEnd ? { annotations: { "k8s.io/initial-events-end": "true" } } : {}),
  };
  return { kind: kind.resource.kind, apiVersion: kind.apiVersion, metadata };
}

function line(type: string, object: unknown): Uint8Array {
  return Buffer.from(`${stringifyJson({ type, object })}\n`);
}
