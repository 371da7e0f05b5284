// Objects as responses, in the form the client accepts. Plain JSON of stored objects goes out as the bytes that exist.

import { stringifyJson } from "#meta/codec/json.ts";
import { badRequest, notAcceptable, quote, type ApiError } from "#meta/errors.ts";
import type { DeepReadonly, KubeObject, ListMeta } from "#meta/object.ts";
import { partialMetadata, renderTable, type TableOptions } from "#meta/table.ts";
import type { Entry } from "#store/store.ts";
import type { ApiResponse } from "../http.ts";
import type { ServedKind } from "../objects/served-kind.ts";
import type { Exchange } from "../pipeline/exchange.ts";
import type { VerbServer } from "../verbs/verb.ts";
import { compressed } from "./compress.ts";
import { isMetadataForm, isTransformed, PLAIN_JSON, PROTOBUF_TYPE, YAML_TYPE, type OutputForm } from "./negotiate.ts";
import type { TypedObject } from "./protobuf-body.ts";
import { bytesResponse, retryHeaders } from "./status-response.ts";

/** What answering takes of a server. */
export type Responder = Pick<VerbServer, "negotiate" | "protobuf">;

/** One stored object. */
export function respondEntry(
  server: VerbServer,
  kind: ServedKind,
  exchange: Exchange,
  entry: Entry,
  status = 200,
): ApiResponse | Promise<ApiResponse> {
  const form = objectForm(server, exchange, kind);
  if (isPlainJson(exchange, form)) return compressed(exchange, bytesResponse(kind.forms.served(entry), status));
  const shown = transformObject(server, kind, exchange, form, kind.forms.decoded(entry));
  return respondForm(server, exchange, form, shown, status);
}

/** One object of a kind that is not stored. */
export function respondObject(
  server: VerbServer,
  kind: ServedKind,
  exchange: Exchange,
  object: DeepReadonly<KubeObject>,
): ApiResponse | Promise<ApiResponse> {
  const form = objectForm(server, exchange, kind);
  return respondForm(server, exchange, form, transformObject(server, kind, exchange, form, object), 200);
}

/** A list of a kind that is not stored. */
export function respondObjects(
  server: VerbServer,
  kind: ServedKind,
  exchange: Exchange,
  objects: readonly DeepReadonly<KubeObject>[],
): ApiResponse | Promise<ApiResponse> {
  const form = listForm(server, exchange, kind);
  return respondForm(server, exchange, form, listAs(server, kind, exchange, form, objects), 200);
}

/** A list in memory in the form that was asked. Throws 406 where that is a single object's. */
function listAs(server: VerbServer, kind: ServedKind, exchange: Exchange, form: OutputForm, items: readonly DeepReadonly<KubeObject>[]) {
  const metadata: ListMeta = {};
  const apiVersion = `${form.group}/${form.version}`;
  switch (form.as) {
    case "PartialObjectMetadata":
      throw notAcceptable(`you requested PartialObjectMetadata, but the requested object is a list (${goTypeOf(kind, "List")})`);
    case "PartialObjectMetadataList":
      return { kind: form.as, apiVersion, metadata, items: items.map((object) => partialMetadata(object, apiVersion)) };
    case "Table":
      return tableOf(server, kind, exchange, form, items, metadata);
    default:
      return { kind: `${kind.resource.kind}List`, apiVersion: kind.apiVersion, metadata, items };
  }
}

/** Any object that is not stored as it is: a Scale, a Status, a review. */
export function respondValue(server: Responder, exchange: Exchange, value: unknown, status = 200): ApiResponse | Promise<ApiResponse> {
  const typed = typedObject(value);
  const form = server.negotiate(exchange.request.headers["accept"], (asked) => {
    // A Status is what it is, whatever is asked of the objects that it stands for.
    if (isTransformed(asked)) return typed?.kind === "Status" && isMetadataForm(asked);
    return typed !== undefined && server.protobuf.knows(typed.apiVersion, typed.kind);
  });
  return respondForm(server, exchange, form, value, status);
}

/** A failure. It is never hidden behind one of the negotiation. */
export function respondStatus(server: Responder, exchange: Exchange, error: ApiError): ApiResponse | Promise<ApiResponse> {
  const headers = retryHeaders(error);
  const accept = exchange.request.headers["accept"];
  const answer = respondForm(server, exchange, statusForm(server, accept), error.status, error.code);
  const finish = (response: ApiResponse): ApiResponse => ({ ...response, headers: { ...response.headers, ...headers } });
  return answer instanceof Promise ? answer.then(finish) : finish(answer);
}

function statusForm(server: Responder, accept: string | undefined): OutputForm {
  try {
    return server.negotiate(accept, (form) => !isTransformed(form) && server.protobuf.knows("v1", "Status"));
  } catch {
    return { ...PLAIN_JSON, pretty: true };
  }
}

/** The form asked of a single object. */
export function objectForm(server: Responder, exchange: Exchange, kind?: ServedKind): OutputForm {
  return server.negotiate(exchange.request.headers["accept"], (form) => hasForm(server, kind, form));
}

/** The form asked of a list. */
export function listForm(server: Responder, exchange: Exchange, kind?: ServedKind): OutputForm {
  return server.negotiate(exchange.request.headers["accept"], (form) => hasForm(server, kind, form));
}

