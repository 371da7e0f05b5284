import assert from "node:assert/strict";
import {
  createSecureServer,
  type Http2SecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type IncomingHttpHeaders,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { ensureCertificates } from "#apiserver/auth/certificates.ts";
import { createClient } from "#client/create-client.ts";
import { httpsTransport } from "#client/node/https-transport.ts";
import { realClock } from "#lib/clock.ts";
import type { KubeObject } from "#meta/object.ts";
import type { Resource } from "#meta/resource.ts";

const Boat: Resource = { group: "sea.test", version: "v1", kind: "Boat", plural: "boats", namespaced: true };

type OnStream = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, body: string) => void;

async function start(onStream: OnStream, port = 0) {
  const certificates = await ensureCertificates(undefined, { clock: realClock });
  return { certificates, ...(await listen(certificates, onStream, port)) };
}

async function listen(certificates: Awaited<ReturnType<typeof ensureCertificates>>, onStream: OnStream, port = 0) {
  const server: Http2SecureServer = createSecureServer({
    cert: certificates.serving.certificate,
    key: certificates.serving.key,
    ALPNProtocols: ["h2"],
  });
  const sessions = new Set<ServerHttp2Session>();
  let opened = 0;
  server.on("session", (session) => {
    opened++;
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    session.on("error", () => {});
  });
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    stream.on("error", () => {});
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => onStream(stream, headers, Buffer.concat(chunks).toString()));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    sessionsOpened() {
      return opened;
    },
    kill: () => {
      for (const session of sessions) session.destroy();
    },
    goaway: () => {
      for (const session of sessions) session.goaway();
    },
    async close() {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const json = (stream: ServerHttp2Stream, value: unknown, status = 200) => {
  const body = JSON.stringify(value);
  stream.respond({ ":status": status, "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  stream.end(body);
};

test("requests share one connection, carry the token, and failures become ApiErrors", async () => {
  const seen: string[] = [];
  const server = await start((stream, headers, body) => {
    seen.push(`${headers[":method"]} ${headers[":path"]} ${headers.authorization} ${body}`);
    if (headers[":path"]?.endsWith("/none"))
      json(stream, { kind: "Status", code: 404, reason: "NotFound", message: 'boats.sea.test "none" not found' }, 404);
    else json(stream, { metadata: { name: "ark", resourceVersion: "7" } });
  });
  const { transport, close } = httpsTransport({
    server: `https://127.0.0.1:${server.port}`,
    ca: server.certificates.caCertificate,
    token: "t",
  });
  const client = createClient(transport);
  await Promise.all(Array.from({ length: 50 }, () => client.get(Boat, "sea/ark")));
  await client.create(Boat, { metadata: { name: "ark", namespace: "sea" } });
  await assert.rejects(client.get(Boat, "sea/none"), { name: "ApiError", message: 'boats.sea.test "none" not found' });
  assert.equal(server.sessionsOpened(), 1);
  assert.equal(
    seen.at(-2),
    'POST /apis/sea.test/v1/namespaces/sea/boats Bearer t {"metadata":{"name":"ark","namespace":"sea"},"apiVersion":"sea.test/v1","kind":"Boat"}',
  );
  await close();
  await assert.rejects(client.get(Boat, "sea/ark"), /transport is closed/);
  await server.close();
});

test("a lost connection fails what is under way and is made again for the next request", async () => {
  let mute = true;
  const server = await start((stream) => {
    if (!mute) json(stream, { metadata: {} });
  });
  const { transport, close } = httpsTransport({ server: `https://127.0.0.1:${server.port}`, ca: server.certificates.caCertificate });
  const client = createClient(transport);
  const hanging = assert.rejects(client.get(Boat, "sea/ark"));
  const watching = (async () => {
    for await (const _event of client.watch(Boat)) assert.fail("no event was sent");
  })();
  const watchFails = assert.rejects(watching);
  for (const deadline = Date.now() + 5000; server.sessionsOpened() === 0 && Date.now() < deadline;) await realClock.sleep(5);
  server.kill();
  await hanging;
  await watchFails;
  mute = false;
  await client.get(Boat, "sea/ark");
  server.goaway();
  await realClock.sleep(20);
  await client.get(Boat, "sea/ark");
  assert.equal(server.sessionsOpened(), 3);
  await close();
  await server.close();
});

test("watch events come as they are sent, characters split over frames stay whole, and aborting ends the stream", async () => {
  let closed = false;
  const server = await start((stream) => {
    stream.on("close", () => (closed = true));
    stream.respond({ ":status": 200 });
    const line = Buffer.from(`${JSON.stringify({ type: "ADDED", object: { metadata: { name: "船" } } })}\n`);
    const middle = line.indexOf(Buffer.from("船")) + 1;
    stream.write(line.subarray(0, middle));
    setTimeout(() => stream.write(line.subarray(middle)), 20);
  });
  const { transport, close } = httpsTransport({ server: `https://127.0.0.1:${server.port}`, ca: server.certificates.caCertificate });
  const stop = new AbortController();
  const names: (string | undefined)[] = [];
  for await (const { object } of createClient(transport).watch<KubeObject>(Boat, { signal: stop.signal })) {
    names.push(object.metadata?.name);
    stop.abort();
  }
  assert.deepEqual(names, ["船"]);
  for (const deadline = Date.now() + 5000; !closed && Date.now() < deadline;) await realClock.sleep(5);
  assert.equal(closed, true);
  await close();
  await server.close();
});

test("a server whose certificate is not from the CA is not spoken to", async () => {
  const server = await start((stream) => json(stream, {}));
  const stranger = await ensureCertificates(undefined, { clock: realClock });
  const { transport, close } = httpsTransport({ server: `https://127.0.0.1:${server.port}`, ca: stranger.caCertificate });
  await assert.rejects(createClient(transport).get(Boat, "sea/ark"), /certificate|signature/);
  await close();
  await server.close();
});

test("nobody listening is an error, not a wait", async () => {
  const server = await start(() => {});
  const { port } = server;
  await server.close();
  const { transport, close } = httpsTransport({ server: `https://127.0.0.1:${port}`, ca: server.certificates.caCertificate });
  await assert.rejects(createClient(transport).get(Boat, "sea/ark"), /ECONNREFUSED/);
  await close();
});
