// PUT of an object or of its status.

import { badRequest } from "#meta/errors.ts";
import type { KubeObject } from "#meta/object.ts";
import { decodeObject } from "../encoding/decode-body.ts";
import { bodyKindOf } from "../encoding/field-check.ts";
import { respondEntry } from "../encoding/respond.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { updateObject } from "../objects/update-object.ts";
import { authorizeAs } from "../pipeline/authorize.ts";
import { namespaceOf, writeCall, type VerbHandler, type VerbServer } from "./verb.ts";
import { readWriteOptions } from "./write-options.ts";

export const update: VerbHandler = async (server, kind, exchange) => {
  const options = readWriteOptions(exchange, "UpdateOptions");
  const object = await decodeObject(server, bodyKindOf(kind), exchange, options.fieldValidation);
  const namespace = namespaceOf(kind, exchange);
  const { name } = exchange.info;
  checkName(object, namespace, name);
  // Each attempt changes what it is given. There is seldom a second one: it decodes the body again.
  let given: KubeObject | undefined = object;
  const take = (): KubeObject | Promise<KubeObject> => {
    const first = given;
    given = undefined;
    return first ?? decodeObject(server, bodyKindOf(kind), exchange, "Ignore");
  };
  const create = kind.definition.createOnUpdate ? () => allowCreate(server, exchange, take) : undefined;
  const call = writeCall(server, exchange, options);
  const written = await updateObject(server.writes, kind, { namespace, name, change: take, create }, call);
  return respondEntry(server, kind, exchange, written.entry, written.created ? 201 : 200);
};

/** Whoever makes an object by updating or applying it must be allowed to create it. */
export async function allowCreate(
  server: VerbServer,
  exchange: Exchange,
  object: () => KubeObject | Promise<KubeObject>,
): Promise<KubeObject> {
  await authorizeAs(server.authorizer, exchange.user, { ...exchange.info, verb: "create" });
  return object();
}

/** The body must be about what the path names. */
export function checkName(object: KubeObject, namespace: string, name: string): void {
  const metadata = object.metadata ?? {};
  if (namespace !== "" && metadata.namespace && metadata.namespace !== namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  if (!metadata.name) throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (metadata.name !== name) throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`);
}
