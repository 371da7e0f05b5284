// What is accepted and what is answered in which encoding, as typed Go clients, controllers' metadata informers, kubectl and browsers ask.

import assert from "node:assert/strict";
import { gunzipSync } from "node:zlib";
import { test } from "node:test";
import { startBuiltinServer } from "#harness/builtin-server.ts";
import { builtinStructure } from "#kinds/structure.ts";
import { createMessageDecoder } from "#meta/codec/protobuf/decode.ts";
import { createMessageEncoder } from "#meta/codec/protobuf/encode.ts";
import { readEnvelope, readWatchFrames, writeEnvelope } from "#meta/codec/protobuf/envelope.ts";
import { rawCall, rawWatch } from "./raw-request.ts";

const PROTOBUF = "application/vnd.kubernetes.protobuf";
const types = builtinStructure();
const META = "io.k8s.apimachinery.pkg.apis.meta.v1";
const encode = createMessageEncoder();
const decode = createMessageDecoder();

const CORE = "io.k8s.api.core.v1";

function toProtobuf(apiVersion: string, kind: string, value: object, definition = `${CORE}.${kind}`): Uint8Array {
  return writeEnvelope({ apiVersion, kind, raw: encode(value, types.schema(definition)) });
}

type Decoded = Record<string, unknown> & { metadata: Record<string, unknown>; items: Decoded[]; data: Record<string, string> };

function fromProtobuf(bytes: Uint8Array, definition: string): Decoded {
  const { kind, apiVersion, raw } = readEnvelope(bytes);
  const object: Record<string, unknown> = { kind, apiVersion, ...decode(raw, types.schema(definition)) };
  return object as Decoded; // what the tests read of it
}

const MAPS = "/api/v1/namespaces/default/configmaps";

test("objects go in and out as protobuf", async () => {
  await using server = await startBuiltinServer();
  const headers = { "content-type": PROTOBUF, accept: PROTOBUF };
  const body = toProtobuf("v1", "ConfigMap", { metadata: { name: "a", labels: { x: "y" } }, data: { k: "ü" }, binaryData: { b: "AAH/" } });
  const created = await rawCall(server, "POST", MAPS, { headers, body });
  assert.deepEqual([created.status, created.headers["content-type"]], [201, PROTOBUF]);
  const object = fromProtobuf(created.bytes, `${CORE}.ConfigMap`);
  assert.deepEqual([object.kind, object.apiVersion, object.data, object["binaryData"]], ["ConfigMap", "v1", { k: "ü" }, { b: "AAH/" }]);

  const got = await rawCall(server, "GET", `${MAPS}/a`, { headers: { accept: PROTOBUF } });
  assert.deepEqual(got.bytes, created.bytes);
  const json = await rawCall(server, "GET", `${MAPS}/a`);
  assert.deepEqual(JSON.parse(json.bytes.toString()), object);

  const same = await rawCall(server, "PUT", `${MAPS}/a`, { headers, body: got.bytes });
  assert.equal(fromProtobuf(same.bytes, `${CORE}.ConfigMap`).metadata["resourceVersion"], object.metadata["resourceVersion"]);

  const options = toProtobuf("v1", "DeleteOptions", { gracePeriodSeconds: 0, dryRun: ["All"] }, `${META}.DeleteOptions`);
  const deleted = await rawCall(server, "DELETE", `${MAPS}/a`, { headers, body: options });
  const status = fromProtobuf(deleted.bytes, `${META}.Status`);
  assert.deepEqual([status.kind, status["status"]], ["Status", "Success"]);
  assert.equal((await rawCall(server, "GET", `${MAPS}/a`)).status, 200, "a dry run deletes nothing");
});

