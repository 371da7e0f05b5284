import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isApiError } from "../errors.ts";
import type { AnyObject } from "../object.ts";
import type { Field, Schema } from "../schema.ts";
import { createFieldManager } from "./create-field-manager.ts";
import type { FieldManager, ManagedVersion } from "./field-manager.ts";
import { differsInTimesOnly } from "./last-applied.ts";
import { managedFieldsProblem } from "./managers.ts";

const STRING: Schema = { type: "string" };
const struct = (fields: Record<string, Schema | Field>, more: Partial<Schema> = {}): Schema => ({
  type: "object",
  fields: new Map(
    Object.entries(fields).map(([name, value]) => [name, "schema" in value ? value : { name, schema: value, required: false }]),
  ),
  ...more,
});
const METADATA = struct({
  name: STRING,
  uid: STRING,
  labels: { type: "map", items: STRING },
  annotations: { type: "map", items: STRING },
  finalizers: { type: "array", listType: "set", items: STRING },
});
const PORT = struct({
  port: { type: "integer" },
  protocol: { name: "protocol", schema: STRING, required: false, default: "TCP" },
  name: STRING,
});
const SPEC = struct({
  replicas: { type: "integer" },
  size: { type: "intOrString" },
  ports: { type: "array", listType: "map", listMapKeys: ["port", "protocol"], items: PORT },
  tags: { type: "array", listType: "set", items: STRING },
  args: { type: "array", items: STRING },
  selector: { type: "map", mapType: "atomic", items: STRING },
  free: { type: "any" },
  inner: struct({ a: STRING, b: STRING }),
});
const THING = struct({ apiVersion: STRING, kind: STRING, metadata: METADATA, spec: SPEC, status: struct({ phase: STRING }) });

function versions(): Record<string, ManagedVersion> {
  const rename = (from: string, to: string, apiVersion: string) => (object: object) => {
    const { spec, ...rest } = object as AnyObject;
    const fields = { ...(spec as AnyObject | undefined) };
    if (from in fields) fields[to] = fields[from];
    delete fields[from];
    return { ...rest, apiVersion, spec: fields };
  };
  const old = struct({
    apiVersion: STRING,
    kind: STRING,
    metadata: METADATA,
    spec: struct({ count: { type: "integer" } }, { preserveUnknownFields: true }),
  });
  const v1: ManagedVersion = {
    apiVersion: "test/v1",
    schema: THING,
    resetFields: (subresource) => (subresource === "" ? [["status"]] : [["spec"]]),
    other: (apiVersion) =>
      apiVersion === "test/v0"
        ? { version: v0, to: rename("replicas", "count", "test/v0"), from: rename("count", "replicas", "test/v1") }
        : undefined,
  };
  const v0: ManagedVersion = {
    apiVersion: "test/v0",
    schema: old,
    resetFields: () => [["status"]],
    other: (apiVersion) =>
      apiVersion === "test/v1"
        ? { version: v1, to: rename("count", "replicas", "test/v1"), from: rename("replicas", "count", "test/v0") }
        : undefined,
  };
  return { v0, v1 };
}
const V1 = versions()["v1"]!;
const V0 = versions()["v0"]!;
const fields: FieldManager = createFieldManager(V1);

let clock = 0;
const by = (manager: string, subresource = "") => ({
  manager,
  subresource,
  now: `2026-01-01T00:00:${String(++clock % 60).padStart(2, "0")}Z`,
});
const thing = (spec: unknown, metadata: object = {}): AnyObject => ({
  apiVersion: "test/v1",
  kind: "Thing",
  metadata: { name: "x", ...metadata },
  spec,
});
const stored = (object: object): AnyObject => ({ ...object, metadata: { ...(object as AnyObject).metadata, uid: "u" } });
const specOf = (object: object): unknown => (object as AnyObject)["spec"];
const owned = (object: AnyObject | object) =>
  Object.fromEntries(
    ((object as AnyObject).metadata?.managedFields ?? []).map((entry) => [
      `${entry.manager} ${entry.operation}${entry.subresource ? ` ${entry.subresource}` : ""}`,
      entry.fieldsV1,
    ]),
  );
