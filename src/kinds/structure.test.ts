import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Field, Schema } from "#meta/schema.ts";
import { readModelClass } from "../../tools/structure/client-node.ts";
import { builtinStructure } from "./structure.ts";

const structure = builtinStructure();
const clientNode = join(import.meta.dirname, "../../node_modules/@kubernetes/client-node");
const CORE = "io.k8s.api.core.v1";

/** Every definition that resources, their lists and their subresources lead to. */
function everyDefinition(): Map<string, Schema> {
  const found = new Map<string, Schema>();
  const visit = (schema: Schema): void => {
    if (schema.items) visit(schema.items);
    if (!schema.fields || schema.name === undefined || found.has(schema.name)) return;
    found.set(schema.name, schema);
    for (const field of schema.fields.values()) visit(field.schema);
  };
  for (const { resource, definitionName, verbs, subresources } of structure.resources) {
    visit(structure.schema(definitionName));
    if (verbs.includes("list")) visit(structure.schema(`${definitionName}List`));
    for (const sub of subresources) {
      const name = structure.nameOf(sub.group ?? resource.group, sub.version ?? resource.version, sub.kind);
      // Options of streams are the query's; no document defines them.
      if (name !== undefined && !sub.kind.endsWith("Options")) visit(structure.schema(name));
    }
  }
  visit(structure.schema("io.k8s.apimachinery.pkg.apis.meta.v1.Status"));
  return found;
}

function field(definition: string, name: string): Field {
  const found = structure.schema(definition).fields?.get(name);
  assert.ok(found, `${definition} has no ${name}`);
  return found;
}

void describe("structure table against the npm package made from upstream's OpenAPI", () => {
  // A type without fields and without text has no class there.
  const without = ["CustomResourceSubresourceStatus"];

  void test("has the same fields, types and required fields", () => {
    const counts = { definitions: 0, fields: 0, required: 0 };
    for (const [name, schema] of everyDefinition()) {
      const [, label = "", version = "", type = ""] = /\.(\w+)\.(v\d+)\.(\w+)$/.exec(name) ?? [];
      if (without.includes(type)) continue;
      const theirs = readModelClass(clientNode, label, version, type);
      assert.ok(theirs, `no class for ${name}`);
      const fields = schema.fields ?? new Map<string, Field>();
      assert.deepEqual([...fields.keys()].toSorted(), [...theirs.attributes.keys()].toSorted(), name);
      counts.definitions++;
      for (const ours of fields.values()) {
        counts.fields++;
        if (ours.required) counts.required++;
        const attribute = theirs.attributes.get(ours.name);
        assert.ok(attribute);
        assert.equal(ours.required, attribute.required, `${name}.${ours.name} required`);
        assert.match(attribute.type, TYPES[ours.schema.type], `${name}.${ours.name} type`);
        if (["int32", "int64", "double", "byte", "date-time", "date-time-micro"].includes(ours.schema.format ?? ""))
          assert.equal(attribute.format, ours.schema.format, `${name}.${ours.name} format`);
      }
    }
    assert.deepEqual(counts, { definitions: 563, fields: 2412, required: 498 });
  });
});