test("lists are served as protobuf, whole and with nothing but metadata", async () => {
  await using server = await startBuiltinServer();
  for (const name of ["a", "b"]) await server.call("POST", MAPS, { metadata: { name }, data: { k: name } });
  const whole = await rawCall(server, "GET", MAPS, { headers: { accept: PROTOBUF } });
  const list = fromProtobuf(whole.bytes, `${CORE}.ConfigMapList`);
  assert.equal(list.kind, "ConfigMapList");
  assert.deepEqual(
    list.items.map(({ data }) => data),
    [{ k: "a" }, { k: "b" }],
  );
  // The very bytes that one message of the whole list has.
  const again = toProtobuf("v1", "ConfigMapList", list);
  assert.deepEqual(whole.bytes, Buffer.from(again));

  const accept = `${PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1`;
  const partial = await rawCall(server, "GET", `${MAPS}?limit=1`, { headers: { accept } });
  const metadata = fromProtobuf(partial.bytes, `${META}.PartialObjectMetadataList`);
  assert.deepEqual([metadata.kind, metadata.apiVersion], ["PartialObjectMetadataList", "meta.k8s.io/v1"]);
  assert.deepEqual(
    metadata.items.map((item) => [item.metadata["name"], item.data]),
    [["a", undefined]],
  );
  assert.equal(metadata.metadata["remainingItemCount"], 1);
});

test("the beta of the list of metadata has its own numbers", async () => {
  await using server = await startBuiltinServer();
  await server.call("POST", MAPS, { metadata: { name: "a" }, data: { k: "v" } });
  const get = async (version: string) => {
    const accept = `${PROTOBUF};as=PartialObjectMetadataList;g=meta.k8s.io;v=${version}`;
    return readEnvelope((await rawCall(server, "GET", MAPS, { headers: { accept } })).bytes);
  };
  const [old, current] = [await get("v1beta1"), await get("v1")];
  assert.deepEqual([old.apiVersion, old.kind], ["meta.k8s.io/v1beta1", "PartialObjectMetadataList"]);
  const numbers = (raw: Uint8Array) => ({ first: (raw[0] ?? 0) >> 3, second: (raw[2 + (raw[1] ?? 0)] ?? 0) >> 3 });
  assert.deepEqual(
    [numbers(current.raw), numbers(old.raw)],
    [
      { first: 1, second: 2 },
      { first: 2, second: 1 },
    ],
  );
});

test("failures are a Status in protobuf", async () => {
  await using server = await startBuiltinServer();
  const { status, bytes, headers } = await rawCall(server, "GET", `${MAPS}/none`, { headers: { accept: PROTOBUF } });
  assert.deepEqual([status, headers["content-type"]], [404, PROTOBUF]);
  const { kind, apiVersion, reason, message, code } = fromProtobuf(bytes, `${META}.Status`);
  assert.deepEqual(
    { kind, apiVersion, reason, message, code },
    { kind: "Status", apiVersion: "v1", reason: "NotFound", message: 'configmaps "none" not found', code: 404 },
  );
});

test("a watch is served in frames of protobuf", async () => {
  await using server = await startBuiltinServer();
  await server.call("POST", MAPS, { metadata: { name: "a" }, data: { k: "1" } });
  const accept = `${PROTOBUF};stream=watch`;
  const target = `${MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`;
  using watch = await rawWatch(server, target, { headers: { accept } });
  const partialAccept = `${PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`;
  using partial = await rawWatch(server, target, { headers: { accept: partialAccept } });
  assert.equal(watch.headers["content-type"], accept);
  await server.call("PUT", `${MAPS}/a`, { metadata: { name: "a" }, data: { k: "2" } });
  await server.call("DELETE", `${MAPS}/a`);
  const seen = (bytes: Uint8Array, definition: string) =>
    readWatchFrames(bytes).events.map(({ type, object }) => [type, fromProtobuf(object, definition)] as const);
  const events = seen(watch.bytes(), `${CORE}.ConfigMap`);
  assert.deepEqual(
    events.map(([type, { kind, data }]) => [type, kind, data]),
    [
      ["ADDED", "ConfigMap", { k: "1" }],
      ["BOOKMARK", "ConfigMap", undefined],
      ["MODIFIED", "ConfigMap", { k: "2" }],
      ["DELETED", "ConfigMap", { k: "2" }],
    ],
  );
  assert.deepEqual(events[1]?.[1].metadata["annotations"], { "k8s.io/initial-events-end": "true" });
  const versions = events.slice(1).map(([, { metadata }]) => Number(metadata["resourceVersion"]));
  assert.deepEqual(
    versions,
    versions.toSorted((a, b) => a - b),
  );
  const metadataEvents = seen(partial.bytes(), `${META}.PartialObjectMetadata`);
  assert.deepEqual(
    metadataEvents.map(([type, { kind, metadata }]) => [type, kind, metadata["name"]]),
    [
      ["ADDED", "PartialObjectMetadata", "a"],
      ["BOOKMARK", "PartialObjectMetadata", undefined],
      ["MODIFIED", "PartialObjectMetadata", "a"],
      ["DELETED", "PartialObjectMetadata", "a"],
    ],
  );
});