const apply = (live: object | undefined, spec: unknown, manager: string, force = false) =>
  stored(fields.apply(live as AnyObject | undefined, thing(spec), by(manager), force));
function refusal(act: () => unknown) {
  try {
    act();
  } catch (error) {
    assert.ok(isApiError(error), String(error));
    return (error as unknown as { status: { code: number; reason: string; message: string; details?: { causes?: unknown } } }).status;
  }
  throw new Error("nothing was refused");
}

describe("apply", () => {
  test("creates the object and owns what it says, without what the server sets", () => {
    const object = fields.apply(
      undefined,
      thing({ replicas: 1, tags: ["b", "a"], ports: [{ port: 80 }], args: ["x"], free: { deep: { x: [1] } } }, { labels: { app: "a" } }),
      by("a"),
      false,
    );
    assert.deepEqual(owned(object), {
      "a Apply": {
        "f:metadata": { "f:labels": { "f:app": {} } },
        "f:spec": {
          "f:args": {},
          "f:free": { "f:deep": { ".": {}, "f:x": {} } },
          "f:ports": { 'k:{"port":80,"protocol":"TCP"}': { ".": {}, "f:port": {} } },
          "f:replicas": {},
          "f:tags": { 'v:"a"': {}, 'v:"b"': {} },
        },
      },
    });
  });

  test("names the other manager and the field in a conflict", () => {
    const live = apply(undefined, { replicas: 1 }, "a");
    assert.deepEqual(
      refusal(() => apply(live, { replicas: 2 }, "b")),
      {
        kind: "Status",
        apiVersion: "v1",
        metadata: {},
        status: "Failure",
        reason: "Conflict",
        code: 409,
        message: 'Apply failed with 1 conflict: conflict with "a": .spec.replicas',
        details: { causes: [{ reason: "FieldManagerConflict", message: 'conflict with "a"', field: ".spec.replicas" }] },
      },
    );
  });

  test("lists several conflicts by manager; one that updated is shown with its version", () => {
    const live = stored(thing({ replicas: 1, ports: [{ port: 80, protocol: "TCP", name: "a" }] }));
    fields.track(undefined, live, by("b", "status"));
    const next = structuredClone(live);
    fields.track(undefined, next, by("c"));
    const { message } = refusal(() =>
      apply(
        apply({ ...live, metadata: { ...live.metadata, managedFields: next.metadata!.managedFields! } }, { replicas: 1 }, "a"),
        { replicas: 2, ports: [{ port: 80, name: "z" }] },
        "d",
      ),
    );
    assert.equal(
      message,
      'Apply failed with 3 conflicts: conflicts with "a":\n- .spec.replicas\nconflicts with "c" using test/v1:\n- .spec.replicas\n- .spec.ports[port=80,protocol="TCP"].name',
    );
  });

  test("by force takes the field over; equal values are shared", () => {
    const live = apply(undefined, { replicas: 1, size: "1" }, "a");
    const shared = apply(live, { replicas: 1 }, "b");
    assert.deepEqual(owned(shared), {
      "a Apply": { "f:spec": { "f:replicas": {}, "f:size": {} } },
      "b Apply": { "f:spec": { "f:replicas": {} } },
    });
    const taken = apply(shared, { replicas: 2 }, "b", true);
    assert.deepEqual(specOf(taken), { replicas: 2, size: "1" });
    assert.deepEqual(owned(taken), { "a Apply": { "f:spec": { "f:size": {} } }, "b Apply": { "f:spec": { "f:replicas": {} } } });
  });

  const given: [string, unknown, unknown, unknown][] = [
    ["a scalar", { replicas: 1, size: 2 }, { size: 2 }, { size: 2 }],
    ["a list item", { ports: [{ port: 80 }, { port: 81 }] }, { ports: [{ port: 81 }] }, { ports: [{ port: 81 }] }],
    ["a set's item", { tags: ["a", "b", "c"] }, { tags: ["a", "c"] }, { tags: ["a", "c"] }],
    ["all items", { tags: ["a"], size: 1 }, { size: 1 }, { size: 1 }],
    ["an atomic list", { args: ["a"], size: 1 }, { size: 1 }, { size: 1 }],
    ["a struct", { inner: { a: "1", b: "2" }, size: 1 }, { size: 1 }, { size: 1 }],
    ["a struct's field", { inner: { a: "1", b: "2" } }, { inner: { b: "2" } }, { inner: { b: "2" } }],
    ["a key of a free map", { free: { x: 1, y: { z: 1 } } }, { free: { x: 1 } }, { free: { x: 1 } }],
  ];
  for (const [what, first, second, left] of given) {
    test(`removes ${what} that the manager gave up`, () => {
      const object = apply(apply(undefined, first, "a"), second, "a");
      assert.deepEqual(specOf(object), left);
      assert.equal(object.metadata?.name, "x");
    });
    test(`keeps ${what} that another manager owns too`, () => {
      const both = apply(apply(undefined, first, "a"), first, "b");
      assert.deepEqual(specOf(apply(both, second, "a")), specOf(both));
    });
  }

  test("removes the last of metadata's fields, not metadata", () => {
    const live = stored(fields.apply(undefined, thing({ size: 1 }, { labels: { a: "1" } }), by("a"), false));
    assert.deepEqual({ ...apply(live, { size: 1 }, "a").metadata, managedFields: 0 }, { name: "x", uid: "u", managedFields: 0 });
  });

  test("replaces atomic values whole, and merges granular lists in the configuration's order", () => {
    const live = apply(undefined, { args: ["a", "b"], selector: { a: "1" }, tags: ["a", "b", "c"] }, "a");
    const next = apply(live, { args: ["c"], selector: { b: "2" }, tags: ["c", "d", "a"] }, "b", true);
    assert.deepEqual(specOf(next), { args: ["c"], selector: { b: "2" }, tags: ["b", "c", "d", "a"] });
  });

  test("that changes nothing answers with the object as it was", () => {
    const live = apply(undefined, { replicas: 1, tags: ["a"] }, "a");
    assert.deepEqual(fields.apply(live, thing({ replicas: 1, tags: ["a"] }), by("a"), false), live);
  });

  const refused: [string, object, number, string][] = [
    [
      "a field that is not there",
      thing({ foo: 1 }),
      500,
      "failed to create typed patch object (/x; test/v1, Kind=Thing): .spec.foo: field not declared in schema",
    ],
    [
      "a value of another type",
      thing({ replicas: "x" }),
      500,
      "failed to create typed patch object (/x; test/v1, Kind=Thing): .spec.replicas: expected numeric (int or float), got string",
    ],
    [
      "duplicates",
      thing({ ports: [{ port: 1 }, { port: 1, protocol: "TCP" }] }),
      500,
      'failed to create typed patch object (/x; test/v1, Kind=Thing): .spec.ports: duplicate entries for key [port=1,protocol="TCP"]',
    ],
    ["managed fields", thing({}, { managedFields: [] }), 400, "metadata.managedFields must be nil"],
    ["another version", { ...thing({}), apiVersion: "test/v2" }, 400, "invalid object type: test/v2, Kind=Thing"],
  ];
  for (const [what, configuration, code, message] of refused) {
    test(`refuses ${what}`, () => {
      const status = refusal(() => fields.apply(undefined, configuration, by("a"), false));
      assert.deepEqual([status.code, status.message], [code, message]);
    });
  }

  test("of an object that nobody tracked gives its fields to before-first-apply", () => {
    const live = stored(thing({ replicas: 1, size: 1 }));
    assert.equal(
      refusal(() => apply(live, { replicas: 2 }, "a")).message,
      'Apply failed with 1 conflict: conflict with "before-first-apply" using test/v1: .spec.replicas',
    );
  });

  test("by kubectl takes over what its client-side apply set, and renews the annotation", () => {
    const key = "kubectl.kubernetes.io/last-applied-configuration";
    const live = stored(thing({ replicas: 1, size: 5 }, { annotations: { [key]: JSON.stringify(thing({ replicas: 1, size: 4 })) } }));
    fields.track(undefined, live, by("kubectl-client-side-apply"));
    assert.match(refusal(() => apply(live, { replicas: 2, size: 6 }, "kubectl")).message, /1 conflict: .*: \.spec\.size$/);
    const next = apply(live, { replicas: 2 }, "kubectl");
    assert.equal(
      next.metadata?.annotations?.[key],
      `{"apiVersion":"test/v1","kind":"Thing","metadata":{"name":"x"},"spec":{"replicas":2}}\n`,
    );
    assert.equal(refusal(() => apply(live, { replicas: 2 }, "somebody")).code, 409);
  });

  test("knows owners in another version of the kind, and drops those of a version that is gone", () => {
    const old = { apiVersion: "test/v0", kind: "Thing", metadata: { name: "x" }, spec: { count: 1 } };
    const created = createFieldManager(V0).apply(undefined, old, by("old"), false);
    const live = stored({ ...thing({ replicas: 1 }), metadata: created.metadata });
    assert.equal(
      refusal(() => apply(live, { replicas: 2 }, "new")).message,
      'Apply failed with 1 conflict: conflict with "old": .spec.count',
    );
    assert.deepEqual(specOf(apply(live, { size: 1 }, "old")), { size: 1 }, "what it gave up in the old version is removed in the new one");
    const gone = {
      ...live,
      metadata: { ...live.metadata, managedFields: live.metadata!.managedFields!.map((entry) => ({ ...entry, apiVersion: "test/v9" })) },
    };
    assert.deepEqual(Object.keys(owned(apply(gone, { replicas: 2 }, "new"))), ["new Apply"]);
  });

  test("a field that became atomic is owned as a whole", () => {
    const live = stored(thing({ selector: { a: "1" } }));
    live.metadata!.managedFields = [
      {
        manager: "a",
        operation: "Apply",
        apiVersion: "test/v1",
        fieldsType: "FieldsV1",
        fieldsV1: { "f:spec": { "f:selector": { "f:a": {} } } },
      },
    ];
    assert.equal(
      refusal(() => apply(live, { selector: { a: "2" } }, "b")).message,
      'Apply failed with 1 conflict: conflict with "a": .spec.selector',
    );
  });
});

