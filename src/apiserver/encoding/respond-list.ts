// A list as a response, put together from the encoded forms of its items. Items that must be decoded for it are so in batches, with
// other requests between them.

import { setImmediate } from "node:timers/promises";
import { stringifyJson } from "#meta/codec/json.ts";
import { envelopeAround, listItemHead, listMetaHead } from "#meta/codec/protobuf/envelope.ts";
import { notAcceptable } from "#meta/errors.ts";
import type { ListMeta } from "#meta/object.ts";
import { partialMetadata } from "#meta/table.ts";
import type { Entry } from "#store/store.ts";
import type { ApiResponse } from "../http.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { VerbServer } from "../verbs/verb.ts";
import { compressed } from "./compress.ts";
import type { OutputForm } from "./negotiate.ts";
import { goTypeOf, isPlainJson, isPretty, protobufResponse, respondAs, tableOf } from "./respond.ts";
import { bytesResponse } from "./status-response.ts";

/** A response larger than this is sent in pieces, so that no other request waits for its encryption. */
const CHUNK_BYTES = 512 * 1024;
/** Items encoded in one go: about 10 ms of pods. */
const BATCH = 200;
const META_VERSION = "meta.k8s.io/v1";

/** What a list found. */
export interface ListContent {
  readonly entries: readonly Entry[];
  readonly metadata: ListMeta;
}

export function respondList(
  server: VerbServer,
  kind: ServedKind,
  exchange: Exchange,
  form: OutputForm,
  listed: ListContent,
): ApiResponse | Promise<ApiResponse> {
  if (form.as === "PartialObjectMetadata") {
    throw notAcceptable(`you requested PartialObjectMetadata, but the requested object is a list (${goTypeOf(kind, "List")})`);
  }
  if (isPlainJson(exchange, form)) return compressed(exchange, respondBytes(kind, listed));
  if (form.type === "protobuf") return protobufList(server, kind, exchange, form, listed);
  if (form.type === "json" && form.as === "Table" && !isPretty(exchange, form)) return tableList(server, kind, exchange, form, listed);
  const { forms, resource } = kind;
  const objects = listed.entries.map((entry) => forms.glimpse(entry));
  if (form.as === "Table") return respondAs(exchange, form, tableOf(server, kind, exchange, form, objects, listed.metadata), 200);
  if (form.as === "PartialObjectMetadataList") {
    const apiVersion = `${form.group}/${form.version}`;
    const items = objects.map((object) => partialMetadata(object, apiVersion));
    return respondAs(exchange, form, { kind: "PartialObjectMetadataList", apiVersion, metadata: listed.metadata, items }, 200);
  }
  const value = { kind: `${resource.kind}List`, apiVersion: kind.apiVersion, metadata: listed.metadata, items: objects };
  return respondAs(exchange, form, value, 200);
}

const COMMA: Uint8Array = Buffer.from(",");
const LIST_END: Uint8Array = Buffer.from("]}\n");

/** The list in plain JSON, put together from the stored bytes of its items. */
function respondBytes(kind: ServedKind, listed: ListContent): ApiResponse {
  const head = Buffer.from(
    `{"kind":"${kind.resource.kind}List","apiVersion":"${kind.apiVersion}","metadata":${JSON.stringify(listed.metadata)},"items":[`,
  );
  const pieces: Uint8Array[] = [head];
  let total = head.length;
  for (const entry of listed.entries) {
    if (pieces.length > 1) {
      pieces.push(COMMA);
      total++;
    }
    total += kind.forms.pushItem(pieces, entry);
  }
  pieces.push(LIST_END);
  return inPieces(bytesResponse(NO_BYTES), pieces, total + LIST_END.length);
}

async function protobufList(
  server: VerbServer,
  kind: ServedKind,
  exchange: Exchange,
  form: OutputForm,
  { entries, metadata }: ListContent,
): Promise<ApiResponse> {
  const { protobuf } = server;
  const partial = form.as !== "";
  const [apiVersion, itemKind] = partial
    ? [`${form.group}/${form.version}`, "PartialObjectMetadata"]
    : [kind.apiVersion, kind.resource.kind];
  const meta = protobuf.message(META_VERSION, "ListMeta", metadata);
  // The beta of the list of metadata has its two fields numbered the other way round.
  const [metaHead, itemHead] = form.version === "v1beta1" ? [listItemHead, listMetaHead] : [listMetaHead, listItemHead];
  const pieces: Uint8Array[] = [NO_BYTES, metaHead(meta.length), meta];
  const encode = (entry: Entry): Uint8Array => protobuf.message(apiVersion, itemKind, kind.forms.unread(entry));
  await inBatches(entries, (entry) => {
    const message = partial ? encode(entry) : protobuf.stored(entry, () => encode(entry));
    pieces.push(itemHead(message.length), message);
  });
  const length = lengthOf(pieces);
  const { head, tail } = envelopeAround(apiVersion, `${itemKind}List`, length);
  pieces[0] = head;
  pieces.push(tail);
  return compressed(exchange, inPieces(protobufResponse(NO_BYTES, 200), pieces, length + head.length + tail.length));
}

async function tableList(
  server: VerbServer,
  kind: ServedKind,
  exchange: Exchange,
  form: OutputForm,
  { entries, metadata }: ListContent,
): Promise<ApiResponse> {
  const { rows: _, ...head } = tableOf(server, kind, exchange, form, [], metadata);
  const pieces: Uint8Array[] = [Buffer.from(`${JSON.stringify(head).slice(0, -1)},"rows":[`)];
  await inBatches(entries, (entry) => {
    const { rows } = tableOf(server, kind, exchange, form, [kind.forms.glimpse(entry)], metadata, true);
    if (pieces.length > 1) pieces.push(COMMA);
    pieces.push(Buffer.from(stringifyJson(rows[0])));
  });
  pieces.push(LIST_END);
  return compressed(exchange, inPieces(bytesResponse(NO_BYTES), pieces, lengthOf(pieces)));
}

async function inBatches(entries: readonly Entry[], encode: (entry: Entry) => void): Promise<void> {
  for (let start = 0; start < entries.length; start += BATCH) {
    if (start > 0) await setImmediate();
    const end = Math.min(start + BATCH, entries.length);
    for (let index = start; index < end; index++) {
      const entry = entries[index];
      if (entry) encode(entry);
    }
  }
}

const NO_BYTES = new Uint8Array(0);

function lengthOf(pieces: readonly Uint8Array[]): number {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  return length;
}

/** The response with the pieces as its body. */
function inPieces(response: ApiResponse, pieces: readonly Uint8Array[], total: number): ApiResponse {
  if (total <= CHUNK_BYTES) return { ...response, body: Buffer.concat(pieces, total) };
  return { ...response, headers: { ...response.headers, "content-length": String(total) }, body: joined(pieces) };
}

async function* joined(pieces: readonly Uint8Array[]): AsyncIterable<Uint8Array> {
  let start = 0;
  let bytes = 0;
  for (let index = 0; index < pieces.length; index++) {
    bytes += pieces[index]?.length ?? 0;
    if (bytes < CHUNK_BYTES && index < pieces.length - 1) continue;
    yield Buffer.concat(pieces.slice(start, index + 1), bytes);
    start = index + 1;
    bytes = 0;
  }
}
