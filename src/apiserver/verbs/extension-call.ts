// Calls of subresources and virtual kinds that extensions serve.

import { badRequest } from "#meta/errors.ts";
import type { KubeObject } from "#meta/object.ts";
import { apiVersionOf } from "#meta/resource.ts";
import type { Schema } from "#meta/schema.ts";
import { decodeObject } from "../encoding/decode-body.ts";
import { bodyKindOf, type BodyKind } from "../encoding/field-check.ts";
import { respondObject, respondObjects, respondValue } from "../encoding/respond.ts";
import type { ExtensionHandler } from "../extension.ts";
import type { ApiResponse } from "../http.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { isDryRun, namespaceOf, type VerbServer } from "./verb.ts";
import { readWriteOptions } from "./write-options.ts";

export async function callExtension(
  server: VerbServer,
  kind: ServedKind,
  handler: ExtensionHandler,
  exchange: Exchange,
): Promise<ApiResponse> {
  const { request, info, user } = exchange;
  const dryRun = isDryRun(request.query, "CreateOptions");
  const warn = (text: string) => void exchange.warnings.push(text);
  const result = await handler.handle({
    request,
    info,
    user,
    dryRun,
    warn,
    body: async () => {
      const bytes = await request.body();
      if (bytes.length === 0) return {};
      const wanted = info.subresource === "" ? bodyKindOf(kind) : bodyKindOfSubresource(kind, handler);
      const object = await decodeObject(server, wanted, exchange, readWriteOptions(exchange, "CreateOptions").fieldValidation);
      if (info.subresource === "") kind.definition.default?.(object);
      inNamespace(object, namespaceOf(kind, exchange));
      return object;
    },
    admit: async (operation, object, oldObject) => {
      const plugins = server.admission.select(operation, kind.resource, info.subresource);
      const attributes = {
        operation,
        resource: kind.resource,
        subresource: info.subresource,
        namespace: namespaceOf(kind, exchange),
        name: info.name,
        object,
        oldObject,
        user,
        dryRun,
        warn,
      };
      await plugins.mutate?.(attributes);
      await plugins.validate?.(attributes);
    },
  });
  if ("response" in result) return result.response;
  if ("objects" in result) return respondObjects(server, kind, exchange, result.objects);
  if (info.verb === "get" && info.subresource === "") return respondObject(server, kind, exchange, result.object);
  return respondValue(server, exchange, result.object, result.code ?? (request.method === "POST" ? 201 : 200));
}

const ANYTHING: Schema = { type: "any" };

function bodyKindOfSubresource({ resource, definition }: ServedKind, { subresource, acceptedVersions }: ExtensionHandler): BodyKind {
  const sub = definition.subresources.find(({ name }) => name === subresource);
  const { kind = "", group = resource.group, version = resource.version, schema = ANYTHING } = sub ?? {};
  return {
    kind,
    version,
    apiVersion: apiVersionOf({ group, version }),
    schema,
    ...(acceptedVersions && { otherVersions: acceptedVersions }),
  };
}

/** Upstream's rule for whatever is created within a namespace. */
function inNamespace(object: KubeObject, namespace: string): void {
  const metadata = (object.metadata ??= {});
  if (!metadata.namespace) {
    if (namespace !== "") metadata.namespace = namespace;
  } else if (metadata.namespace !== namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
}
