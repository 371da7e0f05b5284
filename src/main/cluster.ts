// A whole cluster in this process: store, API server, controllers, scheduler, nodes and service network, wired together.
// Components get clients and nothing else of one another.

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createApiServer, type ApiServer } from "#apiserver/api-server.ts";
import { ensureCertificates } from "#apiserver/auth/certificates.ts";
import { signLegacyToken } from "#apiserver/auth/legacy-token.ts";
import { createTokenSigner } from "#apiserver/auth/service-account-token.ts";
import type { UserInfo } from "#apiserver/http.ts";
import { inProcessTransport } from "#apiserver/in-process.ts";
import { listen } from "#apiserver/listen.ts";
import type { Client } from "#client/client.ts";
import { createClient } from "#client/create-client.ts";
import { type KubeconfigEntry, kubeconfigOf } from "#client/node/kubeconfig.ts";
import { type Clock, realClock } from "#lib/clock.ts";
import { type Logger, silentLogger } from "#lib/log.ts";
import { type AddressPlan, claimLoopback, type LoopbackClaim, MAX_PROCESS_NODES, simulatedPlan } from "./address-plan.ts";
import { autoCompact } from "#store/auto-compact.ts";
import { createMemoryStore } from "#store/memory-store.ts";
import { openSqliteStore } from "#store/sqlite-store.ts";
import type { Store } from "#store/store.ts";
import { createMetricsPart } from "./metrics.ts";
import { serverParts } from "./server-parts.ts";
import { startNodes } from "./nodes.ts";
import { startControlLoops } from "./control-loops.ts";

export interface ClusterOptions {
  /** Where the cluster keeps everything; absent: a temporary folder that stop() removes. */
  readonly dataDir?: string;
  /** Port of the API server on 127.0.0.1; default 0: any free one. */
  readonly port?: number;
  /** Default true. Without, the cluster is reached from this process alone (`client`), and nothing in it depends on which ports are free. */
  readonly sockets?: boolean;
  /** Default 1. */
  readonly nodes?: number;
  /** What runs containers; default `auto`: processes on this host. A virtual clock wants `simulated`. */
  readonly runtime?: "auto" | "process" | "simulated";
  /** Default: `sqlite` with a dataDir, `memory` without. A store that is handed in is closed when the cluster stops. */
  readonly store?: "sqlite" | "memory" | Store;
  /** Default: the wall clock. */
  readonly clock?: Clock;
  /** Default: silent. */
  readonly log?: Logger;
  /** Numbers in [0, 1); default Math.random. With a seeded one and a virtual clock, runs repeat exactly. */
  readonly random?: () => number;
}

export interface Cluster extends AsyncDisposable {
  /** `https://127.0.0.1:PORT` */
  readonly url: string;
  readonly port: number;
  readonly runtime: "process" | "simulated";
  readonly nodes: readonly string[];
  readonly clock: Clock;
  /** Acts as the administrator (system:masters), in this process, without a socket. */
  readonly client: Client;
  /** As `client`, for another identity: to see what RBAC lets it do. */
  clientFor(user: { readonly name: string; readonly groups?: readonly string[] }): Client;
  /** PEM of the authority that signed the server's certificate. */
  readonly ca: string;
  /** The administrator's kubeconfig, as YAML text: for kubectl and any other client. */
  readonly kubeconfig: string;
  /** The same as parts, for merging. */
  readonly kubeconfigEntry: KubeconfigEntry;
  /** Stops everything the cluster started, pods included, and frees what it held. Idempotent. */
  stop(): Promise<void>;
}

const ADMIN: UserInfo = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };
const HOST = "127.0.0.1";
/** Upstream's, for objects that name the port of a server that does not listen. */
const NOMINAL_PORT = 6443;
/** What clients have at the end for requests under way. */
const DRAIN_MS = 2_000;

