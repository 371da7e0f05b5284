// Bodies that are not what they should be: each is refused with a clear answer, in little time and memory, and the server goes on.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type BuiltinServer, startBuiltinServer } from "#harness/builtin-server.ts";
import { rawCall } from "./raw-request.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const JSON_TYPE = "application/json";
const YAML_TYPE = "application/yaml";
const PROTOBUF = "application/vnd.kubernetes.protobuf";

let server: BuiltinServer;
before(async () => {
  server = await startBuiltinServer();
});
after(() => server[Symbol.asyncDispose]());

const nested = (levels: number, open: string, close: string) =>
  `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"deep"},"data":${open.repeat(levels)}${close.repeat(levels)}}`;

/** Each alias stands for ten of the one before: a billion values, of a few hundred bytes. */
const bomb = Array.from({ length: 9 }, (_, level) => {
  const value = level === 0 ? '"lol"' : `*a${level - 1}`;
  return `a${level}: &a${level} [${Array.from({ length: 10 }, () => value).join(",")}]\n`;
}).join("");

const magic = Buffer.from("k8s\0", "latin1");

const refused: readonly (readonly [name: string, type: string, body: Uint8Array | string, status: number, message: RegExp])[] = [
  ["nothing", JSON_TYPE, "", 400, /unexpected end of JSON input/],
  ["half an object", JSON_TYPE, '{"kind":"ConfigMap"', 400, /unexpected end of JSON input/],
  ["what is no JSON", JSON_TYPE, "kind: ConfigMap", 400, /invalid character 'k' looking for beginning of value/],
  ["a zero byte", JSON_TYPE, '{"metadata":{"name":"a"}}\0', 400, /invalid character '\\x00' after top-level value/],
  ["a missing comma", JSON_TYPE, '{"a":1 "b":2}', 400, /invalid character '"' after object key:value pair/],
  ["a missing comma in a list", JSON_TYPE, '{"a":[1 2]}', 400, /invalid character '2' after array element/],
  ["a missing colon", JSON_TYPE, '{"a" 1}', 400, /invalid character '1' after object key/],
  ["a key without quotes", JSON_TYPE, "{a:1}", 400, /invalid character 'a' looking for beginning of object key string/],
  ["a comma too many", JSON_TYPE, '{"a":1,}', 400, /invalid character '}' looking for beginning of object key string/],
  ["a line break in a text", JSON_TYPE, '{"a":"\n"}', 400, /invalid character '\\n' in string literal/],
  ["a wrong escape", JSON_TYPE, '{"a":"\\x"}', 400, /invalid character 'x' in string escape code/],
  ["a list", JSON_TYPE, "[]", 400, /cannot unmarshal array/],
  ["a text", JSON_TYPE, '"ConfigMap"', 400, /cannot unmarshal string/],
  [
    "another kind",
    JSON_TYPE,
    '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}',
    400,
    /Pod in version "v1" cannot be handled as a ConfigMap/,
  ],
  ["another version", JSON_TYPE, '{"kind":"ConfigMap","apiVersion":"v9"}', 400, /\(v9\) does not match the expected API version \(v1\)/],
  [
    "a wrong type",
    JSON_TYPE,
    '{"metadata":{"name":"a"},"data":{"a":1}}',
    400,
    /cannot unmarshal number into Go struct field ConfigMap.data of type string/,
  ],
  ["100,000 nested lists", JSON_TYPE, nested(100_000, "[", "]"), 400, /exceeded max depth/],
  ["100,000 nested objects", JSON_TYPE, nested(100_000, '{"a":', "}").replace('"a":}', '"a":1}'), 400, /exceeded max depth/],
  ["bytes that are no UTF-8", JSON_TYPE, Buffer.from('{"metadata":{"name":"\xff\xfe"}}', "latin1"), 400, /UTF-8/],
  ["aliases that multiply", YAML_TYPE, bomb, 400, /excessive aliasing/],
  ["an alias inside itself", YAML_TYPE, "a: &a [*a]\n", 400, /yaml/],
  ["what is no YAML", YAML_TYPE, "a: b: c", 400, /error converting YAML to JSON: yaml: line 1: /],
  ["deep YAML", YAML_TYPE, "[".repeat(50_000), 400, /yaml/],
  ["no protobuf", PROTOBUF, "{}", 400, /does not appear to be a protobuf message, expected prefix \[107 56 115 0\]/],
  ["half an envelope", PROTOBUF, Buffer.concat([magic, Buffer.of(10, 200)]), 400, /not a valid protobuf message/],
  ["an envelope of nothing", PROTOBUF, magic, 400, /no kind "" is registered/],
  [
    "another encoding",
    "application/cbor",
    "x",
    415,
    /the body of the request was in an unknown format - accepted media types include: application\/json, application\/yaml, application\/vnd\.kubernetes\.protobuf/,
  ],
  ["an encoding that is none", "nonsense", "{}", 415, /unknown format/],
];