const TABLE = "as=Table;v=v1;g=meta.k8s.io";
const ALL = "application/json, application/yaml, application/vnd.kubernetes.protobuf";

/** The header, and the answer's type and kind; a number is a refusal. */
const accepts: readonly (readonly [accept: string, type: string | number, kind: string])[] = [
  ["", "application/json", "ConfigMap"],
  ["*/*", "application/json", "ConfigMap"],
  ["application/*", "application/json", "ConfigMap"],
  ["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json", "ConfigMap"],
  ["application/json;q=0.5, application/yaml", "application/yaml", "ConfigMap"],
  ["application/json;q=0.5,application/vnd.kubernetes.protobuf;q=0.9", PROTOBUF, "ConfigMap"],
  ["*/*, application/vnd.kubernetes.protobuf", PROTOBUF, "ConfigMap"],
  [`application/json;${TABLE}`, "application/json", "Table"],
  [`application/json;as=Table;v=v1beta1;g=meta.k8s.io`, "application/json", "Table"],
  [`application/vnd.kubernetes.protobuf;${TABLE},application/json;${TABLE}`, "application/json", "Table"],
  [`application/vnd.kubernetes.protobuf;${TABLE}`, 406, ALL],
  [`application/json;as=Chart;v=v1;g=meta.k8s.io,application/json`, "application/json", "ConfigMap"],
  ["application/json;as=Table;v=v2;g=meta.k8s.io", 406, ALL],
  ["application/json;g=meta.k8s.io;v=v1", 406, ALL],
  ["application/json;stream=watch", "application/json", "ConfigMap"],
  ["application/json;stream=other", 406, ALL],
  ["application/cbor", 406, ALL],
  ["application/cbor, application/json;q=0.1", "application/json", "ConfigMap"],
  ["text/plain", 406, ALL],
  ["nonsense", 406, ALL],
];

test("what the Accept header says decides", async (t) => {
  await using server = await startBuiltinServer();
  await server.call("POST", MAPS, { metadata: { name: "a" } });
  for (const [accept, type, kind] of accepts) {
    await t.test(accept, async () => {
      const { status, headers, bytes } = await rawCall(server, "GET", `${MAPS}/a`, { headers: { accept } });
      if (typeof type === "number") {
        const refused = JSON.parse(bytes.toString());
        assert.deepEqual(
          [status, refused.reason, refused.message],
          [406, "NotAcceptable", `only the following media types are accepted: ${kind}`],
        );
        return;
      }
      assert.deepEqual([status, headers["content-type"]], [200, type]);
      if (type === PROTOBUF) assert.equal(readEnvelope(bytes).kind, kind);
      else assert.match(bytes.toString(), new RegExp(`^(\\{"kind":|.*\\nkind: |\\{\\n  "kind": |kind: )"?${kind}`, "s"));
    });
  }
});

test("forms of a list and of an object are not mixed up", async () => {
  await using server = await startBuiltinServer();
  await server.call("POST", MAPS, { metadata: { name: "a" } });
  const message = async (target: string, as: string) => {
    const accept = `application/json;as=${as};g=meta.k8s.io;v=v1`;
    const { status, bytes } = await rawCall(server, "GET", target, { headers: { accept } });
    return [status, JSON.parse(bytes.toString()).message];
  };
  assert.deepEqual(await message(`${MAPS}/a`, "PartialObjectMetadataList"), [
    406,
    "you requested PartialObjectMetadataList, but the requested object is not a list (*core.ConfigMap)",
  ]);
  assert.deepEqual(await message(MAPS, "PartialObjectMetadata"), [
    406,
    "you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)",
  ]);
});

