// /openapi/v3 and /openapi/v2: documents in the form that the client takes, to be kept by their hash.

import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Clock } from "#lib/clock.ts";
import type { ApiResponse } from "../http.ts";
import type { KindCatalog } from "../kind-catalog.ts";
import type { OpenApiLibrary, OpenApiSource } from "../openapi/library.ts";
import type { Form, PackedDocument } from "../openapi/make.ts";
import type { Exchange, Step } from "../pipeline/exchange.ts";

export type { OpenApiSource } from "../openapi/library.ts";

const ROOT = "/openapi/v3";
const YEAR_MS = 365 * 24 * 3600 * 1000;

const unpack = promisify(gunzip);

/** Answers the documents' paths; documents are made when they are first asked for. */
export function createOpenApi(
  catalog: KindCatalog,
  source: OpenApiSource,
  version: string,
  clock: Pick<Clock, "now">,
): (path: string) => Step | undefined {
  let library: OpenApiLibrary | undefined;
  const opened = async () => {
    if (library) return library;
    const { OpenApiLibrary } = await import("../openapi/library.ts");
    return (library ??= new OpenApiLibrary(catalog, source, version));
  };
  const index: Step = async (exchange) => answer(exchange, await (await opened()).index(), "application/json");
  const whole: Step = async (exchange) => {
    const form = formOf(exchange, "v2");
    const document = form && (await (await opened()).v2(form));
    return document ? answer(exchange, document, contentType(form, "v2")) : NOT_ACCEPTABLE;
  };
  const part =
    (path: string): Step =>
    async (exchange) => {
      const form = formOf(exchange, "v3");
      if (!form) return NOT_ACCEPTABLE;
      const document = await (await opened()).v3(path, form);
      if (!document) return { status: 404, headers: {}, body: undefined };
      const asked = exchange.request.query.get("hash") ?? "";
      if (asked === "") return answer(exchange, document, contentType(form, "v3"));
      const { openApiAddress } = await import("../openapi/documents.ts");
      if (asked !== document.hash) return { status: 301, headers: { location: openApiAddress(path, document.hash) }, body: undefined };
      // The address has the hash of the document, so that it can be kept for good.
      const expires = new Date(clock.now() + YEAR_MS).toUTCString();
      return answer(exchange, document, contentType(form, "v3"), { "cache-control": "public, immutable", expires });
    };
  return (path) => {
    if (path === "/openapi/v2") return whole;
    if (path === ROOT || path === `${ROOT}/`) return index;
    return path.startsWith(`${ROOT}/`) ? part(path.slice(ROOT.length + 1)) : undefined;
  };
}

/** As upstream: without a Status. */
const NOT_ACCEPTABLE: ApiResponse = { status: 406, headers: { vary: "Accept" }, body: undefined };

async function answer(
  exchange: Exchange,
  { gzipped, hash }: PackedDocument,
  type: string,
  more: Readonly<Record<string, string>> = {},
): Promise<ApiResponse> {
  const { headers: asked } = exchange.request;
  const headers = { etag: `"${hash}"`, vary: "Accept, Accept-Encoding", ...more };
  if (hasTag(asked["if-none-match"], hash)) return { status: 304, headers, body: undefined };
  const takesGzip = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/.test(asked["accept-encoding"] ?? "");
  const body = takesGzip ? gzipped : await unpack(gzipped);
  return { status: 200, headers: { ...headers, "content-type": type, ...(takesGzip ? { "content-encoding": "gzip" } : {}) }, body };
}

function hasTag(header: string | undefined, hash: string): boolean {
  return header !== undefined && header.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === `"${hash}"`);
}

function contentType(form: Form, dialect: "v2" | "v3"): string {
  return form === "json" ? "application/json" : `application/com.github.proto-openapi.spec.${dialect}.v1.0+protobuf`;
}

/** The first form that the client takes, in the order of its wishes; undefined if there is none. */
function formOf({ request }: Exchange, dialect: "v2" | "v3"): Form | undefined {
  const clauses = (request.headers["accept"] || "*/*").split(",").map((clause) => {
    const [type = "", ...parameters] = clause.split(";").map((part) => part.trim());
    const quality = parameters.find((parameter) => parameter.startsWith("q="));
    return { type, quality: quality === undefined ? 1 : Number(quality.slice(2)) };
  });
  for (const { type } of clauses.toSorted((a, b) => b.quality - a.quality)) {
    if (type === "*/*" || type === "application/*" || type === "application/json") return "json";
    // Beside today's name the one that older clients know.
    if (type === contentType("protobuf", dialect) || type === `application/com.github.proto-openapi.spec.${dialect}@v1.0+protobuf`)
      return "protobuf";
  }
  return undefined;
}