for (const [name, type, body, status, message] of refused) {
  test(`a body is refused: ${name}`, async () => {
    const start = performance.now();
    const answer = await rawCall(server, "POST", MAPS, { headers: { "content-type": type }, body });
    const text = JSON.parse(answer.bytes.toString());
    assert.deepEqual([answer.status, text.kind, text.status, text.code], [status, "Status", "Failure", status], text.message);
    assert.match(text.message, message);
    assert.ok(answer.bytes.length < 4096, "the answer does not repeat the body");
    assert.ok(performance.now() - start < 5000);
  });
}

test("random bytes in every encoding are refused, and the server goes on", async () => {
  let seed = 7;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const good = Buffer.from('{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"x"},"data":{"a":"b"}}');
  for (let run = 0; run < 600; run++) {
    const type = [JSON_TYPE, YAML_TYPE, PROTOBUF][run % 3] ?? JSON_TYPE;
    const noise = Buffer.from(Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256)));
    const body =
      type === PROTOBUF ? Buffer.concat([magic, noise]) : Buffer.concat([good.subarray(0, Math.floor(random() * good.length)), noise]);
    const { status } = await rawCall(server, "POST", `${MAPS}?dryRun=All`, { headers: { "content-type": type }, body });
    assert.ok(status < 500, `run ${run}: ${status} for ${body.toString("hex")}`);
  }
  assert.equal((await rawCall(server, "GET", MAPS)).status, 200);
});

test("an integer of 64 bits is kept exactly, one beyond is refused", async () => {
  const path = "/api/v1/namespaces/default/pods?dryRun=All";
  const pod = (seconds: string) =>
    `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"p"},"spec":{"activeDeadlineSeconds":${seconds},"containers":[{"name":"c","image":"i"}]}}`;
  // Upstream bounds this field to 32 bits: what it says of the value shows that it was read exactly.
  const tooMuch = await rawCall(server, "POST", path, { body: pod("9007199254740993") });
  assert.equal(tooMuch.status, 422);
  assert.match(tooMuch.bytes.toString(), /Invalid value: 9007199254740993: must be between 1 and 2147483647/);
  const beyond = await rawCall(server, "POST", path, { body: pod("92233720368547758080") });
  assert.equal(beyond.status, 400);
  assert.match(
    beyond.bytes.toString(),
    /cannot unmarshal number 92233720368547760000 into Go struct field PodSpec.spec.activeDeadlineSeconds of type int64/,
  );
});

test("an integer of 64 bits survives creation, updates and all encodings", async () => {
  const path = "/apis/apps/v1/namespaces/default/controllerrevisions";
  const body =
    '{"kind":"ControllerRevision","apiVersion":"apps/v1","metadata":{"name":"r"},"revision":9007199254740993,"data":{"n":9223372036854775807}}';
  const exact = (bytes: Buffer, encoding: string) => {
    assert.match(bytes.toString("latin1"), /9223372036854775807/, encoding);
    if (encoding !== PROTOBUF) assert.match(bytes.toString(), /revision"?: ?9007199254740993/, encoding);
  };
  const created = await rawCall(server, "POST", path, { body });
  assert.equal(created.status, 201, created.bytes.toString());
  exact(created.bytes, "created");
  const labelled = { ...JSON.parse(created.bytes.toString()), metadata: { name: "r", labels: { a: "b" } } };
  for (const encoding of [JSON_TYPE, YAML_TYPE, PROTOBUF]) {
    const got = await rawCall(server, "GET", `${path}/r`, { headers: { accept: encoding } });
    exact(got.bytes, encoding);
    const put = await rawCall(server, "PUT", `${path}/r`, { headers: { "content-type": encoding, accept: JSON_TYPE }, body: got.bytes });
    assert.equal(put.status, 200, put.bytes.toString());
    exact(put.bytes, `${encoding} updated`);
  }
  const patch = JSON.stringify({ metadata: { labels: labelled.metadata.labels } });
  const patched = await rawCall(server, "PATCH", `${path}/r`, { headers: { "content-type": "application/merge-patch+json" }, body: patch });
  assert.equal(patched.status, 200, patched.bytes.toString());
  exact(patched.bytes, "patched");
});

test("quantities are exact", async () => {
  const body = (amount: string) =>
    `{"kind":"Pod","apiVersion":"v1","metadata":{"name":"q"},"spec":{"containers":[{"name":"c","image":"i","resources":{"requests":{"memory":${amount}}}}]}}`;
  for (const [given, kept] of [
    ["9007199254740993", "9007199254740993"],
    ['"9007199254740993"', "9007199254740993"],
    ['"1.5Gi"', "1536Mi"],
  ] as const) {
    const answer = await rawCall(server, "POST", "/api/v1/namespaces/default/pods?dryRun=All", { body: body(given) });
    assert.equal(JSON.parse(answer.bytes.toString()).spec.containers[0].resources.requests.memory, kept, answer.bytes.toString());
  }
});
