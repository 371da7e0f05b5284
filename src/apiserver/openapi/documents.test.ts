import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { Field, Schema } from "#meta/schema.ts";
import { readDescriptions } from "./descriptions.ts";
import { finished, openApiRoot, openApiV2, openApiV3, type OpenApiKind, type OpenApiOptions, type OpenApiTypes } from "./documents.ts";

const META = "io.k8s.apimachinery.pkg.apis.meta.v1";
const STRING: Schema = { type: "string" };

function object(name: string | undefined, fields: readonly Field[]): Schema {
  return { type: "object", ...(name === undefined ? {} : { name }), fields: new Map(fields.map((field) => [field.name, field])) };
}

function field(name: string, schema: Schema, extra: Partial<Field> = {}): Field {
  return { name, schema, required: false, ...extra };
}

const known = new Map(
  ["APIGroup", "APIGroupList", "APIResourceList", "APIVersions", "DeleteOptions", "ListMeta", "ObjectMeta", "Status", "WatchEvent"].map(
    (name) => [`${META}.${name}`, object(`${META}.${name}`, [field("a", STRING)])],
  ),
);
known.set("io.k8s.api.autoscaling.v1.Scale", object("io.k8s.api.autoscaling.v1.Scale", []));
const types: OpenApiTypes = {
  has: (name) => known.has(name),
  schema: (name) => known.get(name) ?? assert.fail(name),
  nameOf: (group, version, kind) =>
    kind === "Scale" && group === "autoscaling" && version === "v1" ? "io.k8s.api.autoscaling.v1.Scale" : undefined,
};

/** A kind as a custom resource has it: no name on its structure, and a list that nobody knows. */
const boat: OpenApiKind = {
  resource: { group: "harbour.example.com", version: "v1", kind: "Boat", plural: "boats", namespaced: true },
  definitionName: "com.example.harbour.v1.Boat",
  verbs: ["get", "list", "watch", "create", "patch"],
  subresources: [
    { name: "status", kind: "Boat", verbs: ["get", "update"] },
    { name: "scale", kind: "Scale", group: "autoscaling", version: "v1", verbs: ["get"] },
    { name: "steer", kind: "BoatSteerOptions", verbs: ["create"] },
  ],
  schema: object(undefined, [
    field("metadata", known.get(`${META}.ObjectMeta`) ?? STRING),
    field(
      "spec",
      object(undefined, [
        field("port", { type: "intOrString" }, { required: true }),
        field(
          "crew",
          { type: "array", items: STRING, listType: "map", listMapKeys: ["name"] },
          { patchStrategy: "merge", patchMergeKey: "name" },
        ),
        field("cargo", { type: "map", items: { type: "integer", format: "int64" }, mapType: "atomic" }),
        field("rest", { type: "object", preserveUnknownFields: true }),
      ]),
    ),
  ]),
};

function v3(kind: OpenApiKind, options: Partial<OpenApiOptions> = {}): unknown {
  return finished(openApiV3({ group: "harbour.example.com", version: "v1", kinds: [kind] }, { types, version: "v1.36.1", ...options }));
}

/** Digs into a document; every step must be there. */
function at(value: unknown, ...path: string[]): unknown {
  return path.reduce((node, key) => {
    assert.ok(typeof node === "object" && node !== null && key in node, `no ${key} of ${path.join(" ")}`);
    return (node as Record<string, unknown>)[key];
  }, value);
}

