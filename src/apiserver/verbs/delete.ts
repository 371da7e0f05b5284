// DELETE of an object, and of a collection's selected objects.

import { isNotFound } from "#meta/errors.ts";
import type { Entry } from "#store/store.ts";
import { decodeBody } from "../encoding/decode-body.ts";
import { listForm, respondEntry, respondValue } from "../encoding/respond.ts";
import { respondList } from "../encoding/respond-list.ts";
import { deleteObject } from "../objects/delete-object.ts";
import { checkDeleteOptions, deleteOptionsOf, type DeleteOptions } from "../objects/delete-options.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import type { WriteCall } from "../objects/write-call.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { parseListOptions } from "./list-options.ts";
import { planList, readList } from "./list.ts";
import { selectionOf } from "./selection.ts";
import { namespaceOf, writeCall, type VerbHandler, type VerbServer } from "./verb.ts";

/** So many objects of a collection are deleted at once: enough to share commits of the store. */
const PARALLEL = 64;

export const deleteOne: VerbHandler = async (server, kind, exchange) => {
  const options = await readOptions(server, exchange);
  const target = { namespace: namespaceOf(kind, exchange), name: exchange.info.name, options };
  const { entry, outcome } = await deleteObject(server.writes, kind, target, callOf(server, exchange, options));
  const showsObject = kind.definition.returnsDeleted || outcome === "marked";
  if (!showsObject) return respondValue(server, exchange, successStatus(kind, entry));
  return respondEntry(server, kind, exchange, entry, outcome !== "gone" && options.orphanDependents === false ? 202 : 200);
};

export const deleteCollection: VerbHandler = async (server, kind, exchange) => {
  const form = listForm(server, exchange, kind);
  const listOptions = parseListOptions(exchange.request.query);
  const selection = selectionOf(kind, namespaceOf(kind, exchange), listOptions);
  const options = await readOptions(server, exchange);
  const call = callOf(server, exchange, options);
  const listed = await readList(server, selection, planList(server, selection, listOptions));
  for (let start = 0; start < listed.entries.length; start += PARALLEL) {
    await Promise.all(listed.entries.slice(start, start + PARALLEL).map((entry) => deleteEntry(server, kind, entry, options, call)));
  }
  return respondList(server, kind, exchange, form, listed);
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

/** The body's options; without a body the query's. Never a mixture. */
async function readOptions(server: VerbServer, exchange: Exchange): Promise<DeleteOptions> {
  const bytes = await exchange.request.body();
  if (bytes.length === 0) return deleteOptionsOf(exchange.request.query);
  const { value } = await decodeBody(server, exchange);
  return checkDeleteOptions(value);
}

function callOf(server: VerbServer, exchange: Exchange, options: DeleteOptions): WriteCall {
  return writeCall(server, exchange, { dryRun: (options.dryRun?.length ?? 0) > 0, manager: undefined });
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
