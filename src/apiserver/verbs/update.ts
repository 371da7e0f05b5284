// PUT of an object or of its status.

import { clone } from "#lib/clone.ts";
import { badRequest } from "#meta/errors.ts";
import type { KubeObject } from "#meta/object.ts";
import { decodeObject } from "../encoding/decode-body.ts";
import { respondEntry } from "../encoding/respond.ts";
import { updateObject } from "../objects/update-object.ts";
import { namespaceOf, writeCallOf, type VerbHandler } from "./verb.ts";

export const update: VerbHandler = async (server, kind, exchange) => {
  const call = writeCallOf(server, exchange, "UpdateOptions");
  const object = await decodeObject(server, kind, exchange);
  const namespace = namespaceOf(kind, exchange);
  const { name } = exchange.info;
  checkName(object, namespace, name);
  // Each attempt changes what it is given.
  const take = (): KubeObject => clone(object);
  const written = await updateObject(server.writes, kind, { namespace, name, change: take, create: take }, call);
  return respondEntry(server, kind, exchange, written.entry, written.created ? 201 : 200);
};

/** The body must be about what the path names. */
export function checkName(object: KubeObject, namespace: string, name: string): void {
  const metadata = object.metadata ?? {};
  if (!metadata.name) throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (metadata.name !== name) throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
  if (namespace !== "" && metadata.namespace && metadata.namespace !== namespace) {
    throw badRequest(`the namespace of the object (${metadata.namespace}) does not match the namespace on the request (${namespace})`);
  }
}
