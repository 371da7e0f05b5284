import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "#lib/clock.ts";
import { startTestServer, type TestServer } from "./test-server.ts";

const BOATS = "/apis/sea.example/v1/namespaces/bay/boats";
const PATCH = {
  json: { "content-type": "application/json-patch+json" },
  merge: { "content-type": "application/merge-patch+json" },
  strategic: { "content-type": "application/strategic-merge-patch+json" },
  apply: { "content-type": "application/apply-patch+yaml" },
};

function boat(name: string, more: object = {}, metadata: object = {}) {
  return { apiVersion: "sea.example/v1", kind: "Boat", metadata: { name, ...metadata }, ...more };
}

async function refusal(api: TestServer, ...call: Parameters<TestServer["call"]>): Promise<[number, unknown, unknown]> {
  const { status, json } = await api.call(...call);
  return [status, json["reason"], json["message"]];
}

test("what cannot be created is refused with upstream's status, reason and words", async () => {
  await using api = await startTestServer();
  await api.call("POST", BOATS, boat("a"));
  const cases: [name: string, body: unknown, expected: [number, string, string], query?: string][] = [
    ["a name taken", boat("a"), [409, "AlreadyExists", 'boats.sea.example "a" already exists']],
    [
      "a wrong value",
      boat("b", { spec: { replicas: -1 } }),
      [422, "Invalid", 'Boat.sea.example "b" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
    ],
    [
      "another namespace",
      boat("b", {}, { namespace: "lake" }),
      [400, "BadRequest", "the namespace of the provided object does not match the namespace sent on the request"],
    ],
    [
      "another version",
      { ...boat("b"), apiVersion: "sea.example/v2" },
      [400, "BadRequest", "the API version in the data (sea.example/v2) does not match the expected API version (sea.example/v1)"],
    ],
    [
      "an unknown field under Strict",
      boat("b", { spec: { sails: 3 } }),
      [400, "BadRequest", 'Boat in version "v1" cannot be handled as a Boat: strict decoding error: unknown field "spec.sails"'],
      "?fieldValidation=Strict",
    ],
    [
      "a wrong type",
      boat("b", { spec: { replicas: "two" } }),
      [
        400,
        "BadRequest",
        'Boat in version "v1" cannot be handled as a Boat: json: cannot unmarshal string into Go struct field BoatSpec.spec.replicas of type int32',
      ],
    ],
    [
      "no name",
      { metadata: {} },
      [422, "Invalid", 'Boat.sea.example "" is invalid: metadata.name: Required value: name or generateName is required'],
    ],
    ["a resourceVersion", boat("b", {}, { resourceVersion: "5" }), [500, "", "resourceVersion should not be set on objects to be created"]],
  ];
  for (const [name, body, expected, query = ""] of cases) {
    assert.deepEqual(await refusal(api, "POST", BOATS + query, body), expected, name);
  }
  assert.deepEqual(await refusal(api, "POST", BOATS, "a: b", { "content-type": "text/plain" }), [
    415,
    "UnsupportedMediaType",
    "the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
  ]);
  assert.deepEqual(await refusal(api, "GET", `${BOATS}/none`), [404, "NotFound", 'boats.sea.example "none" not found']);
  assert.deepEqual(await refusal(api, "GET", "/apis/sea.example/v1/planes"), [
    404,
    "NotFound",
    "the server could not find the requested resource",
  ]);
});

test("unknown fields are dropped and told of in a Warning header unless Strict or Ignore is asked", async () => {
  await using api = await startTestServer();
  const warned = await api.call("POST", BOATS, boat("a", { spec: { sails: 3 } }));
  assert.equal(warned.status, 201);
  assert.equal(warned.headers["warning"], '299 - "unknown field \\"spec.sails\\""');
  assert.deepEqual(warned.json["spec"], { replicas: 1 });
  const ignored = await api.call("POST", `${BOATS}?fieldValidation=Ignore`, boat("b", { spec: { sails: 3 } }));
  assert.equal(ignored.headers["warning"], undefined);
});

test("generateName makes a free name, trying anew when one is taken", async () => {
  let calls = 0;
  // The first two names are the same; the uid's numbers in between do not matter.
  await using api = await startTestServer({ random: () => ((calls++ % 1000) * 7919) / 7_919_001 });
  const first = await api.call("POST", BOATS, { metadata: { generateName: "b-" } });
  assert.match(first.json.metadata.name ?? "", /^b-[a-z0-9]{5}$/);
  const second = await api.call("POST", BOATS, { metadata: { generateName: "b-" } });
  assert.notEqual(second.json.metadata.name, first.json.metadata.name);
});

test("an update with a stale version conflicts, one without a version wins, one that changes nothing writes nothing", async () => {
  await using api = await startTestServer();
  const { json: first } = await api.call("POST", BOATS, boat("a"));
  const { json: second } = await api.call("PUT", `${BOATS}/a`, { ...first, spec: { replicas: 2 } });
  assert.deepEqual(await refusal(api, "PUT", `${BOATS}/a`, { ...first, spec: { replicas: 3 } }), [
    409,
    "Conflict",
    'Operation cannot be fulfilled on boats.sea.example "a": the object has been modified; please apply your changes to the latest version and try again',
  ]);
  const { json: third } = await api.call("PUT", `${BOATS}/a`, boat("a", { spec: { replicas: 3 } }));
  assert.equal(third.metadata.generation, 3);
  assert.equal(third.metadata.uid, first.metadata.uid);
  const { json: same } = await api.call("PUT", `${BOATS}/a`, third);
  assert.equal(same.metadata.resourceVersion, third.metadata.resourceVersion);
  assert.notEqual(third.metadata.resourceVersion, second.metadata.resourceVersion);
  assert.deepEqual(await refusal(api, "PUT", `${BOATS}/a`, boat("b")), [
    400,
    "BadRequest",
    "the name of the object (b) does not match the name on the URL (a)",
  ]);
});

test("PUT creates kinds that allow it, and no others", async () => {
  await using api = await startTestServer();
  const created = await api.call("PUT", "/api/v1/ports/hull", { metadata: { name: "hull" } });
  assert.equal(created.status, 201);
  assert.equal(created.json.metadata.generation, undefined);
  assert.equal((await api.call("PUT", `${BOATS}/a`, boat("a"))).status, 404);
});

test("status has its own door: neither write changes the other's part", async () => {
  await using api = await startTestServer();
  const { json } = await api.call("POST", BOATS, boat("a"));
  const status = await api.call("PUT", `${BOATS}/a/status`, { ...json, spec: { replicas: 9 }, status: { phase: "Sailing" } });
  assert.deepEqual(status.json["spec"], { replicas: 1 });
  assert.deepEqual(status.json["status"], { phase: "Sailing" });
  assert.equal(status.json.metadata.generation, 1);
  const main = await api.call("PATCH", `${BOATS}/a`, { spec: { replicas: 2 }, status: { phase: "Sunk" } }, PATCH.merge);
  assert.deepEqual(main.json["status"], { phase: "Sailing" });
  assert.equal(main.json.metadata.generation, 2);
});

test("each sort of patch changes the object", async () => {
  await using api = await startTestServer();
  await api.call("POST", BOATS, boat("a", { spec: { parts: [{ name: "mast", size: 1 }] } }));
  const json = await api.call("PATCH", `${BOATS}/a`, [{ op: "add", path: "/spec/color", value: "red" }], PATCH.json);
  assert.deepEqual(json.json["spec"], { parts: [{ name: "mast", size: 1 }], replicas: 1, color: "red" });
  const merge = await api.call("PATCH", `${BOATS}/a`, { spec: { color: null } }, PATCH.merge);
  assert.deepEqual(merge.json["spec"], { parts: [{ name: "mast", size: 1 }], replicas: 1 });
  const strategic = await api.call("PATCH", `${BOATS}/a`, { spec: { parts: [{ name: "keel" }] } }, PATCH.strategic);
  assert.deepEqual((strategic.json["spec"] as { parts: { name: string }[] }).parts.map(({ name }) => name).toSorted(), ["keel", "mast"]);
  const applied = await api.call(
    "PATCH",
    `${BOATS}/a?fieldManager=me`,
    { apiVersion: "sea.example/v1", kind: "Boat", spec: { color: "blue" } },
    PATCH.apply,
  );
  assert.equal((applied.json["spec"] as { color: string }).color, "blue");
});

test("scale reads and writes the replica count alone", async () => {
  await using api = await startTestServer();
  await api.call("POST", BOATS, boat("a", { spec: { selector: { app: "sea" } } }));
  const scale = await api.call("GET", `${BOATS}/a/scale`);
  assert.equal(scale.json.kind, "Scale");
  assert.equal(scale.json.apiVersion, "autoscaling/v1");
  assert.deepEqual(scale.json["status"], { replicas: 0, selector: "app=sea" });
  const written = await api.call("PUT", `${BOATS}/a/scale`, { ...scale.json, spec: { replicas: 4 } });
  assert.deepEqual(written.json["spec"], { replicas: 4 });
  const patched = await api.call("PATCH", `${BOATS}/a/scale`, { spec: { replicas: 5 } }, PATCH.merge);
  assert.deepEqual(patched.json["spec"], { replicas: 5 });
  const { json } = await api.call("GET", `${BOATS}/a`);
  assert.equal((json["spec"] as { replicas: number }).replicas, 5);
  assert.equal(json.metadata.generation, 3);
  assert.equal((await api.call("PUT", `${BOATS}/a/scale`, { ...scale.json, spec: { replicas: 6 } })).status, 409);
});

test("a dry run answers as the real one would and stores nothing", async () => {
  await using api = await startTestServer();
  const created = await api.call("POST", `${BOATS}?dryRun=All`, boat("a"));
  assert.equal(created.status, 201);
  assert.equal(created.json.metadata.name, "a");
  assert.equal((await api.call("GET", `${BOATS}/a`)).status, 404);
  const { json } = await api.call("POST", BOATS, boat("a"));
  const updated = await api.call("PUT", `${BOATS}/a?dryRun=All`, { ...json, spec: { replicas: 7 } });
  assert.equal((updated.json["spec"] as { replicas: number }).replicas, 7);
  assert.equal((await api.call("DELETE", `${BOATS}/a?dryRun=All`)).status, 200);
  assert.deepEqual((await api.call("GET", `${BOATS}/a`)).json, json);
});

test("finalizers keep a deleted object until the last one is taken away", async () => {
  await using api = await startTestServer();
  await api.call("POST", BOATS, boat("a", {}, { finalizers: ["sea.example/crew", "sea.example/cargo"] }));
  const deleted = await api.call("DELETE", `${BOATS}/a`);
  assert.equal(deleted.json.metadata.deletionTimestamp, "2026-01-01T00:00:00Z");
  assert.equal(deleted.json.metadata.deletionGracePeriodSeconds, 0);
  assert.equal(deleted.json.metadata.generation, 2);
  assert.deepEqual(await refusal(api, "PATCH", `${BOATS}/a`, { metadata: { finalizers: ["sea.example/new"] } }, PATCH.merge), [
    422,
    "Invalid",
    'Boat.sea.example "a" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"sea.example/new"}',
  ]);
  const watch = api.watch(`${BOATS}?watch=1&resourceVersion=${deleted.json.metadata.resourceVersion}`);
  await api.call("PATCH", `${BOATS}/a`, { metadata: { finalizers: ["sea.example/cargo"] } }, PATCH.merge);
  assert.equal((await watch.next())?.type, "MODIFIED");
  const last = await api.call("PATCH", `${BOATS}/a`, { metadata: { finalizers: null } }, PATCH.merge);
  assert.equal(last.status, 200);
  assert.equal((await watch.next())?.type, "DELETED");
  assert.equal((await api.call("GET", `${BOATS}/a`)).status, 404);
  watch.close();
});

test("a grace period marks the object first; a second delete may only shorten it; zero removes it", async () => {
  const clock = createVirtualClock();
  await using api = await startTestServer({ clock });
  await api.call("POST", BOATS, boat("a", { spec: { color: "slow" } }));
  const first = await api.call("DELETE", `${BOATS}/a`);
  assert.equal(first.json.metadata.deletionTimestamp, "2026-01-01T00:00:30Z");
  assert.equal(first.json.metadata.deletionGracePeriodSeconds, 30);
  await api.call("DELETE", `${BOATS}/a?gracePeriodSeconds=60`);
  const shorter = await api.call("DELETE", `${BOATS}/a`, { kind: "DeleteOptions", apiVersion: "v1", gracePeriodSeconds: 5 });
  assert.equal(shorter.json.metadata.deletionTimestamp, "2026-01-01T00:00:05Z");
  const gone = await api.call("DELETE", `${BOATS}/a?gracePeriodSeconds=0`);
  assert.equal(gone.json.kind, "Status");
  assert.equal(gone.json["status"], "Success");
  assert.equal((await api.call("GET", `${BOATS}/a`)).status, 404);
});

test("propagation policies become the garbage collector's finalizers, preconditions are kept", async () => {
  await using api = await startTestServer();
  const { json } = await api.call("POST", BOATS, boat("a"));
  assert.deepEqual(await refusal(api, "DELETE", `${BOATS}/a`, { preconditions: { uid: "other" } }), [
    409,
    "Conflict",
    `Operation cannot be fulfilled on Boat.sea.example "a": the UID in the precondition (other) does not match the UID in record (${json.metadata.uid}). The object might have been deleted and then recreated`,
  ]);
  await api.call("POST", "/api/v1/ports", { metadata: { name: "hull" } });
  const foreground = await api.call("DELETE", "/api/v1/ports/hull?propagationPolicy=Foreground");
  assert.deepEqual(foreground.json.metadata.finalizers, ["foregroundDeletion"]);
  const orphan = await api.call("DELETE", "/api/v1/ports/hull", { propagationPolicy: "Orphan" });
  assert.deepEqual(orphan.json.metadata.finalizers, ["orphan"]);
});

test("deletecollection deletes what the selector selects", async () => {
  await using api = await startTestServer();
  for (const [name, app] of [
    ["a", "x"],
    ["b", "y"],
    ["c", "x"],
  ] as const) {
    await api.call("POST", BOATS, boat(name, {}, { labels: { app } }));
  }
  const { status } = await api.call("DELETE", `${BOATS}?labelSelector=app%3Dx`);
  assert.equal(status, 200);
  const { json } = await api.call("GET", BOATS);
  assert.deepEqual(
    (json["items"] as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name),
    ["b"],
  );
});

test("writers without a version do not lose one another's changes", async () => {
  await using api = await startTestServer();
  await api.call("POST", BOATS, boat("a"));
  const names = Array.from({ length: 5 }, (_, index) => `l${index}`);
  const answers = await Promise.all(
    names.map((name) => api.call("PATCH", `${BOATS}/a`, { metadata: { labels: { [name]: "1" } } }, PATCH.merge)),
  );
  assert.deepEqual(
    answers.map(({ status }) => status),
    names.map(() => 200),
  );
  const { json } = await api.call("GET", `${BOATS}/a`);
  assert.deepEqual(Object.keys(json.metadata.labels ?? {}).toSorted(), names);
});
