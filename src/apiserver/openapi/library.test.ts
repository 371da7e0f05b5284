import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { KindDefinition } from "#meta/kind.ts";
import type { Schema } from "#meta/schema.ts";
import { createKindCatalog } from "../kind-catalog.ts";
import { OpenApiLibrary } from "./library.ts";
import { makeDocument, type DocumentJob, type PackedDocument } from "./make.ts";

const known = (name: string): Schema => ({ type: "object", name, fields: new Map() });
const types = { has: (name: string) => name.startsWith("io.k8s."), schema: known, nameOf: () => undefined };

function kind(group: string, name: string): KindDefinition {
  const plural = `${name.toLowerCase()}s`;
  return {
    resource: { group, version: "v1", kind: name, plural, namespaced: true },
    singular: name.toLowerCase(),
    shortNames: [],
    categories: [],
    verbs: ["get", "list", "watch", "create", "delete"],
    subresources: [],
    schema: { type: "object", fields: new Map([["size", { name: "size", schema: { type: "integer" }, required: true }]]) },
    definitionName: `com.example.${group.split(".")[0]}.v1.${name}`,
  };
}

function open(...kinds: KindDefinition[]) {
  const catalog = createKindCatalog(kinds);
  const made: string[] = [];
  const makeElsewhere = async (jobs: readonly DocumentJob[]) => {
    made.push(...jobs.map(({ path = "v2" }) => path));
    // As another process gets them.
    return Promise.all(structuredClone(jobs).map((job) => makeDocument(job, { types })));
  };
  return { catalog, made, library: new OpenApiLibrary(catalog, { types, makeElsewhere }, "v1.36.1") };
}

async function read(document: Promise<PackedDocument | undefined>): Promise<Record<string, unknown>> {
  return JSON.parse(gunzipSync((await document)?.gzipped ?? Buffer.alloc(0)).toString()) as Record<string, unknown>;
}

void test("documents are made once, and only those again whose kinds have changed", async () => {
  const { catalog, made, library } = open(kind("fleet.example.com", "Boat"), kind("town.example.com", "House"));
  const first = await read(library.index());
  assert.deepEqual(Object.keys(first["paths"] as object), [
    "api",
    "apis",
    "apis/fleet.example.com",
    "apis/fleet.example.com/v1",
    "apis/town.example.com",
    "apis/town.example.com/v1",
    "version",
  ]);
  assert.equal(made.splice(0).length, 7);
  await library.index();
  await library.v3("apis/fleet.example.com/v1", "json");
  assert.deepEqual(made, []);

  catalog.put([kind("fleet.example.com", "Oar")]);
  const second = await read(library.index());
  assert.deepEqual(made.splice(0), ["apis/fleet.example.com/v1"]);
  const address = (index: Record<string, unknown>, path: string) => (index["paths"] as Record<string, unknown>)[path];
  assert.notDeepEqual(address(first, "apis/fleet.example.com/v1"), address(second, "apis/fleet.example.com/v1"));
  assert.deepEqual(address(first, "apis/town.example.com/v1"), address(second, "apis/town.example.com/v1"));
  const fleet = await read(library.v3("apis/fleet.example.com/v1", "json"));
  assert.ok("/apis/fleet.example.com/v1/namespaces/{namespace}/oars" in (fleet["paths"] as object));

  catalog.remove("town.example.com", "v1", "houses");
  assert.equal(await library.v3("apis/town.example.com/v1", "json"), undefined);
  assert.ok(!("apis/town.example.com" in ((await read(library.index()))["paths"] as object)));
});

void test("v2 changes with any kind; who asks at the same time gets the same document", async () => {
  const { catalog, made, library } = open(kind("fleet.example.com", "Boat"));
  const [one, two] = await Promise.all([library.v2("json"), library.v2("json")]);
  assert.equal(one, two);
  assert.deepEqual(made.splice(0), ["v2"]);
  catalog.put([kind("town.example.com", "House")]);
  assert.notEqual((await library.v2("json"))?.hash, one?.hash);
  const protobuf = await library.v2("protobuf");
  assert.equal(protobuf?.hash, (await library.v2("json"))?.hash);
  assert.deepEqual(made, ["v2", "v2"]);
});

void test("what could not be made is tried again", async () => {
  const catalog = createKindCatalog([kind("fleet.example.com", "Boat")]);
  let fails = true;
  const makeElsewhere = async (jobs: readonly DocumentJob[]) => {
    if (fails) throw new Error("no memory");
    return Promise.all(jobs.map((job) => makeDocument(job, { types })));
  };
  const library = new OpenApiLibrary(catalog, { types, makeElsewhere }, "v1.36.1");
  await assert.rejects(library.v3("version", "json"), /no memory/);
  fails = false;
  assert.ok(await library.v3("version", "json"));
});
