// A node's own HTTPS API, as the kubelet's: logs, exec, attach, port-forward and facts. Only the API server and administrators may call it.

import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { TLSSocket } from "node:tls";
import { realClock, type Clock } from "#lib/clock.ts";
import type { Logger } from "#lib/log.ts";
import { callerOf, isTrusted, type Caller } from "./caller.ts";
import { checkHasLog, hasContainer, parseLogQuery } from "./log-request.ts";
import { metricsText } from "./metrics.ts";
import type { PodAccess } from "./pod-access.ts";
import { Refusal, refusalOf, refuseUpgrade, sendJson, sendText } from "./reply.ts";
import { resourceMetricsText } from "./resource-metrics.ts";
import { summaryOf } from "./summary.ts";
import { takeUpgrade } from "./upgrades.ts";
import { usageReport } from "./usage-report.ts";

export interface NodeServerOptions {
  readonly access: PodAccess;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** PEM. */
  readonly tls: { readonly cert: string; readonly key: string; readonly clientCa: string };
  /** Default: the API server and system:masters. */
  readonly authorize?: (caller: Caller, verb: string, path: string) => boolean | Promise<boolean>;
  readonly log: Logger;
  /** Default: the wall clock, by which clients live. */
  readonly clock?: Clock;
}

export interface NodeServer extends AsyncDisposable {
  readonly port: number;
  /** Ends all connections. */
  close(): Promise<void>;
}

const VERBS: Readonly<Record<string, string>> = {
  POST: "create",
  GET: "get",
  HEAD: "get",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** Rejects if the address cannot be had. */
export async function startNodeServer(options: NodeServerOptions): Promise<NodeServer> {
  const { access, host, tls, log, clock = realClock } = options;
  const authorize = options.authorize ?? isTrusted;
  const server = createServer({
    cert: tls.cert,
    key: tls.key,
    ca: tls.clientCa,
    requestCert: true,
    // Strangers are answered rather than cut off, so that they see what is wrong.
    rejectUnauthorized: false,
    minVersion: "TLSv1.2",
    noDelay: true,
    requestTimeout: 0,
  });
  const sockets = new Set<Duplex>();
  server.on("secureConnection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", () => {});

  const admitted = async (request: IncomingMessage, path: string) => {
    const caller = callerOf(request.socket as TLSSocket); // the server has no other sockets
    if (!caller) throw new Refusal(401, "Unauthorized");
    const verb = VERBS[request.method ?? ""] ?? "";
    if (!(await authorize(caller, verb, path)))
      throw new Refusal(403, `Forbidden (user=${caller.name}, verb=${verb}, resource=nodes, subresource=proxy)`);
  };

  server.on("request", (request, response) => {
    const url = urlOf(request);
    response.on("error", () => {});
    admitted(request, url.pathname)
      .then(() => answer(access, clock, url, request, response))
      .catch((error: unknown) => {
        const refusal = refusalOf(error);
        if (response.headersSent || response.destroyed) return response.destroy();
        return sendText(response, refusal.code, refusal.message);
      });
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const url = urlOf(request);
    socket.on("error", () => {});
    admitted(request, url.pathname)
      .then(() => takeUpgrade({ access, clock }, { request, socket, head, parts: partsOf(url), query: url.searchParams }))
      .catch((error: unknown) => {
        log.debug("upgrade refused", { path: url.pathname, error });
        if (!socket.destroyed) refuseUpgrade(socket, refusalOf(error));
      });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, host, resolve);
  });
  server.on("error", (error) => log.error("node server failed", { error }));
  const { port } = server.address() as AddressInfo; // a server that listens on TCP has one
  let closing: Promise<void> | undefined;
  const close = () =>
    (closing ??= new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    }));
  return { port, close, [Symbol.asyncDispose]: close };
}

function urlOf(request: IncomingMessage): URL {
  return new URL(request.url ?? "/", "https://node");
}

function partsOf({ pathname }: URL): string[] {
  return pathname.split("/").flatMap((part) => (part === "" ? [] : decodeURIComponent(part)));
}

async function answer(
  access: PodAccess,
  clock: Pick<Clock, "now">,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [root = "", ...rest] = partsOf(url);
  if (root === "exec" || root === "attach" || root === "portForward")
    throw new Refusal(400, "unable to upgrade: missing upgrade headers in request");
  if (request.method !== "GET" && request.method !== "HEAD") throw new Refusal(405, "Method Not Allowed");
  switch (root === "stats" || root === "metrics" ? [root, ...rest].join("/") : root) {
    case "healthz":
      return sendText(response, 200, "ok");
    case "pods":
      return sendJson(response, { kind: "PodList", apiVersion: "v1", metadata: {}, items: access.pods() });
    case "metrics":
      return sendText(response, 200, metricsText(access.nodeName, await access.stats()));
    case "metrics/resource":
      return sendText(response, 200, resourceMetricsText(await usageReport(access, clock.now)));
    case "stats/summary":
      return sendJson(response, summaryOf(access.nodeName, await access.stats(), clock.now()));
    case "containerLogs":
      return sendLogs(access, clock, rest, url.searchParams, response);
    default:
      throw new Refusal(404, "404 page not found");
  }
}

async function sendLogs(
  access: PodAccess,
  clock: Pick<Clock, "now">,
  [namespace = "", name = "", container = ""]: readonly string[],
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const options = parseLogQuery(query, clock.now());
  const pod = access.pod(namespace, name);
  if (!pod) throw new Refusal(404, `pod ${JSON.stringify(name)} does not exist`);
  if (!hasContainer(pod, container))
    throw new Refusal(404, `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(name)}`);
  checkHasLog(pod, container, options.previous);
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const chunks = await access.logs(namespace, name, container, { ...options, signal: gone.signal });
  response.writeHead(200, { "content-type": "text/plain" });
  // Who follows a quiet log must learn that it has begun.
  response.flushHeaders();
  await pipeline(chunks, response).catch(() => response.destroy());
}
