// The last step: finds who answers.

import { ApiError, methodNotAllowed } from "#meta/errors.ts";
import type { Verb } from "#meta/kind.ts";
import type { ExtensionHandler } from "../extension.ts";
import type { KindCatalog } from "../kind-catalog.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import { create } from "../verbs/create.ts";
import { deleteCollection, deleteOne } from "../verbs/delete.ts";
import { callExtension } from "../verbs/extension-call.ts";
import { get } from "../verbs/get.ts";
import { list } from "../verbs/list.ts";
import { patch } from "../verbs/patch.ts";
import { getScale, patchScale, updateScale } from "../verbs/scale.ts";
import { update } from "../verbs/update.ts";
import type { VerbHandler, VerbServer } from "../verbs/verb.ts";
import { watch } from "../verbs/watch.ts";
import type { Exchange, Step } from "./exchange.ts";

const VERBS: Readonly<Record<Verb, VerbHandler>> = {
  get,
  list,
  watch,
  create,
  update,
  patch,
  delete: deleteOne,
  deletecollection: deleteCollection,
};

/** What the handler itself serves of status, of other doors to the object, and of scale. */
const STATUS: Readonly<Record<string, VerbHandler>> = { get, update, patch };
const SCALE: Readonly<Record<string, VerbHandler>> = { get: getScale, update: updateScale, patch: patchScale };

export interface DispatchTargets {
  readonly server: VerbServer;
  readonly catalog: KindCatalog;
  readonly extension: (kind: ServedKind, subresource: string) => ExtensionHandler | undefined;
  /** Answers of paths that are no resources; undefined if there is none. */
  readonly path: (path: string) => Step | undefined;
}

export function notServed(): ApiError {
  return new ApiError(404, "NotFound", "the server could not find the requested resource", {});
}

export function dispatch(targets: DispatchTargets): Step {
  const { server, catalog, extension } = targets;
  return (exchange) => {
    const { info } = exchange;
    if (!info.isResourceRequest) {
      const step = targets.path(info.path);
      if (!step) throw notServed();
      return step(exchange);
    }
    const kind = catalog.find(info.apiGroup, info.apiVersion, info.resource);
    if (!kind || (!kind.resource.namespaced && info.namespace !== "" && info.resource !== "namespaces")) throw notServed();
    const handler = extension(kind, info.subresource);
    if (handler) {
      const verbs = info.subresource === "" ? kind.definition.verbs : kind.subresource(info.subresource)?.verbs;
      if (verbs && !verbs.includes(info.verb)) throw refuseVerb(exchange);
      if (info.verb === "create" && (info.subresource === "") !== (info.name === "")) throw refuseVerb(exchange);
      return callExtension(server, kind, handler, exchange);
    }
    // Objects of a virtual kind are asked, not kept: without its extension there is nobody to ask.
    if (kind.definition.virtual) throw notServed();
    return handlerOf(kind, exchange)(server, kind, exchange);
  };
}

function refuseVerb({ info, request }: Exchange): ApiError {
  return methodNotAllowed({ group: info.apiGroup, plural: info.resource }, info.verb || request.method.toLowerCase());
}

function handlerOf(kind: ServedKind, exchange: Exchange): VerbHandler {
  const { info } = exchange;
  if (info.subresource !== "") {
    const described = kind.subresource(info.subresource);
    if (!described || info.rest.length > 0) throw notServed();
    const isDoor = info.subresource === "status" || kind.definition.doors?.[info.subresource] !== undefined;
    const table = isDoor ? STATUS : info.subresource === "scale" ? SCALE : undefined;
    const handler = table?.[info.verb];
    if (!handler || !described.verbs.includes(info.verb)) throw refuseVerb(exchange);
    return handler;
  }
  const verb = info.verb as Verb; // any other word finds nothing in the table
  const handler = VERBS[verb];
  if (!handler || !kind.definition.verbs.includes(verb)) throw refuseVerb(exchange);
  if (verb === "create" && (info.name !== "" || (kind.resource.namespaced && info.namespace === ""))) throw refuseVerb(exchange);
  // Nobody empties all namespaces by leaving the namespace out.
  if (verb === "deletecollection" && kind.resource.namespaced && info.namespace === "") throw refuseVerb(exchange);
  const needsName = verb === "update" || verb === "patch" || verb === "delete";
  if (needsName && info.name === "") throw refuseVerb(exchange);
  if ((needsName || verb === "get") && kind.resource.namespaced && info.namespace === "") throw notServed();
  return handler;
}
