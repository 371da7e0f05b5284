// An API server on TLS with one node's API behind it, and the real kubectl in front.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApiServer } from "#apiserver/api-server.ts";
import { ensureCertificates } from "#apiserver/auth/certificates.ts";
import { createTokenSigner } from "#apiserver/auth/service-account-token.ts";
import { listen } from "#apiserver/listen.ts";
import { kubeconfigOf } from "#client/node/kubeconfig.ts";
import { kubectlPath } from "#harness/kubectl.ts";
import { Namespace, Node, Pod } from "#kinds/api/core-v1.gen.ts";
import { builtinKinds } from "#kinds/builtin-kinds.ts";
import { createKindServers } from "#kinds/servers.ts";
import { realClock } from "#lib/clock.ts";
import { createLogger } from "#lib/log.ts";
import { startNodeServer } from "#node/server/node-server.ts";
import { createMemoryStore } from "#store/memory-store.ts";
import type { Registry } from "#apiserver/registry.ts";
import { localPods, type LocalPods } from "./local-pods.ts";

export interface KubectlAnswer {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface KubectlCluster extends AsyncDisposable {
  readonly folder: string;
  readonly pods: LocalPods;
  readonly registry: Registry;
  readonly url: string;
  readonly nodePort: number;
  readonly certificates: Awaited<ReturnType<typeof ensureCertificates>>;
  /** Requests that upgraded, as `METHOD path protocol`. */
  readonly upgrades: string[];
  addPod(pod: Pod): Promise<void>;
  kubectl(args: readonly string[], options?: { readonly stdin?: Buffer; readonly env?: Record<string, string> }): Promise<KubectlAnswer>;
  /** Starts a kubectl that stays; killed with the cluster. */
  start(args: readonly string[], env?: Record<string, string>): ChildProcess;
}

const HOST = "127.0.0.1";

export async function startKubectlCluster(): Promise<KubectlCluster> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "kobune-kubectl-"));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const clock = realClock;
  const log = createLogger({ level: process.env["LOG"] ? "debug" : "error", write: (line) => console.error(line), now: clock.now });
  const certificates = await ensureCertificates(undefined, { clock });
  const pods = localPods(folder);
  const { certificate: cert, key } = await certificates.issueServing({
    commonName: "system:node:n1",
    organizations: ["system:nodes"],
    names: [HOST],
  });
  const node = stack.use(
    await startNodeServer({ access: pods, host: HOST, port: 0, tls: { cert, key, clientCa: certificates.caCertificate }, log }),
  );
  const store = createMemoryStore();
  stack.defer(() => store.close());
  const { kubeletClient, caCertificate: ca } = certificates;
  const server = stack.use(
    await createApiServer({
      store,
      kinds: builtinKinds(),
      clock,
      log,
      random: Math.random,
      version: { major: "1", minor: "36", gitVersion: "v1.36.0+test" },
      ...createKindServers({
        clock,
        random: Math.random,
        signer: createTokenSigner({ key: certificates.serviceAccountKey }),
        kubelet: { clientCertificate: kubeletClient.certificate, clientKey: kubeletClient.key, ca },
      }),
    }),
  );
  const upgrades: string[] = [];
  const handler: typeof server.handler = (request) => {
    const { upgrade } = request.headers;
    if (upgrade) upgrades.push(`${request.method} ${request.path} ${request.headers["sec-websocket-protocol"] ?? upgrade}`);
    return server.handler(request);
  };
  const tls = { cert: certificates.serving.certificate, key: certificates.serving.key, clientCa: ca };
  const listener = stack.use(await listen({ handler }, { host: HOST, port: 0, tls, log }));
  const url = `https://${HOST}:${listener.port}`;
  const config = join(folder, "config");
  const { certificate, key: adminKey } = certificates.admin;
  writeFileSync(config, JSON.stringify(kubeconfigOf({ name: "test", server: url, ca, cert: certificate, key: adminKey })));

  const { registry } = server;
  await registry.create(Namespace, { metadata: { name: "default" } });
  await registry.create(Node, { metadata: { name: "n1" } });
  await registry.update(Node, "/n1", (object) => {
    object.status = {
      addresses: [{ type: "InternalIP", address: HOST }],
      daemonEndpoints: { kubeletEndpoint: { Port: node.port } },
    };
  });
  const children = new Set<ChildProcess>();
  stack.defer(() => {
    for (const child of children) child.kill("SIGKILL");
  });
  const start = (args: readonly string[], env: Record<string, string> = {}): ChildProcess => {
    const child = spawn(kubectlPath(), ["--kubeconfig", config, "--cache-dir", join(folder, "cache"), ...args], {
      env: { HOME: folder, PATH: process.env["PATH"] ?? "", ...env },
    });
    children.add(child);
    child.once("close", () => children.delete(child));
    return child;
  };
  const parts = stack.move();
  return {
    folder,
    pods,
    registry,
    url,
    nodePort: node.port,
    certificates,
    upgrades,
    start,
    async addPod(pod) {
      const { metadata = {}, spec, status } = pod;
      await registry.create(Pod, { metadata: { namespace: "default", ...metadata }, ...(spec ? { spec } : {}) });
      const stored = await registry.update(Pod, `default/${metadata.name}`, (object) => {
        object.status = { ...status };
      });
      pods.known.push(stored);
    },
    kubectl(args, { stdin, env } = {}) {
      return new Promise((resolve, reject) => {
        const child = start(args, env);
        const stdout: Buffer[] = [];
        const stderr: Buffer[] = [];
        child.stdout?.on("data", (chunk: Buffer) => stdout.push(chunk));
        child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk));
        child.stdin?.on("error", () => {});
        child.stdin?.end(stdin);
        child.once("error", reject);
        child.once("close", (code) =>
          resolve({ code: code ?? -1, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() }),
        );
      });
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}