/** Whether objects of the kind, and lists of them, have that form. Of custom resources protobuf has the metadata only. */
export function hasForm(server: Responder, kind: ServedKind | undefined, form: OutputForm): boolean {
  if (!isTransformed(form)) return kind !== undefined && server.protobuf.knows(kind.apiVersion, kind.resource.kind);
  return isMetadataForm(form) && (form.type !== "protobuf" || server.protobuf.knows("meta.k8s.io/v1", "PartialObjectMetadataList"));
}

/** What is sent in place of an object when a transformed form is asked. Throws 406 where it is a list's. */
export function transformObject(
  server: VerbServer,
  kind: ServedKind,
  exchange: Exchange,
  form: OutputForm,
  object: DeepReadonly<KubeObject>,
  noHeaders = false,
): unknown {
  switch (form.as) {
    case "PartialObjectMetadata":
      return partialMetadata(object, `${form.group}/${form.version}`);
    case "PartialObjectMetadataList":
      throw notAcceptable(`you requested PartialObjectMetadataList, but the requested object is not a list (${goTypeOf(kind, "")})`);
    case "Table": {
      const resourceVersion = object.metadata?.resourceVersion;
      return tableOf(server, kind, exchange, form, [object], resourceVersion ? { resourceVersion } : {}, noHeaders);
    }
    default:
      return object;
  }
}

/** Where Go has a group's types without version. Events of both groups are the same there. */
export function internalPackage(group: string): string {
  return group === "" || group === "events.k8s.io" ? "core" : (group.split(".", 1)[0] ?? "");
}

/** The Go type that upstream names in its refusals. */
export function goTypeOf(kind: ServedKind, suffix: "" | "List"): string {
  if (!kind.definition.definitionName.startsWith("io.k8s.")) return `*unstructured.Unstructured${suffix}`;
  return `*${internalPackage(kind.resource.group)}.${kind.resource.kind}${suffix}`;
}

export function tableOf(
  server: VerbServer,
  kind: ServedKind,
  exchange: Exchange,
  form: OutputForm,
  objects: readonly DeepReadonly<KubeObject>[],
  metadata: ListMeta,
  noHeaders = false,
) {
  const asked = exchange.request.query.get("includeObject");
  return renderTable(kind.definition.columns, objects, {
    nowMs: server.clock.now(),
    includeObject: includeObjectOf(asked),
    noHeaders,
    metadata,
    apiVersion: `${form.group}/${form.version}`,
  });
}

function includeObjectOf(asked: string | null): TableOptions["includeObject"] {
  if (asked === null || asked === "" || asked === "Metadata") return "Metadata";
  if (asked === "Object" || asked === "None") return asked;
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${quote(asked)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
}

/** Any value in a form that was negotiated; protobuf needs its kind and version. */
export function respondForm(
  server: Responder,
  exchange: Exchange,
  form: OutputForm,
  value: unknown,
  status: number,
): ApiResponse | Promise<ApiResponse> {
  if (form.type !== "protobuf") return respondAs(exchange, form, value, status);
  const typed = typedObject(value);
  if (!typed) throw new TypeError("only objects with a kind have a form in protobuf");
  return compressed(exchange, protobufResponse(server.protobuf.encode(typed), status));
}

function typedObject(value: unknown): TypedObject | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { kind, apiVersion } = value as Partial<TypedObject>;
  return typeof kind === "string" && typeof apiVersion === "string" ? (value as TypedObject) : undefined; // checked here
}

const PROTOBUF_HEADERS: Readonly<Record<string, string>> = { "content-type": PROTOBUF_TYPE };

export function protobufResponse(body: Uint8Array, status: number): ApiResponse {
  return { status, headers: PROTOBUF_HEADERS, body };
}

/** JSON data in a form of text. */
export function respondAs(exchange: Exchange, form: OutputForm, value: unknown, status: number): ApiResponse | Promise<ApiResponse> {
  if (form.type === "yaml") return respondYaml(exchange, value, status);
  const text = isPretty(exchange, form) ? stringifyJson(value, 2) : stringifyJson(value);
  return compressed(exchange, bytesResponse(Buffer.from(`${text}\n`), status));
}

async function respondYaml(exchange: Exchange, value: unknown, status: number): Promise<ApiResponse> {
  // Loaded at first use: most clusters never speak YAML.
  const { encodeYaml } = await import("#meta/codec/yaml.ts");
  return compressed(exchange, { status, headers: { "content-type": YAML_TYPE }, body: Buffer.from(await encodeYaml(value)) });
}

/** Whether stored bytes can go out as they are. */
export function isPlainJson(exchange: Exchange, form: OutputForm): boolean {
  return form.type === "json" && form.as === "" && !isPretty(exchange, form);
}

/** Asked for, or a person at curl, wget or a browser who did not say otherwise. */
export function isPretty(exchange: Exchange, form: OutputForm): boolean {
  if (form.pretty) return true;
  const { request } = exchange;
  const agent = request.headers["user-agent"];
  const person = agent !== undefined && (agent.startsWith("curl") || agent.startsWith("Wget") || agent.startsWith("Mozilla/5.0"));
  const asked = request.query.get("pretty") ?? "";
  return asked === "" ? person : YES.has(asked);
}

/** What Go reads as true. */
const YES: ReadonlySet<string> = new Set(["1", "t", "T", "true", "TRUE", "True"]);