/**
 * Starts a cluster. Resolves when the API answers and every node is ready. Rejects with the system's error if the port is taken (EADDRINUSE), with
 * StoreError `locked` if another process has the data directory.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { clock = realClock, log = silentLogger, random = Math.random } = options;
  const runtime = options.runtime === "simulated" ? "simulated" : "process";
  const nodeCount = options.nodes ?? 1;
  if (runtime === "process" && nodeCount > MAX_PROCESS_NODES)
    throw new RangeError(`at most ${MAX_PROCESS_NODES} nodes have room on one host`);
  const dataDir = options.dataDir === undefined ? mkdtempSync(join(tmpdir(), "kobune-")) : resolve(options.dataDir);
  if (options.dataDir !== undefined) mkdirSync(dataDir, { recursive: true, mode: 0o700 });

  // Closed in reverse order; a start that fails half-way frees what it had.
  await using stack = new AsyncDisposableStack();
  if (options.dataDir === undefined) stack.defer(() => rmSync(dataDir, { recursive: true, force: true }));
  const storeChoice = options.store ?? (options.dataDir === undefined ? "memory" : "sqlite");
  const claiming: Promise<LoopbackClaim | undefined> = runtime === "process" ? claimLoopback(dataDir, random) : Promise.resolve(undefined);
  // Made while the store's thread opens it.
  const certifying = claiming.then((held) => {
    const { kubernetesServiceIp } = held?.plan ?? simulatedPlan;
    return ensureCertificates(join(dataDir, "tls"), { names: [kubernetesServiceIp], clock });
  });
  certifying.catch(() => {}); // awaited below, unless the store fails first
  const [store, claim]: [Store, LoopbackClaim | undefined] = await Promise.all([openStore(storeChoice, dataDir), claiming]);
  stack.defer(() => store.close());
  stack.use(autoCompact(store, clock));
  if (claim) stack.use(claim);
  if (claim && !claim.exclusive) log.warn("another cluster uses the loopback range of this one; addresses may clash");
  const plan: AddressPlan = claim?.plan ?? simulatedPlan;
  const certificates = await certifying;

  const metrics = createMetricsPart();
  const server = await createApiServer({
    store,
    clock,
    log: log.with({ component: "apiserver" }),
    random,
    ...serverParts({ certificates, plan, clock, random, metrics: metrics.source }),
  });
  stack.defer(() => server.stop());
  const listening =
    options.sockets === false
      ? undefined
      : await listen(server, {
          host: HOST,
          port: options.port ?? 0,
          log: log.with({ component: "apiserver" }),
          tls: { cert: certificates.serving.certificate, key: certificates.serving.key, clientCa: certificates.caCertificate },
        });
  // Requests under way are answered and watches are ended, so that clients know to come back; components have gone before.
  stack.defer(async () => {
    await Promise.all([server.stop(DRAIN_MS), listening?.close(DRAIN_MS)]);
  });
  const port = listening?.port ?? NOMINAL_PORT;

  const clientFor = (user: { readonly name: string; readonly groups?: readonly string[] }) => connect(server, user);
  const client = clientFor(ADMIN);
  const signer = createTokenSigner({ key: certificates.serviceAccountKey });
  const loops = await startControlLoops({
    clientFor,
    clock,
    log,
    random,
    plan,
    ca: certificates.caCertificate,
    signCertificate: certificates.signRequest,
    signToken: (subject) => signLegacyToken(signer, subject),
    port,
  });
  stack.defer(() => loops.stop());
  const nodes = await startNodes({
    clientFor,
    certificates,
    clock,
    log,
    random,
    plan,
    dataDir,
    runtime,
    count: nodeCount,
    apiServer: { host: HOST, port },
    sockets: listening !== undefined,
  });
  stack.defer(() => nodes.stop());
  const metricsServer = metrics.start({ clientFor, informers: loops.informers, readNode: nodes.readUsage, clock, log });
  stack.defer(() => metricsServer.stop());
  await nodes.ready;

  const entry: KubeconfigEntry = {
    name: "kobune",
    server: `https://${HOST}:${port}`,
    ca: certificates.caCertificate,
    cert: certificates.admin.certificate,
    key: certificates.admin.key,
  };
  const parts = stack.move();
  let stopped: Promise<void> | undefined;
  const stop = () => (stopped ??= parts.disposeAsync());
  return {
    url: entry.server,
    port,
    runtime,
    nodes: nodes.names,
    clock,
    client,
    clientFor,
    ca: certificates.caCertificate,
    // JSON is YAML: no dumper has to be loaded for it.
    kubeconfig: `${JSON.stringify(kubeconfigOf(entry), undefined, 2)}\n`,
    kubeconfigEntry: entry,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function openStore(choice: NonNullable<ClusterOptions["store"]>, dataDir: string): Promise<Store> {
  if (typeof choice !== "string") return choice;
  return choice === "sqlite" ? openSqliteStore({ path: join(dataDir, "store.db") }) : createMemoryStore();
}

function connect(server: ApiServer, user: { readonly name: string; readonly groups?: readonly string[] }): Client {
  const groups = [...new Set([...(user.groups ?? []), "system:authenticated"])];
  return createClient(inProcessTransport(server, { name: user.name, groups }, agentOf(user.name)));
}

/** The name upstream's component of that identity is known by, in managedFields above all. */
function agentOf(user: string): string {
  if (user.startsWith("system:node:")) return "kubelet";
  if (user.startsWith("system:serviceaccount:kube-system:")) return "kube-controller-manager";
  if (user === "system:apiserver") return "kube-apiserver";
  return user.startsWith("system:") ? user.slice("system:".length) : "kobune";
}
