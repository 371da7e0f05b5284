// Objects as responses, in the form the client accepts. Plain JSON of stored objects goes out as the bytes that exist.

import { badRequest } from "#meta/errors.ts";
import type { DeepReadonly, KubeObject, ListMeta } from "#meta/object.ts";
import { partialMetadata, renderTable, type TableOptions } from "#meta/table.ts";
import type { Entry } from "#store/store.ts";
import type { ApiResponse } from "../http.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import { isMetadataForm, type OutputForm } from "./negotiate.ts";
import { bytesResponse } from "./status-response.ts";
import type { VerbServer } from "../verbs/verb.ts";

/** One stored object. */
export function respondEntry(
  server: VerbServer,
  kind: ServedKind,
  exchange: Exchange,
  entry: Entry,
  status = 200,
): ApiResponse | Promise<ApiResponse> {
  const form = objectForm(server, exchange);
  if (form.type === "json" && form.as === "" && !wantsPretty(exchange)) return bytesResponse(kind.forms.served(entry), status);
  const object = kind.forms.decoded(entry);
  return respondAs(exchange, form, transformObject(server, kind, exchange, form, object), status);
}

/** Any object that is not stored as it is: a Scale, a Status, a review. */
export function respondValue(server: VerbServer, exchange: Exchange, value: unknown, status = 200): ApiResponse | Promise<ApiResponse> {
  const form = server.negotiate(exchange.request.headers["accept"], () => false);
  return respondAs(exchange, form, value, status);
}

/** The form asked of a single object; Table and the like only where `allowed`. */
export function objectForm(server: VerbServer, exchange: Exchange): OutputForm {
  return server.negotiate(exchange.request.headers["accept"], (form) => isMetadataForm(form) && form.as !== "PartialObjectMetadataList");
}

export function listForm(server: VerbServer, exchange: Exchange): OutputForm {
  return server.negotiate(exchange.request.headers["accept"], (form) => isMetadataForm(form) && form.as !== "PartialObjectMetadata");
}

/** What is sent in place of an object when a transformed form is asked. */
export function transformObject(
  server: VerbServer,
  kind: ServedKind,
  exchange: Exchange,
  form: OutputForm,
  object: DeepReadonly<KubeObject>,
  noHeaders = false,
): unknown {
  if (form.as === "PartialObjectMetadata") return partialMetadata(object);
  if (form.as !== "Table") return object;
  const resourceVersion = object.metadata?.resourceVersion;
  return tableOf(server, kind, exchange, [object], resourceVersion ? { resourceVersion } : {}, noHeaders);
}

export function tableOf(
  server: VerbServer,
  kind: ServedKind,
  exchange: Exchange,
  objects: readonly DeepReadonly<KubeObject>[],
  metadata: ListMeta,
  noHeaders = false,
): unknown {
  const asked = exchange.request.query.get("includeObject");
  return renderTable(kind.definition.columns, objects, {
    nowMs: server.clock.now(),
    includeObject: includeObjectOf(asked),
    noHeaders,
    metadata,
  });
}

function includeObjectOf(asked: string | null): TableOptions["includeObject"] {
  if (asked === null || asked === "" || asked === "Metadata") return "Metadata";
  if (asked === "Object" || asked === "None") return asked;
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(asked)}`);
}

export function respondAs(exchange: Exchange, form: OutputForm, value: unknown, status: number): ApiResponse | Promise<ApiResponse> {
  if (form.type === "yaml") return respondYaml(value, status);
  const text = wantsPretty(exchange) ? `${JSON.stringify(value, null, 2)}\n` : `${JSON.stringify(value)}\n`;
  return bytesResponse(Buffer.from(text), status);
}

async function respondYaml(value: unknown, status: number): Promise<ApiResponse> {
  // Loaded at first use: most clusters never speak YAML.
  const { encodeYaml } = await import("#meta/codec/yaml.ts");
  return { status, headers: { "content-type": "application/yaml" }, body: Buffer.from(await encodeYaml(value)) };
}

/** Asked for, or a person at curl, wget or a browser who did not say otherwise. */
export function wantsPretty(exchange: Exchange): boolean {
  const { request } = exchange;
  const agent = request.headers["user-agent"];
  const person = agent !== undefined && (agent.startsWith("curl") || agent.startsWith("Wget") || agent.startsWith("Mozilla/5.0"));
  if (!person && !request.query.has("pretty")) return false;
  const asked = request.query.get("pretty");
  return asked === null ? person : asked !== "false" && asked !== "0";
}
