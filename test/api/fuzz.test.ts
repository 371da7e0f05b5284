// A minute of requests nobody should send, over TLS, against a whole cluster: every one gets a clear answer, and the server goes on.
// FUZZ_SEED repeats a run, FUZZ_SECONDS sets how long it takes.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type IncomingHttpHeaders } from "node:http2";
import { connect as connectTls } from "node:tls";
import { gunzipSync } from "node:zlib";
import { test } from "node:test";
import { type Logger, silentLogger } from "#lib/log.ts";
import { builtinKinds } from "#kinds/builtin-kinds.ts";
import { startCluster } from "#main/cluster.ts";
import { createDice, type FuzzRequest, fuzzRequest } from "./fuzz-input.ts";

const SECONDS = Number(process.env["FUZZ_SECONDS"] ?? 60);
const SEED = Number(process.env["FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
/** What a single request may take, on a machine that does much else. */
const PATIENCE_MS = 15_000;
const MAX_GROWTH_BYTES = 600 * 1024 * 1024;
const CONCURRENCY = 16;

void test(`fuzz of the HTTP surface (FUZZ_SEED=${SEED})`, { timeout: SECONDS * 1000 + 60_000 }, async () => {
  const dice = createDice(SEED);
  const ended: unknown[] = [];
  const log: Logger = {
    ...silentLogger,
    debug: (message, fields) => void (message === "a connection was ended" && ended.push(fields?.["error"])),
    with: () => log,
  };
  await using cluster = await startCluster({ runtime: "simulated", log });
  const { ca, cert, key } = cluster.kubeconfigEntry;
  const address = { host: "127.0.0.1", port: cluster.port, ca, cert, key };
  const open = () => connect(cluster.url, { ca, cert, key, maxSessionMemory: 1000 }).on("error", () => {});
  let session = open();
  const kinds = builtinKinds();

  const send = async ({
    method,
    path,
    headers,
    body,
  }: FuzzRequest): Promise<{ status: number; headers: IncomingHttpHeaders; bytes: Buffer }> => {
    if (session.closed || session.destroyed) session = open();
    const mine = session;
    const stream = mine.request({ ":method": method, ":path": path, ...headers }, { endStream: body === undefined });
    let trouble = "";
    stream.on("error", (error) => (trouble = String(error))); // a refusal may come before the whole body was taken
    stream.setTimeout(PATIENCE_MS, () => stream.destroy(new Error("no answer in time")));
    if (body) stream.end(body);
    const closed = new Promise<[IncomingHttpHeaders]>((resolve) => stream.once("close", () => resolve([{}])));
    const [answer] = (await Promise.race([once(stream, "response"), closed]).catch(() => [{}])) as [IncomingHttpHeaders];
    const chunks: Buffer[] = [];
    if (!stream.destroyed) for await (const chunk of stream) chunks.push(chunk as Buffer);
    const sent = Buffer.concat(chunks);
    // A connection that the client's side gave up took its requests along; one that the server ended is told of at the end.
    if (!answer[":status"] && mine.closed) return { status: LOST, headers: answer, bytes: sent };
    if (!answer[":status"]) return { status: 0, headers: answer, bytes: Buffer.from(`${trouble} (code ${stream.rstCode})`) };
    return {
      status: Number(answer[":status"] ?? 0),
      headers: answer,
      bytes: answer["content-encoding"] === "gzip" ? gunzipSync(sent) : sent,
    };
  };
  const json = { "content-type": "application/json" };
  const kept = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "kept" }, data: { a: "b" } };
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "harbour" } };
  await send({ method: "POST", path: "/api/v1/namespaces", headers: json, body: Buffer.from(JSON.stringify(namespace)) });
  const sent = await send({
    method: "POST",
    path: "/api/v1/namespaces/harbour/configmaps",
    headers: json,
    body: Buffer.from(JSON.stringify(kept)),
  });
  assert.equal(sent.status, 201);

  const answers = new Map<number, number>();
  const faults: string[] = [];
  const memoryBefore = process.memoryUsage.rss();
  const until = Date.now() + SECONDS * 1000;
  const worker = async (): Promise<void> => {
    while (Date.now() < until) {
      const request = fuzzRequest(kinds, dice);
      if (aimsAtKept(request)) continue;
      const { status, headers, bytes } = await send(request);
      answers.set(status, (answers.get(status) ?? 0) + 1);
      const wrong = faultOf(request, status, headers, bytes);
      if (wrong !== undefined && faults.length < 10) faults.push(wrong);
    }
  };
  const garbage = async (): Promise<void> => {
    while (Date.now() < until) {
      const socket = connectTls({ ...address, ALPNProtocols: ["http/1.1"] });
      socket.on("error", () => {});
      socket.setTimeout(200, () => socket.destroy());
      socket.write(dice.pick(GARBAGE));
      socket.resume();
      await new Promise((resolve) => socket.once("close", resolve));
    }
  };
  await Promise.all([...Array.from({ length: CONCURRENCY }, worker), garbage()]);
  assert.deepEqual(faults, []);
  assert.deepEqual(ended.map(String), [], "the server ended no connection");
  assert.ok((answers.get(LOST) ?? 0) < 100, "connections last");
  const grown = process.memoryUsage.rss() - memoryBefore;
  assert.ok(grown < MAX_GROWTH_BYTES, `memory grew by ${Math.round(grown / 1e6)} MB`);

  const after = await send({ method: "GET", path: "/api/v1/namespaces/harbour/configmaps/kept", headers: {}, body: undefined });
  assert.deepEqual(JSON.parse(after.bytes.toString()), JSON.parse(sent.bytes.toString()));
  assert.equal((await send({ method: "GET", path: "/readyz", headers: {}, body: undefined })).bytes.toString(), "ok");
  const total = [...answers.values()].reduce((sum, count) => sum + count, 0);
  console.log(
    `# ${total} requests, by status: ${[...answers]
      .toSorted(([a], [b]) => a - b)
      .map(([status, count]) => `${status}: ${count}`)
      .join(", ")}`,
  );
  assert.ok(
    (answers.get(201) ?? 0) > 0 && (answers.get(200) ?? 0) > 0 && (answers.get(422) ?? 0) > 0,
    "the requests reach what they are meant to reach",
  );
  session.destroy();
});