const TYPES: Readonly<Record<Schema["type"], RegExp>> = {
  any: /^(any|object|\w*JSONSchema\w*)$/,
  array: /^Array</,
  boolean: /^boolean$/,
  integer: /^number$/,
  intOrString: /^IntOrString$/,
  map: /^\{ \[key: string\]/,
  number: /^number$/,
  // `any`: the type without fields.
  object: /^(([A-Z][a-z]*)?V\d\w+|any)$/,
  string: /^(string|Date|V1MicroTime)$/,
};

void describe("structure table against the markers in upstream's Go types", () => {
  void test("has strategic merge keys, list types and map keys of well-known lists", () => {
    const containers = field(`${CORE}.PodSpec`, "containers");
    assert.equal(containers.patchStrategy, "merge");
    assert.equal(containers.patchMergeKey, "name");
    assert.equal(containers.schema.listType, "map");
    assert.deepEqual(containers.schema.listMapKeys, ["name"]);
    assert.equal(field(`${CORE}.PodSpec`, "volumes").patchStrategy, "merge,retainKeys");
    assert.equal(field("io.k8s.api.apps.v1.DeploymentSpec", "strategy").patchStrategy, "retainKeys");
    assert.equal(field(`${CORE}.Container`, "ports").patchMergeKey, "containerPort");
    assert.deepEqual(field(`${CORE}.Container`, "ports").schema.listMapKeys, ["containerPort", "protocol"]);
    assert.equal(field(`${CORE}.ServiceSpec`, "ports").patchMergeKey, "port");
    assert.equal(field("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "finalizers").patchStrategy, "merge");
    assert.equal(field("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "finalizers").schema.listType, "set");
    assert.equal(field("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "ownerReferences").patchMergeKey, "uid");
    assert.equal(field(`${CORE}.Container`, "args").schema.listType, "atomic");
    assert.equal(field("io.k8s.api.networking.v1.NetworkPolicySpec", "ingress").schema.listType, "atomic");
  });

  void test("has map types of definitions and of fields", () => {
    assert.equal(structure.schema(`${CORE}.NodeSelector`).mapType, "atomic");
    assert.equal(structure.schema("io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector").mapType, "atomic");
    assert.equal(field(`${CORE}.PodSpec`, "nodeSelector").schema.mapType, "atomic");
    // The definition is atomic, this use of it is not.
    assert.equal(structure.schema(`${CORE}.ObjectReference`).mapType, "atomic");
    assert.equal(field(`${CORE}.PersistentVolumeSpec`, "claimRef").schema.mapType, "granular");
    assert.equal(field(`${CORE}.PersistentVolumeSpec`, "claimRef").schema.fields?.size, 7);
  });

  void test("has defaults of list map keys and protobuf numbers, also of inlined fields", () => {
    assert.equal(field(`${CORE}.ContainerPort`, "protocol").default, "TCP");
    assert.equal(field(`${CORE}.ServicePort`, "protocol").default, "TCP");
    assert.equal(field(`${CORE}.Pod`, "spec").protoNumber, 2);
    assert.equal(field(`${CORE}.Pod`, "kind").protoNumber, undefined);
    assert.equal(field(`${CORE}.Volume`, "configMap").protoNumber, 19);
    assert.deepEqual(field(`${CORE}.Volume`, "configMap").protoEmbed, [2]);
    assert.deepEqual(field(`${CORE}.Probe`, "httpGet").protoEmbed, [1]);
  });

  void test("has the values of enums, of lists' items too, unions, and which zeros are written", () => {
    assert.deepEqual(field(`${CORE}.ServicePort`, "protocol").schema.enum, ["SCTP", "TCP", "UDP"]);
    assert.deepEqual(field(`${CORE}.PersistentVolumeSpec`, "accessModes").schema.items?.enum, [
      "ReadOnlyMany",
      "ReadWriteMany",
      "ReadWriteOnce",
      "ReadWriteOncePod",
    ]);
    const usages = field("io.k8s.api.certificates.v1.CertificateSigningRequestSpec", "usages").schema;
    assert.ok(usages.items?.enum?.includes("digital signature"));
    assert.equal(usages.enum, undefined);
    assert.deepEqual(structure.schema(`${CORE}.SeccompProfile`).unions, [
      { discriminator: "type", fields: { localhostProfile: "LocalhostProfile" } },
    ]);
    assert.equal(field(`${CORE}.Event`, "reportingComponent").zero, true);
    assert.equal(field(`${CORE}.Container`, "name").zero, undefined);
  });

  void test("has as many marks as upstream", () => {
    const counts = { patchStrategy: 0, patchMergeKey: 0, map: 0, set: 0, atomic: 0, atomicMaps: 0 };
    for (const schema of everyDefinition().values()) {
      if (schema.mapType === "atomic") counts.atomicMaps++;
      for (const { patchStrategy, patchMergeKey, schema: type } of schema.fields?.values() ?? []) {
        if (patchStrategy !== undefined) counts.patchStrategy++;
        if (patchMergeKey !== undefined) counts.patchMergeKey++;
        if (type.listType !== undefined) counts[type.listType]++;
      }
    }
    // Counted in upstream's OpenAPI documents; they have one more atomic list, on a field of bytes.
    assert.deepEqual(counts, { patchStrategy: 58, patchMergeKey: 54, map: 59, set: 16, atomic: 219, atomicMaps: 27 });
  });
});

void describe("served resources", () => {
  const find = (plural: string, group = "") =>
    structure.resources.find(({ resource }) => resource.plural === plural && resource.group === group);

  void test("are those that upstream's discovery lists", () => {
    assert.equal(structure.resources.length, 68);
    assert.equal(structure.resources.flatMap(({ subresources }) => subresources).length, 45);
    const pods = find("pods");
    assert.deepEqual(pods?.shortNames, ["po"]);
    assert.deepEqual(pods.categories, ["all"]);
    assert.equal(pods.definitionName, "io.k8s.api.core.v1.Pod");
    const names = pods.subresources.map(({ name }) => name);
    assert.deepEqual(names, [
      "attach",
      "binding",
      "ephemeralcontainers",
      "eviction",
      "exec",
      "log",
      "portforward",
      "proxy",
      "resize",
      "status",
    ]);
    assert.deepEqual(
      pods.subresources.find(({ name }) => name === "eviction"),
      { name: "eviction", kind: "Eviction", group: "policy", version: "v1", verbs: ["create"] },
    );
    assert.deepEqual(find("componentstatuses")?.verbs, ["get", "list"]);
    assert.ok(!find("namespaces")?.verbs.includes("deletecollection"));
    assert.deepEqual(find("customresourcedefinitions", "apiextensions.k8s.io")?.shortNames, ["crd", "crds"]);
  });

  void test("that are never stored are virtual", () => {
    const virtual = structure.resources.filter((entry) => entry.virtual).map(({ resource }) => resource.plural);
    assert.deepEqual(virtual, [
      "bindings",
      "selfsubjectreviews",
      "tokenreviews",
      "localsubjectaccessreviews",
      "selfsubjectaccessreviews",
      "selfsubjectrulesreviews",
      "subjectaccessreviews",
    ]);
  });

  void test("have definitions, and names that are not there are refused", () => {
    for (const { definitionName, verbs } of structure.resources) {
      assert.ok(structure.has(definitionName), definitionName);
      if (verbs.includes("list")) assert.ok(structure.has(`${definitionName}List`), `${definitionName}List`);
    }
    assert.equal(structure.nameOf("autoscaling", "v1", "Scale"), "io.k8s.api.autoscaling.v1.Scale");
    assert.equal(structure.nameOf("core.example.com", "v1", "Pod"), undefined);
    assert.throws(() => structure.schema("io.k8s.api.core.v1.Nothing"), /no definition io\.k8s\.api\.core\.v1\.Nothing/);
  });
});
