import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { createVirtualClock, realClock } from "#lib/clock.ts";
import { ensureCertificates } from "./certificates.ts";

const DAY_MS = 24 * 3600 * 1000;
let root = "";
before(async () => {
  root = await mkdtemp(join(tmpdir(), "certificates-"));
});
after(() => rm(root, { recursive: true, force: true }));
const freshFolder = () => mkdtemp(join(root, "pki-"));

test("a second start reads what the first one made", async () => {
  const folder = await freshFolder();
  const first = await ensureCertificates(folder, { clock: realClock });
  const second = await ensureCertificates(folder, { clock: realClock });
  assert.deepEqual(
    [second.caCertificate, second.serving, second.admin, second.kubeletClient],
    [first.caCertificate, first.serving, first.admin, first.kubeletClient],
  );
  assert.ok(first.serviceAccountKey.equals(second.serviceAccountKey));
});

test("files are readable by their owner only and no temporary ones stay", async () => {
  const folder = await freshFolder();
  await ensureCertificates(folder, { clock: realClock });
  const names = (await readdir(folder)).toSorted();
  assert.deepEqual(names, ["admin.pem", "apiserver-kubelet-client.pem", "apiserver.pem", "ca.pem", "service-account.pem"]);
  for (const name of names) assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600, name);
});

test("openssl accepts the chain, the purposes and the names", async () => {
  const folder = await freshFolder();
  const certificates = await ensureCertificates(folder, { clock: realClock, names: ["10.96.0.1", "node-0", "fd00::1"] });
  const files = { ca: certificates.caCertificate, server: certificates.serving.certificate, client: certificates.admin.certificate };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, `${name}.crt`), text);
  const run = promisify(execFile);
  const verify = (...args: string[]) =>
    run("openssl", ["verify", "-x509_strict", "-CAfile", join(folder, "ca.crt"), ...args.slice(0, -1), join(folder, args.at(-1) ?? "")]);
  await verify("-purpose", "sslserver", "-verify_hostname", "kubernetes.default.svc", "server.crt");
  await verify("-purpose", "sslserver", "-verify_ip", "10.96.0.1", "server.crt");
  await verify("-purpose", "sslserver", "-verify_ip", "fd00::1", "server.crt");
  await verify("-purpose", "sslclient", "client.crt");
  await assert.rejects(verify("-purpose", "sslserver", "client.crt"));
  await assert.rejects(verify("-purpose", "sslserver", "-verify_hostname", "example.com", "server.crt"));
});

