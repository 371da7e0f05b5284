// DELETE of an object, and of a collection's selected objects.

import { isNotFound } from "#meta/errors.ts";
import type { Entry } from "#store/store.ts";
import { decodeBody } from "../encoding/decode-body.ts";
import { respondEntry, respondValue } from "../encoding/respond.ts";
import { deleteObject } from "../objects/delete-object.ts";
import { checkDeleteOptions, deleteOptionsOf, type DeleteOptions } from "../objects/delete-options.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import type { WriteCall } from "../objects/write-call.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { parseListQuery, readList, respondBytes } from "./list.ts";
import { selectionOf } from "./selection.ts";
import { namespaceOf, writeCallOf, type VerbHandler, type VerbServer } from "./verb.ts";

/** So many objects of a collection are deleted at once: enough to share commits of the store. */
const PARALLEL = 64;

export const deleteOne: VerbHandler = async (server, kind, exchange) => {
  const { options, call } = await readOptions(server, exchange);
  const namespace = namespaceOf(kind, exchange);
  const { entry, gone } = await deleteObject(server.writes, kind, { namespace, name: exchange.info.name, options }, call);
  if (!gone) return respondEntry(server, kind, exchange, entry, options.orphanDependents === false ? 202 : 200);
  return respondValue(server, exchange, successStatus(kind, entry));
};

export const deleteCollection: VerbHandler = async (server, kind, exchange) => {
  const { options, call } = await readOptions(server, exchange);
  const { query } = exchange.request;
  const namespace = namespaceOf(kind, exchange);
  const listed = await readList(server, kind, selectionOf(kind, namespace, query), parseListQuery(server, query));
  for (let start = 0; start < listed.entries.length; start += PARALLEL) {
    await Promise.all(listed.entries.slice(start, start + PARALLEL).map((entry) => deleteEntry(server, kind, entry, options, call)));
  }
  return respondBytes(kind, listed);
};

async function deleteEntry(server: VerbServer, kind: ServedKind, entry: Entry, options: DeleteOptions, call: WriteCall): Promise<void> {
  const path = entry.key.slice(kind.prefix.length).split("/");
  const name = path.at(-1) ?? "";
  const namespace = path.length > 1 ? (path[0] ?? "") : "";
  try {
    await deleteObject(server.writes, kind, { namespace, name, options }, call);
  } catch (error) {
    // Someone else was faster.
    if (!isNotFound(error)) throw error;
  }
}

/** The body's options; without a body the query's. */
async function readOptions(server: VerbServer, exchange: Exchange): Promise<{ options: DeleteOptions; call: WriteCall }> {
  const { query } = exchange.request;
  const bytes = await exchange.request.body();
  let options: DeleteOptions;
  if (bytes.length === 0) options = deleteOptionsOf(query);
  else {
    const { value } = await decodeBody(server, exchange);
    options = checkDeleteOptions(typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {});
  }
  const call = writeCallOf(server, exchange, "DeleteOptions");
  return { options, call: { ...call, dryRun: call.dryRun || (options.dryRun?.length ?? 0) > 0 } };
}

function successStatus(kind: ServedKind, entry: Entry): unknown {
  const { name, uid } = kind.forms.decoded(entry).metadata ?? {};
  const { group, plural } = kind.resource;
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name, ...(group === "" ? {} : { group }), kind: plural, uid },
  };
}