void describe("openApiV3", () => {
  const document = v3(boat);
  const definition = at(document, "components", "schemas", boat.definitionName);

  void test("describes a kind that nobody knows by name", () => {
    assert.deepEqual(at(definition, "x-kubernetes-group-version-kind"), [{ group: "harbour.example.com", version: "v1", kind: "Boat" }]);
    assert.deepEqual(at(definition, "properties", "metadata"), { allOf: [{ $ref: `#/components/schemas/${META}.ObjectMeta` }] });
    assert.deepEqual(at(definition, "properties", "spec"), {
      type: "object",
      properties: {
        port: { "x-kubernetes-int-or-string": true },
        crew: {
          "x-kubernetes-patch-merge-key": "name",
          "x-kubernetes-patch-strategy": "merge",
          type: "array",
          items: { type: "string" },
          "x-kubernetes-list-map-keys": ["name"],
          "x-kubernetes-list-type": "map",
        },
        cargo: { type: "object", additionalProperties: { format: "int64", type: "integer" }, "x-kubernetes-map-type": "atomic" },
        rest: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
      },
      required: ["port"],
    });
  });

  void test("makes up the list of a kind that has none", () => {
    const list = at(document, "components", "schemas", `${boat.definitionName}List`);
    assert.deepEqual(at(list, "properties", "items"), { type: "array", items: { $ref: `#/components/schemas/${boat.definitionName}` } });
    assert.deepEqual(at(list, "required"), ["items"]);
  });

  void test("lists the operations that the kind has, and no others", () => {
    const base = "/apis/harbour.example.com/v1";
    const name = `${base}/namespaces/{namespace}/boats/{name}`;
    const paths = at(document, "paths") as object;
    assert.deepEqual(Object.keys(paths), [
      `${base}/boats`,
      `${base}/namespaces/{namespace}/boats`,
      name,
      `${name}/scale`,
      `${name}/status`,
      `${name}/steer`,
    ]);
    assert.deepEqual(Object.keys(at(paths, name) as object), ["get", "patch", "parameters"]);
    assert.equal(at(paths, name, "patch", "x-kubernetes-action"), "patch");
    const parameters = at(paths, name, "patch", "parameters") as { name: string }[];
    assert.deepEqual(
      parameters.map((entry) => entry.name),
      ["dryRun", "fieldManager", "fieldValidation", "force"],
    );
    assert.equal(at(paths, `${name}/scale`, "get", "x-kubernetes-group-version-kind", "group"), "autoscaling");
    assert.equal(at(paths, `${name}/steer`, "post", "x-kubernetes-action"), "connect");
    assert.equal(at(paths, name, "get", "operationId"), "readHarbourExampleComV1NamespacedBoat");
  });

  void test("ends on structures that hold themselves", () => {
    const fields = new Map<string, Field>();
    const node: Schema = { type: "object", name: "com.example.v1.Tree", fields };
    fields.set("children", field("children", { type: "array", items: node }));
    const tree = { ...boat, definitionName: "com.example.v1.Tree", schema: node };
    const schemas = at(v3(tree), "components", "schemas");
    assert.deepEqual(at(schemas, "com.example.v1.Tree", "properties", "children", "items"), {
      $ref: "#/components/schemas/com.example.v1.Tree",
    });
  });

  void test("carries texts; a field that refers to a type repeats not what the type says", async () => {
    const folder = await mkdtemp(join(tmpdir(), "kobune-descriptions-"));
    try {
      const file = join(folder, "d.json.gz");
      assert.equal(await readDescriptions(file), undefined);
      await writeFile(
        file,
        gzipSync(JSON.stringify({ [boat.definitionName]: { "": "A boat." }, [`${META}.ObjectMeta`]: { "": "Meta.", a: "An a." } })),
      );
      const schemas = at(v3(boat, { descriptions: await readDescriptions(file) }), "components", "schemas");
      assert.equal(at(schemas, boat.definitionName, "description"), "A boat.");
      const metadata = at(schemas, boat.definitionName, "properties", "metadata") as object;
      assert.ok(!("description" in metadata));
      assert.equal(at(schemas, `${META}.ObjectMeta`, "description"), "Meta.");
      assert.equal(at(schemas, `${META}.ObjectMeta`, "properties", "a", "description"), "An a.");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

void test("openApiV2 has the same definitions in its own dialect", () => {
  const served = [{ group: "harbour.example.com", version: "v1", kinds: [boat] }];
  const document = finished(openApiV2(served, { types, version: "v1.36.1" }));
  assert.equal(at(document, "swagger"), "2.0");
  assert.deepEqual(at(document, "definitions", boat.definitionName, "properties", "metadata"), {
    $ref: `#/definitions/${META}.ObjectMeta`,
  });
});

void test("openApiRoot gives each document's address, which has its hash", () => {
  assert.deepEqual(openApiRoot(new Map([["api/v1", "A+B"]])), {
    paths: { "api/v1": { serverRelativeURL: "/openapi/v3/api/v1?hash=A%2BB" } },
  });
});
