import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from "node:http2";
import { request as httpsRequest, Agent } from "node:https";
import { connect as connectTls } from "node:tls";
import { test } from "node:test";
import { realClock } from "#lib/clock.ts";
import { ensureCertificates } from "./auth/certificates.ts";
import type { UserInfo } from "./http.ts";
import { listen } from "./listen.ts";
import { startTestServer } from "./test-server.ts";

const BOATS = "/apis/sea.example/v1/namespaces/bay/boats";

const certificates = await ensureCertificates(undefined, { clock: realClock });

/** A server on a free port that knows users by their client certificates, and records who asked. */
async function startListening() {
  const users: UserInfo[] = [];
  const api = await startTestServer({
    clock: realClock,
    authenticators: () => [
      {
        authenticate: ({ peerCertificate }) =>
          peerCertificate && { name: peerCertificate.commonName, groups: peerCertificate.organizations },
      },
    ],
    authorizers: () => [
      {
        authorize({ user }) {
          users.push(user);
          return { allowed: user.name !== "system:anonymous", reason: "" };
        },
      },
    ],
  });
  const tls = { key: certificates.serving.key, cert: certificates.serving.certificate, clientCa: certificates.caCertificate };
  const listener = await listen(api.server, { host: "127.0.0.1", port: 0, tls });
  return {
    ...api,
    users,
    port: listener.port,
    listener,
    async [Symbol.asyncDispose]() {
      await listener.close();
      await api[Symbol.asyncDispose]();
    },
  };
}

const admin = { ca: certificates.caCertificate, cert: certificates.admin.certificate, key: certificates.admin.key };

async function call2(session: ClientHttp2Session, method: string, path: string, body?: unknown) {
  const stream = session.request({ ":method": method, ":path": path });
  stream.end(body === undefined ? undefined : JSON.stringify(body));
  const [headers] = (await once(stream, "response")) as [IncomingHttpHeaders & { ":status": number }];
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return { status: headers[":status"], headers, text: Buffer.concat(chunks).toString() };
}

