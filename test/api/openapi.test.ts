// OpenAPI and discovery as clients fetch them: forms, hashes, tags; and that both dialects say of every kind what the structure says.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { startBuiltinServer, type BuiltinServer } from "#harness/builtin-server.ts";
import { builtinStructure } from "#kinds/structure.ts";
import type { Field, Schema } from "#meta/schema.ts";
import { rawCall as raw } from "./raw-request.ts";

type Json = Readonly<Record<string, unknown>>;

let api: BuiltinServer;

before(async () => {
  api = await startBuiltinServer({ namespaces: [] });
});
after(() => api[Symbol.asyncDispose]());

async function json<T = Json>(path: string): Promise<T> {
  const answer = await raw(api, "GET", path);
  assert.equal(answer.status, 200, path);
  return JSON.parse(answer.bytes.toString()) as T;
}

async function addresses(): Promise<[string, string][]> {
  const { paths } = await json<{ paths: Record<string, { serverRelativeURL: string }> }>("/openapi/v3");
  return Object.entries(paths).map(([path, { serverRelativeURL }]) => [path, serverRelativeURL]);
}

void test("every address of the index is answered, to be kept for good", async () => {
  const all = await addresses();
  const served = new Set(builtinStructure().resources.map(({ resource: { group, version } }) => `${group}/${version}`));
  assert.equal(all.filter(([path]) => /^(api|apis\/[^/]+)\/v\d+$/.test(path)).length, served.size);
  for (const [path, address] of all) {
    const answer = await raw(api, "GET", address);
    assert.equal(answer.status, 200, path);
    assert.equal(answer.headers["cache-control"], "public, immutable", path);
    assert.equal(answer.headers["etag"], `"${new URLSearchParams(address.split("?")[1]).get("hash")}"`, path);
    const again = await raw(api, "GET", address, { headers: { "if-none-match": answer.headers["etag"] ?? "" } });
    assert.deepEqual([again.status, again.bytes.length], [304, 0], path);
  }
});

void test("an old hash leads to the new address; without a hash nothing is kept; unknown documents are not found", async () => {
  const moved = await raw(api, "GET", "/openapi/v3/apis/apps/v1?hash=OLD");
  assert.equal(moved.status, 301);
  assert.equal((await raw(api, "GET", moved.headers["location"] ?? "")).status, 200);
  const plain = await raw(api, "GET", "/openapi/v3/apis/apps/v1");
  assert.equal(plain.headers["cache-control"], "no-cache, private");
  assert.equal((await raw(api, "GET", "/openapi/v3/apis/apps/v9")).status, 404);
});

void test("forms: JSON, protobuf under both names, gzip; nothing else", async () => {
  for (const dialect of ["v2", "v3"]) {
    const path = dialect === "v2" ? "/openapi/v2" : "/openapi/v3/apis/policy/v1";
    const ask = (accept: string, more = {}) => raw(api, "GET", path, { headers: { accept, ...more } });
    const plain = await ask("application/json");
    assert.equal(plain.headers["content-type"], "application/json");
    const zipped = await ask("*/*", { "accept-encoding": "gzip, deflate" });
    assert.equal(zipped.headers["content-encoding"], "gzip");
    assert.deepEqual(gunzipSync(zipped.bytes), plain.bytes);
    const name = `application/com.github.proto-openapi.spec.${dialect}`;
    const protobuf = await ask(`${name}.v1.0+protobuf`);
    assert.equal(protobuf.headers["content-type"], `${name}.v1.0+protobuf`);
    // Field 1, a text: the version of OpenAPI.
    assert.equal(protobuf.bytes.subarray(0, 5).toString("latin1"), dialect === "v2" ? "\n\x032.0" : "\n\x053.0");
    assert.equal(protobuf.headers["etag"], plain.headers["etag"]);
    const older = await ask(`application/json;q=0.5, ${name}@v1.0+protobuf`);
    assert.deepEqual(older.bytes, protobuf.bytes);
    assert.equal((await ask("text/html")).status, 406);
  }
});

void test("definitions say what the structure says: fields, required ones, list types, keys, patches, enums, in both dialects", async () => {
  const structure = builtinStructure();
  const v2 = await json<{ definitions: Record<string, Json> }>("/openapi/v2");
  const seen = new Set<string>();
  for (const [path, address] of await addresses()) {
    const { components } = await json<{ components: { schemas: Record<string, Json> } }>(address);
    for (const [name, definition] of Object.entries(components.schemas)) {
      if (!structure.has(name)) continue;
      compare(structure.schema(name), definition, `${path} ${name}`);
      compare(structure.schema(name), v2.definitions[name] ?? {}, `v2 ${name}`);
      seen.add(name);
    }
  }
  for (const { definitionName, verbs } of structure.resources) {
    assert.ok(seen.has(definitionName), definitionName);
    if (verbs.includes("list")) assert.ok(seen.has(`${definitionName}List`), definitionName);
  }
  assert.ok(seen.size > 550, String(seen.size));
});