/** What is allowed and would spoil the run: deleting all namespaces, the kept object among them, or the addresses of Services. */
function aimsAtKept({ method, path }: FuzzRequest): boolean {
  return method === "DELETE" && /^\/+api\/+v1\/+namespaces\/*(\?|$)|\/servicecidrs\b/.test(path);
}

const GARBAGE: readonly string[] = [
  "GET / HTTP/1.1\r\n\r\n",
  "\0\0\0\0",
  "GET /api HTTP/9.9\r\nhost: x\r\n\r\n",
  `GET /${"x".repeat(100_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
  `GET /api HTTP/1.1\r\n${"a: b\r\n".repeat(5000)}\r\n`,
  "POST /api/v1/namespaces HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999\r\ncontent-type: application/json\r\n\r\n{",
  "POST /api/v1/namespaces HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  "POST /api/v1/namespaces HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
  "GET /api/v1/pods?watch=1 HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

/**
 * Upstream answers some faults of the client's with 500, no reason and a clear text, which clients match on: a merge key that is missing in a patch, a
 * Binding without a target. What the server did not foresee has this reason.
 */
const UNFORESEEN = "InternalError";
const LOST = -1;

/** What is wrong with an answer, if anything. */
function faultOf(request: FuzzRequest, status: number, headers: IncomingHttpHeaders, bytes: Buffer): string | undefined {
  const { method, path, headers: sent, body } = request;
  const fault = (what: string) =>
    `${method} ${path} ${JSON.stringify(sent)} ${body?.subarray(0, 800).toString() ?? ""}\n  ${what}: ${status} ${bytes.subarray(0, 800).toString()}`;
  // 504 is what a version of the future gets, and a timeout of a second.
  if (status === LOST) return undefined;
  const isForeseen = status === 504 || (status === 500 && !bytes.includes(UNFORESEEN));
  if (status < 200 || (status >= 500 && !isForeseen)) return fault("is no clear answer");
  if (status < 400 || !headers["content-type"]?.startsWith("application/json")) return undefined;
  const answer = JSON.parse(bytes.toString()) as { kind?: string; code?: number; status?: string; message?: string; reason?: string };
  const clear = answer.kind === "Status" && answer.code === status && answer.status === "Failure" && answer.message;
  return clear ? undefined : fault("is no Status");
}