test("a watch cannot be YAML", async () => {
  await using server = await startBuiltinServer();
  const { status, bytes } = await rawCall(server, "GET", `${MAPS}?watch=1`, { headers: { accept: "application/yaml" } });
  assert.equal(status, 406);
  assert.match(bytes.toString(), /accepted: application\/json;stream=watch, application\/vnd\.kubernetes\.protobuf;stream=watch/);
});

test("rows of a table carry what includeObject says", async () => {
  await using server = await startBuiltinServer();
  await server.call("POST", MAPS, { metadata: { name: "a" }, data: { k: "v" } });
  const rows = async (query: string) => {
    const { bytes } = await rawCall(server, "GET", `${MAPS}${query}`, { headers: { accept: `application/json;${TABLE}` } });
    return JSON.parse(bytes.toString());
  };
  assert.equal((await rows("")).rows[0].object.kind, "PartialObjectMetadata");
  assert.equal((await rows("?includeObject=Metadata")).rows[0].object.data, undefined);
  assert.deepEqual((await rows("?includeObject=Object")).rows[0].object.data, { k: "v" });
  assert.equal((await rows("?includeObject=None")).rows[0].object, null);
  const refused = await rows("?includeObject=All");
  assert.deepEqual(
    [refused.code, refused.message],
    [400, `Unable to convert to Table as requested: includeObject: Invalid value: "All": must be 'Metadata', 'Object', 'None', or empty`],
  );
});

test("people get indented JSON, programs do not", async () => {
  await using server = await startBuiltinServer();
  const indented = async (target: string, headers: Readonly<Record<string, string>>) =>
    (await rawCall(server, "GET", target, { headers })).bytes.toString().startsWith('{\n  "kind": ');
  const target = `${MAPS}/none`;
  assert.equal(await indented(target, {}), false);
  assert.equal(await indented(target, { "user-agent": "curl/8" }), true);
  assert.equal(await indented(target, { "user-agent": "Mozilla/5.0 (X11)" }), true);
  assert.equal(await indented(`${target}?pretty=true`, {}), true);
  assert.equal(await indented(`${target}?pretty=0`, { "user-agent": "Wget/1" }), false);
  assert.equal(await indented(MAPS, { accept: "application/json;pretty=1" }), true);
});

test("large answers are packed for those who take that, small ones and watches are not", async () => {
  await using server = await startBuiltinServer();
  const fill = "x".repeat(100_000);
  for (const name of ["a", "b"]) await server.call("POST", MAPS, { metadata: { name }, data: { fill } });
  for (const accept of ["application/json", PROTOBUF, "application/yaml", `application/json;${TABLE}`]) {
    const target = `${MAPS}?includeObject=Object`;
    const plain = await rawCall(server, "GET", target, { headers: { accept } });
    const packed = await rawCall(server, "GET", target, { headers: { accept, "accept-encoding": "deflate, gzip" } });
    assert.equal(plain.headers["content-encoding"], undefined);
    assert.deepEqual([packed.headers["content-encoding"], packed.headers["vary"]], ["gzip", "Accept-Encoding"]);
    assert.ok(packed.bytes.length < plain.bytes.length / 10);
    assert.deepEqual(gunzipSync(packed.bytes), plain.bytes);
  }
  const small = await rawCall(server, "GET", `${MAPS}/a`, { headers: { "accept-encoding": "gzip" } });
  assert.equal(small.headers["content-encoding"], undefined);
  using watch = await rawWatch(server, `${MAPS}?watch=1`, { headers: { "accept-encoding": "gzip" } });
  assert.equal(watch.headers["content-encoding"], undefined);
});

test("large lists that are sent in pieces are packed too", async () => {
  await using server = await startBuiltinServer();
  const fill = "y".repeat(200_000);
  for (const name of ["a", "b", "c", "d"]) await server.call("POST", MAPS, { metadata: { name }, data: { fill } });
  const plain = await rawCall(server, "GET", MAPS);
  assert.equal(Number(plain.headers["content-length"]), plain.bytes.length);
  const packed = await rawCall(server, "GET", MAPS, { headers: { "accept-encoding": "gzip" } });
  assert.equal(packed.headers["content-length"], undefined);
  assert.deepEqual(gunzipSync(packed.bytes), plain.bytes);
});
