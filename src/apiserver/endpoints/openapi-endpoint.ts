// /openapi/v3 and /openapi/v2: documents made when they are asked for, kept until the kinds change.

import { createHash } from "node:crypto";
import type { ApiResponse } from "../http.ts";
import type { KindCatalog } from "../kind-catalog.ts";
import type { Descriptions, OpenApiTypes } from "../openapi.ts";
import { bytesResponse } from "../encoding/status-response.ts";
import type { Step } from "../pipeline/exchange.ts";

export interface OpenApiSource {
  readonly types: OpenApiTypes;
  /** Asked once, at the first document. */
  readonly descriptions?: () => Promise<Descriptions | undefined>;
}

const ROOT = "/openapi/v3";
const PROTOBUF = "application/com.github.proto-openapi.spec.v2.v1+protobuf";
/** Older and newer name of the same form. */
const PROTOBUF_ONLY = /^application\/com\.github\.proto-openapi\.spec\.v2(@v1\.0|\.v1)\+protobuf$/;

export function createOpenApi(catalog: KindCatalog, source: OpenApiSource, version: string): (path: string) => Step | undefined {
  let descriptions: Promise<Descriptions | undefined> | undefined;
  let generation = 0;
  const documents = new Map<string, Promise<Uint8Array>>();
  catalog.onChange(() => {
    generation++;
    documents.clear();
  });
  /** A group's versions by the path of their document. */
  const groupVersions = async () => {
    const { openApiPath } = await import("../openapi.ts");
    const all = catalog.groups.flatMap(({ group, versions }) => versions.map((one) => ({ group, ...one })));
    return new Map(all.map((one) => [openApiPath(one), one]));
  };
  const build = async (path: string): Promise<Uint8Array> => {
    const { openApiRoot, openApiV2, openApiV3 } = await import("../openapi.ts");
    const found = await groupVersions();
    if (path === "") {
      // Documents are made from kinds and version alone: naming both is as good as hashing the documents, and costs nothing.
      const hashes = new Map(Array.from(found.keys(), (name) => [name, hash(`${version} ${generation} ${name}`)]));
      return Buffer.from(JSON.stringify(openApiRoot([...found.values()], hashes)));
    }
    descriptions ??= source.descriptions?.();
    const options = { types: source.types, version, descriptions: await descriptions };
    if (path === "v2" || path === "v2 protobuf") {
      const all = catalog.kinds.map(({ definition }) => definition);
      const whole = openApiV2(all, options);
      if (path === "v2") return Buffer.from(JSON.stringify(whole));
      const { encodeOpenApiV2 } = await import("../openapi-v2-protobuf.ts");
      return encodeOpenApiV2(whole);
    }
    const kinds = found.get(path)?.kinds.map(({ definition }) => definition) ?? [];
    return Buffer.from(JSON.stringify(openApiV3(kinds, options)));
  };
  const document = (path: string): Promise<Uint8Array> => {
    let made = documents.get(path);
    if (!made) {
      made = build(path);
      documents.set(path, made);
      made.catch(() => documents.delete(path));
    }
    return made;
  };
  const answer =
    (path: string): Step =>
    async (exchange): Promise<ApiResponse> => {
      const response = bytesResponse(await document(path));
      const asked = exchange.request.query.get("hash");
      // The address has the hash of the document, so that it can be kept for good.
      return asked === null ? response : { ...response, headers: { ...response.headers, "cache-control": "public, immutable" } };
    };
  const answerV2: Step = async (exchange): Promise<ApiResponse> => {
    // kubectl asks for protobuf alone; whoever accepts more gets JSON.
    const accept = exchange.request.headers["accept"] ?? "";
    if (!PROTOBUF_ONLY.test(accept)) return bytesResponse(await document("v2"));
    const response = bytesResponse(await document("v2 protobuf"));
    return { ...response, headers: { ...response.headers, "content-type": PROTOBUF } };
  };
  const isServed = (path: string) =>
    catalog.groups.some(({ group, versions }) =>
      versions.some(({ version: name }) => path === (group === "" ? `api/${name}` : `apis/${group}/${name}`)),
    );
  return (path) => {
    if (path === "/openapi/v2") return answerV2;
    if (path === ROOT || path === `${ROOT}/`) return answer("");
    const inner = path.startsWith(`${ROOT}/`) ? path.slice(ROOT.length + 1) : undefined;
    return inner !== undefined && isServed(inner) ? answer(inner) : undefined;
  };
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").toUpperCase();
}