function call1(port: number, method: string, path: string, options: object, body?: unknown): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest({ host: "127.0.0.1", port, method, path, ...options }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    request.on("error", reject);
    request.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

test("HTTP/2 creates, reads and watches on one connection, as the certificate's user", async () => {
  await using api = await startListening();
  const session = connect(`https://127.0.0.1:${api.port}`, admin);
  const created = await call2(session, "POST", BOATS, { metadata: { name: "a" } });
  assert.equal(created.status, 201);
  assert.equal(created.headers["content-type"], "application/json");
  const read = await call2(session, "GET", `${BOATS}/a`);
  assert.equal(read.text, created.text);
  assert.equal(Number(read.headers["content-length"]), read.text.length);
  const watch = session.request({ ":path": `${BOATS}?watch=1&resourceVersion=${JSON.parse(read.text).metadata.resourceVersion}` });
  await once(watch, "response");
  await call2(session, "DELETE", `${BOATS}/a`);
  const [chunk] = (await once(watch, "data")) as [Buffer];
  assert.equal(JSON.parse(chunk.toString()).type, "DELETED");
  assert.deepEqual(
    api.users.map((user) => [user.name, user.groups]),
    Array.from({ length: 4 }, () => ["kubernetes-admin", ["system:masters", "system:authenticated"]]),
  );
  session.destroy();
});

test("HTTP/1.1 serves kept-alive connections, and refuses those without a certificate as anonymous", async () => {
  await using api = await startListening();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const created = await call1(api.port, "POST", BOATS, { ...admin, agent }, { metadata: { name: "a" } });
  assert.equal(created.status, 201);
  const read = await call1(api.port, "GET", `${BOATS}/a`, { ...admin, agent });
  assert.equal(read.text, created.text);
  agent.destroy();
  const refused = await call1(api.port, "GET", `${BOATS}/a`, { ca: admin.ca, agent: false });
  assert.equal(refused.status, 403);
  assert.equal(
    JSON.parse(refused.text).message,
    'boats.sea.example "a" is forbidden: User "system:anonymous" cannot get resource "boats" in API group "sea.example" in the namespace "bay"',
  );
});

test("a body larger than 3 MiB is refused on both protocols", async () => {
  await using api = await startListening();
  const body = { metadata: { name: "a" }, spec: { color: "x".repeat(3 * 1024 * 1024) } };
  const session = connect(`https://127.0.0.1:${api.port}`, admin);
  const second = await call2(session, "POST", BOATS, body);
  assert.equal(second.status, 413);
  assert.equal(JSON.parse(second.text).message, "Request entity too large: limit is 3145728");
  session.destroy();
});

test("a list of several megabytes arrives whole", async () => {
  await using api = await startListening();
  for (let index = 0; index < 60; index++) {
    await api.call("POST", BOATS, { metadata: { name: `b${index}` }, spec: { color: "x".repeat(100_000) } });
  }
  const session = connect(`https://127.0.0.1:${api.port}`, admin);
  const { text, headers } = await call2(session, "GET", BOATS);
  assert.equal(Number(headers["content-length"]), text.length);
  assert.equal(JSON.parse(text).items.length, 60);
  session.destroy();
});

test("an upgrade that no handler takes is answered on the socket", async () => {
  await using api = await startListening();
  const socket = connectTls({ host: "127.0.0.1", port: api.port, ...admin, ALPNProtocols: ["http/1.1"] });
  socket.write(`GET ${BOATS}/a HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n`);
  let text = "";
  for await (const chunk of socket) text += chunk;
  assert.match(text, /^HTTP\/1\.1 404 Not Found\r\n/);
  assert.match(text, /boats\.sea\.example \\"a\\" not found/);
});

test("a certificate of a foreign authority is refused, credentials of an unknown sort are none", async () => {
  await using api = await startListening();
  const foreign = await ensureCertificates(undefined, { clock: realClock });
  const { certificate: cert, key } = foreign.admin;
  const stranger = await call1(api.port, "GET", `${BOATS}/a`, { ca: admin.ca, cert, key, agent: false });
  assert.equal(stranger.status, 401);
  assert.deepEqual(JSON.parse(stranger.text), {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: "Unauthorized",
    reason: "Unauthorized",
    code: 401,
  });
  const basic = await call1(api.port, "GET", `${BOATS}/a`, { ca: admin.ca, agent: false, headers: { authorization: "Basic YTpi" } });
  assert.equal(basic.status, 403);
  assert.match(basic.text, /system:anonymous/);
});

test("a server that stops ends watches, answers what is under way and closes idle connections", async () => {
  await using api = await startListening();
  const session = connect(`https://127.0.0.1:${api.port}`, admin);
  const watch = session.request({ ":method": "GET", ":path": `${BOATS}?watch=1` });
  const [headers] = (await once(watch, "response")) as [IncomingHttpHeaders & { ":status": number }];
  assert.equal(headers[":status"], 200);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  assert.equal((await call1(api.port, "GET", BOATS, { ...admin, agent })).status, 200);
  // Its body has not come when the server begins to stop.
  const slow = session.request({ ":method": "POST", ":path": BOATS });
  slow.write('{"metadata":');
  await new Promise((resolve) => session.ping(resolve));
  const closed = Promise.all([api.server.stop(10_000), api.listener.close(10_000)]);
  slow.end('{"name":"late"}}');
  const [answer] = (await once(slow, "response")) as [IncomingHttpHeaders & { ":status": number }];
  assert.equal(answer[":status"], 201);
  for await (const chunk of watch) void chunk; // ends, without an error
  slow.resume();
  await closed;
  agent.destroy();
});

test("a body that nobody reads does not hold back the answer", async () => {
  await using api = await startListening();
  const session = connect(`https://127.0.0.1:${api.port}`, admin);
  for (const body of ["{}", "x".repeat(5_000_000)]) {
    const stream = session.request({ ":method": "POST", ":path": "/nowhere" });
    stream.end(body);
    const [headers] = (await once(stream, "response")) as [IncomingHttpHeaders & { ":status": number }];
    assert.equal(headers[":status"], 404);
    let text = "";
    for await (const chunk of stream) text += chunk;
    assert.equal(JSON.parse(text).code, 404);
  }
  session.destroy();
});
