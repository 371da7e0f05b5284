// Watchers over TLS that do not read: they are cut off, and nobody waits for them.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTls } from "node:tls";
import { test } from "node:test";
import { ensureCertificates } from "#apiserver/auth/certificates.ts";
import { listen } from "#apiserver/listen.ts";
import { ADMIN, startBuiltinServer } from "#harness/builtin-server.ts";
import { until } from "#harness/until.ts";
import { realClock } from "#lib/clock.ts";

const MAPS = "/api/v1/namespaces/default/configmaps";
const OTHERS = 100;
const CHANGES = 50;
const PAYLOAD_BYTES = 800_000;

test("two watchers that stop reading are cut off while a hundred others miss nothing", async () => {
  await using api = await startBuiltinServer();
  const { serving, admin, caCertificate: ca } = await ensureCertificates(undefined, { clock: realClock });
  const tls = { key: serving.key, cert: serving.certificate, clientCa: ca };
  const trust = { ca, key: admin.key, cert: admin.certificate };
  await using listener = await listen(api.server, { host: "127.0.0.1", port: 0, tls });
  const { port } = listener;
  const running = async () => {
    const response = await api.server.handler({
      method: "GET",
      path: "/metrics",
      query: new URLSearchParams(),
      headers: {},
      body: () => Promise.resolve(new Uint8Array()),
      signal: new AbortController().signal,
      remoteAddress: "127.0.0.1",
      trustedUser: ADMIN,
    });
    const text = Buffer.from(response.body as Uint8Array).toString();
    const line = text
      .split("\n")
      .find((each) => each.startsWith("apiserver_longrunning_requests{") && each.includes('resource="configmaps"'));
    return Number(line?.split(" ").at(-1));
  };

  const paused = connectTls({ host: "127.0.0.1", port, ...trust, ALPNProtocols: ["http/1.1"] });
  paused.on("error", () => {});
  await once(paused, "secureConnect");
  paused.write(`GET ${MAPS}?watch=1 HTTP/1.1\r\nhost: localhost\r\n\r\n`);
  await once(paused, "data");
  paused.pause();
  const session = connectHttp2(`https://127.0.0.1:${port}`, trust);
  const stuck = session.request({ ":path": `${MAPS}?watch=1` });
  stuck.on("error", () => {});
  await once(stuck, "response");
  stuck.pause();

  // The others want metadata only, and come over a few connections as from a few programs; some share that of the one that is stuck.
  const sessions = [session, ...Array.from({ length: 3 }, () => connectHttp2(`https://127.0.0.1:${port}`, trust))];
  const accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
  const seen = Array.from({ length: OTHERS }, () => 0);
  await Promise.all(
    seen.map(async (_, index) => {
      const stream = sessions[index % sessions.length]?.request({ ":path": `${MAPS}?watch=1`, accept });
      assert.ok(stream);
      stream.on("data", (chunk: Buffer) => {
        for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) seen[index] = (seen[index] ?? 0) + 1;
      });
      await once(stream, "response");
    }),
  );
  await until("all watches", async () => (await running()) === OTHERS + 2);

  await api.call("POST", MAPS, { metadata: { name: "big" } });
  const fill = "x".repeat(PAYLOAD_BYTES);
  for (let change = 0; change < CHANGES; change++) {
    await api.call("PATCH", `${MAPS}/big`, { data: { fill, change: String(change) } });
    // Readers read between writes, as they do where they are programs of their own.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until("the slow ones are cut off", async () => (await running()) === OTHERS);
  await until("the others have seen all", () => seen.every((count) => count === CHANGES + 1));
  paused.destroy();
  for (const each of sessions) each.destroy();
});
