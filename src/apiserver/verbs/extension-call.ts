// Calls of subresources and virtual kinds that extensions serve.

import type { KubeObject } from "#meta/object.ts";
import { decodeBody, decodeObject } from "../encoding/decode-body.ts";
import { bodyKindOf } from "../encoding/field-check.ts";
import { respondValue } from "../encoding/respond.ts";
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
      if (info.subresource === "") {
        const object = await decodeObject(server, bodyKindOf(kind), exchange, readWriteOptions(exchange, "CreateOptions").fieldValidation);
        kind.definition.default?.(object);
        return object;
      }
      const { value } = await decodeBody(server, exchange);
      return (typeof value === "object" && value !== null ? value : {}) as KubeObject; // its handler checks it
    },
    admit: async (operation, object) => {
      const plugins = server.admission.select(operation, kind.resource, info.subresource);
      const attributes = {
        operation,
        resource: kind.resource,
        subresource: info.subresource,
        namespace: namespaceOf(kind, exchange),
        name: info.name,
        object,
        oldObject: undefined,
        user,
        dryRun,
        warn,
      };
      await plugins.mutate?.(attributes);
      await plugins.validate?.(attributes);
    },
  });
  if ("response" in result) return result.response;
  return respondValue(server, exchange, result.object, result.code ?? (request.method === "POST" ? 201 : 200));
}