function compare(schema: Schema, definition: Json, what: string): void {
  const properties = (definition["properties"] ?? {}) as Record<string, Json>;
  const fields = [...(schema.fields?.values() ?? [])];
  assert.deepEqual(Object.keys(properties).toSorted(), fields.map(({ name }) => name).toSorted(), what);
  const required = fields.filter((field) => field.required).map(({ name }) => name);
  assert.deepEqual(definition["required"] ?? [], required, what);
  assert.equal(definition["x-kubernetes-map-type"], schema.mapType, what);
  for (const field of fields) compareField(field, properties[field.name] ?? {}, `${what}.${field.name}`);
}

function compareField({ schema, patchStrategy, patchMergeKey }: Field, property: Json, what: string): void {
  assert.equal(property["x-kubernetes-patch-strategy"], patchStrategy, what);
  assert.equal(property["x-kubernetes-patch-merge-key"], patchMergeKey, what);
  assert.equal(property["x-kubernetes-list-type"], schema.listType, what);
  assert.deepEqual(property["x-kubernetes-list-map-keys"], schema.listMapKeys, what);
  assert.deepEqual(property["enum"], schema.enum, what);
  if (schema.name === undefined && schema.type !== "any") {
    const type = schema.type === "map" ? "object" : schema.type;
    assert.equal(property["type"], type, what);
  }
}

void test("every path of a kind is there with its operations, kinds and parameters", async () => {
  const { paths, parameters } = await json<{ paths: Record<string, Record<string, Json>>; parameters: Record<string, Json> }>(
    "/openapi/v2",
  );
  for (const { resource, verbs, subresources } of builtinStructure().resources) {
    const { group, version, kind, plural, namespaced } = resource;
    const base = `${group === "" ? "/api" : `/apis/${group}`}/${version}${namespaced ? "/namespaces/{namespace}" : ""}/${plural}`;
    const operation = (path: string, method: string) => paths[path]?.[method] ?? assert.fail(`no ${method} ${path}`);
    const gvk = { group, version, kind };
    if (verbs.includes("create")) assert.deepEqual(operation(base, "post")["x-kubernetes-group-version-kind"], gvk);
    if (verbs.includes("list")) assert.equal(operation(base, "get")["x-kubernetes-action"], "list");
    if (verbs.includes("patch")) assert.equal(operation(`${base}/{name}`, "patch")["x-kubernetes-action"], "patch");
    for (const { name } of subresources) assert.ok(paths[`${base}/{name}/${name}`], `${base} ${name}`);
  }
  const references = JSON.stringify(paths).matchAll(/"#\/parameters\/([^"]+)"/g);
  for (const [, name = ""] of references) assert.ok(parameters[name], name);
  const log = paths["/api/v1/namespaces/{namespace}/pods/{name}/log"];
  assert.ok(JSON.stringify(log?.["parameters"]).includes("#/parameters/tailLines-"));
  const ids = Object.values(paths).flatMap((item) => Object.values(item).flatMap(({ operationId }) => operationId ?? []));
  assert.equal(new Set(ids).size, ids.length, "operations have names of their own");
});

void test("discovery: storage versions, preferred versions, the aggregated form with its tag", async () => {
  const hash = async (path: string, name: string) =>
    (await json<{ resources: { name: string; storageVersionHash?: string }[] }>(path)).resources.find((one) => one.name === name)
      ?.storageVersionHash;
  // Upstream's own values.
  assert.equal(await hash("/api/v1", "pods"), "xPOwRZ+Yhw8=");
  assert.equal(await hash("/apis/apps/v1", "deployments"), "8aSe+NMegvE=");
  assert.equal(await hash("/apis/autoscaling/v1", "horizontalpodautoscalers"), "qwQve8ut294=");
  assert.equal(await hash("/apis/events.k8s.io/v1", "events"), "r2yiGXH7wu8=");
  assert.equal(await hash("/apis/authorization.k8s.io/v1", "subjectaccessreviews"), undefined);
  const { groups } = await json<{ groups: { name: string; preferredVersion: { version: string } }[] }>("/apis");
  assert.equal(groups[0]?.name, "apiregistration.k8s.io");
  assert.equal(groups.find(({ name }) => name === "autoscaling")?.preferredVersion.version, "v2");
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const ask = (headers: Record<string, string>) => raw(api, "GET", "/apis", { headers });
  const aggregated = await ask({ accept: `application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,${accept}` });
  assert.equal(aggregated.headers["content-type"], accept, "the older version is no longer known");
  assert.equal((await ask({ accept: `${accept};profile=nopeer` })).headers["etag"], aggregated.headers["etag"]);
  const known = await ask({ accept, "if-none-match": aggregated.headers["etag"] ?? "" });
  assert.deepEqual([known.status, known.bytes.length], [304, 0]);
});