test("a TLS server with the serving certificate knows the admin by name and group, and refuses a foreign CA", async () => {
  const mine = await ensureCertificates(undefined, { clock: realClock });
  const foreign = await ensureCertificates(undefined, { clock: realClock });
  const server = createServer(
    { cert: mine.serving.certificate, key: mine.serving.key, ca: mine.caCertificate, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      const socket = request.socket as TLSSocket;
      response.end(JSON.stringify({ authorized: socket.authorized, subject: socket.getPeerCertificate().subject ?? null }));
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const port = (server.address() as AddressInfo).port;
  const call = (identity: { certificate: string; key: string }, ca: string) =>
    new Promise<{ authorized: boolean; subject: { CN: string; O: string } }>((resolve, reject) => {
      const sent = httpsRequest({ host: "127.0.0.1", port, cert: identity.certificate, key: identity.key, ca, agent: false }, (answer) => {
        answer.toArray().then((chunks) => resolve(JSON.parse(Buffer.concat(chunks).toString())), reject);
      });
      sent.on("error", reject).end();
    });
  try {
    const known = await call(mine.admin, mine.caCertificate);
    assert.equal(known.authorized, true);
    assert.deepEqual({ ...known.subject }, { O: "system:masters", CN: "kubernetes-admin" });
    assert.equal((await call(foreign.admin, mine.caCertificate)).authorized, false);
    await assert.rejects(call(mine.admin, foreign.caCertificate));
  } finally {
    server.close();
  }
});

test("new names make a new serving certificate and leave the rest", async () => {
  const folder = await freshFolder();
  const first = await ensureCertificates(folder, { clock: realClock, names: ["node-0", "::2"] });
  const same = await ensureCertificates(folder, { clock: realClock, names: ["node-0", "0:0:0:0:0:0:0:2"] });
  assert.equal(same.serving.certificate, first.serving.certificate);
  const more = await ensureCertificates(folder, { clock: realClock, names: ["node-0", "node-1"] });
  assert.notEqual(more.serving.certificate, first.serving.certificate);
  assert.equal(new X509Certificate(more.serving.certificate).checkHost("node-1"), "node-1");
  assert.equal(more.admin.certificate, first.admin.certificate);
});

test("a component's serving certificate that has a file is kept over restarts, and made anew for another name", async () => {
  const folder = await freshFolder();
  const request = { file: "node-a.pem", commonName: "system:node:a", organizations: ["system:nodes"], names: ["a", "127.64.0.1"] };
  const made = await (await ensureCertificates(folder, { clock: realClock })).issueServing(request);
  const restarted = await ensureCertificates(folder, { clock: realClock });
  assert.deepEqual(await restarted.issueServing(request), made);
  const moved = await restarted.issueServing({ ...request, names: ["a", "127.65.0.1"] });
  assert.equal(new X509Certificate(moved.certificate).checkIP("127.65.0.1"), "127.65.0.1");
  const { file: _, ...unkept } = request;
  assert.notEqual((await restarted.issueServing(unkept)).certificate, (await restarted.issueServing(unkept)).certificate);
});

test("leaves are renewed with a third of their life left, the CA with its key kept", async () => {
  const folder = await freshFolder();
  const clock = createVirtualClock();
  const first = await ensureCertificates(folder, { clock });
  await clock.advance(240 * DAY_MS);
  assert.equal((await ensureCertificates(folder, { clock })).admin.certificate, first.admin.certificate);
  await clock.advance(5 * DAY_MS);
  const renewed = await ensureCertificates(folder, { clock });
  assert.notEqual(renewed.admin.certificate, first.admin.certificate);
  assert.equal(renewed.caCertificate, first.caCertificate);
  await clock.advance(8 * 365 * DAY_MS);
  const later = await ensureCertificates(folder, { clock });
  assert.notEqual(later.caCertificate, first.caCertificate);
  assert.ok(new X509Certificate(later.serving.certificate).verify(new X509Certificate(first.caCertificate).publicKey));
});

test("processes that start at once on one folder end with one CA and one signing key", async () => {
  const folder = await freshFolder();
  const all = await Promise.all(Array.from({ length: 8 }, () => ensureCertificates(folder, { clock: realClock })));
  assert.equal(new Set(all.map((one) => one.caCertificate)).size, 1);
  assert.equal(new Set(all.map((one) => one.serviceAccountKey.export({ type: "pkcs8", format: "pem" }))).size, 1);
  const ca = new X509Certificate(all[0]!.caCertificate);
  for (const one of all) {
    assert.ok(new X509Certificate(one.serving.certificate).verify(ca.publicKey));
    assert.ok(new X509Certificate(one.serving.certificate).checkPrivateKey(createPrivateKey(one.serving.key)));
  }
});

test("a certificate whose file was cut short is made anew; a CA like that is an error that names the file", async () => {
  const folder = await freshFolder();
  const first = await ensureCertificates(folder, { clock: realClock });
  const text = await readFile(join(folder, "admin.pem"), "utf8");
  await writeFile(join(folder, "admin.pem"), text.slice(0, 100));
  const second = await ensureCertificates(folder, { clock: realClock });
  assert.notEqual(second.admin.certificate, first.admin.certificate);
  await writeFile(join(folder, "ca.pem"), "");
  await assert.rejects(ensureCertificates(folder, { clock: realClock }), /ca\.pem/);
});
