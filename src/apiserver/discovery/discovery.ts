// Answers discovery: /api, /apis and what lies below them down to a group's version. Encoded once until the kinds change.

import { createHash } from "node:crypto";
import { createMessageEncoder } from "#meta/codec/protobuf/encode.ts";
import { writeEnvelope } from "#meta/codec/protobuf/envelope.ts";
import type { OutputForm } from "../encoding/negotiate.ts";
import { isTransformed } from "../encoding/negotiate.ts";
import { respondForm } from "../encoding/respond.ts";
import type { ApiResponse } from "../http.ts";
import type { KindCatalog, ServedGroup } from "../kind-catalog.ts";
import type { Exchange, Step } from "../pipeline/exchange.ts";
import type { VerbServer } from "../verbs/verb.ts";
import { groupDiscoverySchema } from "./aggregated-schema.ts";
import { groupDiscoveryList, groupOf, resourceList, storedAs } from "./resources.ts";

const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const AGGREGATED_PROTOBUF = "application/vnd.kubernetes.protobuf;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

type Json = Readonly<Record<string, unknown>>;

interface Encoded {
  readonly body: Uint8Array;
  readonly etag: string;
}

/** Finds the answer of a discovery path; undefined if the path is none. */
export function createDiscovery(server: VerbServer, catalog: KindCatalog): (path: string) => Step | undefined {
  const encoded = new Map<string, Encoded>();
  catalog.onChange(() => encoded.clear());
  const once = (name: string, make: () => Json, encode: (value: Json) => Uint8Array = encodeJson): Encoded => {
    let found = encoded.get(name);
    if (!found) {
      const body = encode(make());
      found = { body, etag: `"${createHash("sha512").update(body).digest("hex").toUpperCase()}"` };
      encoded.set(name, found);
    }
    return found;
  };
  const isProtobuf = (form: OutputForm) =>
    form.type === "protobuf" && !isTransformed(form) && server.protobuf.knows("v1", "APIResourceList");
  const plain =
    (name: string, make: () => Json): Step =>
    (exchange) => {
      const form = server.negotiate(exchange.request.headers["accept"], isProtobuf);
      // In JSON the core group's list of resources goes without a version, as upstream's.
      if (form.type === "protobuf") return respondForm(server, exchange, form, { apiVersion: "v1", ...make() }, 200);
      if (form.type === "yaml") return respondForm(server, exchange, form, make(), 200);
      return { status: 200, headers: { "content-type": "application/json" }, body: once(name, make).body };
    };
  /** /api and /apis, which know the aggregated form too. */
  const root =
    (name: string, make: (exchange: Exchange) => Json, groups: () => readonly ServedGroup[]): Step =>
    (exchange) => {
      const form = server.negotiate(exchange.request.headers["accept"], (asked) => isAggregated(asked) || isProtobuf(asked));
      if (form.as === "")
        return respondForm(
          server,
          exchange,
          form,
          form.type === "protobuf" ? { apiVersion: "v1", ...make(exchange) } : make(exchange),
          200,
        );
      const aggregated = () => groupDiscoveryList(groups());
      if (form.type === "json") return withTag(exchange, once(name, aggregated, encodeJson), AGGREGATED);
      return withTag(exchange, once(`protobuf ${name}`, aggregated, encodeProtobuf), AGGREGATED_PROTOBUF);
    };
  const core = () => catalog.groups.filter(({ group }) => group === "");
  const named = () => catalog.groups.filter(({ group }) => group !== "");
  const api = root("/api", (exchange) => apiVersions(exchange, core()), core);
  const apis = root("/apis", () => ({ kind: "APIGroupList", apiVersion: "v1", groups: named().map(groupOf) }), named);

  return (path) => {
    const parts = path.split("/").filter((part) => part !== "");
    const [first, second, third] = parts;
    if (parts.length === 1) return first === "api" ? api : first === "apis" ? apis : undefined;
    if (first === "apis" && parts.length === 2) {
      const group = named().find((one) => one.group === second);
      return group && plain(path, () => ({ kind: "APIGroup", apiVersion: "v1", ...groupOf(group) }));
    }
    const inCore = first === "api" && parts.length === 2;
    if (!inCore && !(first === "apis" && parts.length === 3)) return undefined;
    const group = inCore ? "" : (second ?? "");
    const versions = catalog.groups.find((one) => one.group === group)?.versions;
    const version = versions?.find((one) => one.version === (inCore ? second : third));
    return version && plain(path, () => resourceList(group, version, storedAs(catalog.kinds)));
  };
}

function isAggregated(form: OutputForm): boolean {
  return form.type !== "yaml" && form.group === "apidiscovery.k8s.io" && form.version === "v2" && form.as === "APIGroupDiscoveryList";
}

function encodeJson(value: Json): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

function encodeProtobuf(value: Json): Uint8Array {
  const raw = createMessageEncoder()(value, groupDiscoverySchema());
  return writeEnvelope({ apiVersion: "apidiscovery.k8s.io/v2", kind: "APIGroupDiscoveryList", raw });
}

function withTag(exchange: Exchange, { body, etag }: Encoded, contentType: string): ApiResponse {
  const headers = { etag, vary: "Accept", "cache-control": "public" };
  if (exchange.request.headers["if-none-match"] === etag) return { status: 304, headers, body: undefined };
  return { status: 200, headers: { ...headers, "content-type": contentType }, body };
}

function apiVersions(exchange: Exchange, core: readonly ServedGroup[]): Json {
  const { headers } = exchange.request;
  return {
    kind: "APIVersions",
    versions: core.flatMap(({ versions }) => versions.map(({ version }) => version)),
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: headers[":authority"] ?? headers["host"] ?? "" }],
  };
}