describe("track", () => {
  const update = (live: AnyObject, change: (next: AnyObject) => void, manager: string, subresource = "") => {
    const next = structuredClone(live);
    change(next);
    fields.track(live, next, by(manager, subresource));
    return next;
  };
  const created = () => {
    const object = stored(thing({ replicas: 1, tags: ["a"] }));
    fields.track(undefined, object, by("creator"));
    return object;
  };

  test("gives what changed to the writer and what is gone to nobody", () => {
    const next = update(created(), (object) => (object["spec"] = { replicas: 2 }), "b");
    assert.deepEqual(owned(next), { "creator Update": { "f:spec": {} }, "b Update": { "f:spec": { "f:replicas": {} } } });
  });

  test("keeps entries and times when nothing changed", () => {
    const live = created();
    assert.deepEqual(
      update(live, () => {}, "b"),
      live,
    );
    assert.deepEqual(
      update(live, (object) => delete object.metadata?.managedFields, "b"),
      live,
    );
  });

  test("does not own what a subresource resets", () => {
    const next = update(created(), (object) => Object.assign(object, { spec: { replicas: 9 }, status: { phase: "on" } }), "b", "status");
    assert.deepEqual(owned(next)["b Update status"], { "f:status": { ".": {}, "f:phase": {} } });
    assert.equal("b Update" in owned(update(created(), (object) => (object["status"] = { phase: "x" }), "b")), false);
  });

  for (const reset of [[], [{}]]) {
    test(`forgets all owners when a client sends ${JSON.stringify(reset)}, and tracks nothing until an apply`, () => {
      const next = update(created(), (object) => (object.metadata!.managedFields = reset), "b");
      assert.equal(next.metadata?.managedFields, undefined);
      assert.equal(update(next, (object) => (object["spec"] = {}), "b").metadata?.managedFields, undefined);
    });
  }

  test("takes managed fields that a client changed, but not those it spoiled", () => {
    const live = created();
    const mine = [
      { manager: "me", operation: "Apply", apiVersion: "test/v1", fieldsType: "FieldsV1", fieldsV1: { "f:spec": { "f:replicas": {} } } },
    ];
    assert.deepEqual(owned(update(live, (object) => (object.metadata!.managedFields = mine), "b")), {
      "me Apply": { "f:spec": { "f:replicas": {} } },
    });
    const spoiled = [{ ...mine[0], fieldsV1: { bad: {} } }];
    assert.deepEqual(owned(update(live, (object) => (object.metadata!.managedFields = spoiled), "b")), owned(live));
  });

  test("merges the oldest of more than ten updaters", () => {
    let object = created();
    for (let index = 0; index < 14; index++) {
      object = update(
        object,
        (next) => (next.metadata!.labels = { ...next.metadata!.labels, [`l${index}`]: "1" }),
        `m${String(index).padStart(2, "0")}`,
      );
    }
    const managers = object.metadata!.managedFields!.map((entry) => entry.manager);
    assert.equal(managers.length, 10);
    assert.deepEqual(managers.slice(0, 2), ["ancient-changes", "m05"]);
  });

  test("counts items that share a key as one field", () => {
    const twice = update(created(), (object) => (object["spec"] = { replicas: 1, tags: ["a", "b", "b"] }), "b");
    assert.deepEqual(owned(twice)["b Update"], { "f:spec": { "f:tags": { 'v:"b"': {} } } });
  });

  test("knows nothing rather than something wrong when an item has no key", () => {
    assert.equal(update(created(), (object) => (object["spec"] = { ports: [{ name: "x" }, "y"] }), "b").metadata?.managedFields, undefined);
  });
});

test("entries are refused with upstream's words", () => {
  const entry = { manager: "a", operation: "Apply", apiVersion: "v1", fieldsType: "FieldsV1", fieldsV1: {} };
  assert.equal(managedFieldsProblem([entry]), undefined);
  assert.equal(managedFieldsProblem([{ ...entry, operation: "x" }]), "operation must be `Apply` or `Update`");
  assert.equal(managedFieldsProblem([{ ...entry, apiVersion: "" }]), "apiVersion must not be empty");
  assert.equal(managedFieldsProblem([{ ...entry, fieldsType: "" }]), "missing fieldsType in managed fields entry 0");
  assert.equal(managedFieldsProblem([{ ...entry, fieldsType: "V2" }]), 'invalid fieldsType "V2" in managed fields entry 0');
});

test("objects that differ in times of managed fields only are told", () => {
  const live = apply(undefined, { replicas: 1 }, "a");
  const later = structuredClone(live);
  later.metadata!.managedFields![0]!.time = "2030-01-01T00:00:00Z";
  assert.equal(differsInTimesOnly(live, later), true);
  assert.equal(differsInTimesOnly(live, live), false);
  assert.equal(differsInTimesOnly(live, { ...later, ...thing({ replicas: 2 }) }), false);
});
