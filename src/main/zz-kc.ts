import { writeFileSync } from "node:fs";
import { realClock } from "#lib/clock.ts";
import { createLogger } from "#lib/log.ts";
import { builtinKinds } from "#kinds/builtin-kinds.ts";
import { builtinStructure } from "#kinds/structure.ts";
import { createMemoryStore } from "#store/memory-store.ts";
import { ensureCertificates } from "#apiserver/auth/certificates.ts";
import { createApiServer } from "#apiserver/api-server.ts";
import { listen } from "#apiserver/listen.ts";
const t0 = performance.now();
const st = builtinStructure();
const certs = await ensureCertificates(undefined, { clock: realClock });
const log = createLogger({ level: "debug", write: console.log, now: Date.now });
const server = await createApiServer({
  store: createMemoryStore(),
  kinds: builtinKinds(st),
  clock: realClock,
  log,
  random: Math.random,
  authenticators: () => [{ authenticate: ({ peerCertificate: p }) => p && { name: p.commonName, groups: p.organizations } }],
  authorizers: () => [{ authorize: () => ({ allowed: true, reason: "" }) }],
  version: { major: "1", minor: "36", gitVersion: "v1.36.0+kobune" },
  openApi: { types: st as never },
});
const l = await listen(
  {
    handler: async (r) => {
      const a = performance.now();
      const x = await server.handler(r);
      console.log(r.method, r.path + (r.query.size ? "?" + r.query : ""), x.status, (performance.now() - a).toFixed(1));
      return x;
    },
  },
  { host: "127.0.0.1", port: 0, tls: { key: certs.serving.key, cert: certs.serving.certificate, clientCa: certs.caCertificate }, log },
);
const b = (s: string) => Buffer.from(s).toString("base64");
writeFileSync(
  "/tmp/b/kubeconfig",
  JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "k",
    clusters: [{ name: "k", cluster: { server: `https://127.0.0.1:${l.port}`, "certificate-authority-data": b(certs.caCertificate) } }],
    users: [{ name: "k", user: { "client-certificate-data": b(certs.admin.certificate), "client-key-data": b(certs.admin.key) } }],
    contexts: [{ name: "k", context: { cluster: "k", user: "k" } }],
  }),
);
console.log("ready", performance.now() - t0);
setTimeout(() => process.exit(), 70000);
