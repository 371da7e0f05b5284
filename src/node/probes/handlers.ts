// Carries out what probes and hooks ask for: a command, an HTTP request, a connection, a gRPC health check.
// Outputs are worded as the kubelet's, since people search for them.

import type { IncomingMessage } from "node:http";
import { request as httpRequest } from "#lib/node-http.ts";
import { request as httpsRequest } from "node:https";
import { connect as connectTcp } from "node:net";
import type { Duplex } from "node:stream";
import { PassThrough } from "node:stream";
import type { HTTPGetAction, LifecycleHandler, Probe } from "#kinds/api/core-v1.gen.ts";
import type { Clock } from "#lib/clock.ts";
import type { DeepReadonly } from "#meta/object.ts";
import type { ContainerObject } from "../pod/pod-view.ts";
import type { Runtime } from "../runtime.ts";

export interface HandlerTarget {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly sandboxId: string;
  readonly podIp: string;
  readonly container: ContainerObject;
  readonly containerId: string;
}

export interface HandlerResult {
  readonly ok: boolean;
  /** What happened, for the event. */
  readonly output: string;
}

/** The kubelet reads no more of an answer than this. */
const MAX_OUTPUT = 10 * 1024;
const USER_AGENT = "kube-probe/1.36";

/** Runs a probe's or hook's action, at most `timeoutMs`. Never rejects. */
export async function runHandler(
  handler: DeepReadonly<Probe | LifecycleHandler>,
  target: HandlerTarget,
  timeoutMs: number,
  outer?: AbortSignal,
): Promise<HandlerResult> {
  const stop = new AbortController();
  const timer = target.clock.after(timeoutMs, () => stop.abort(new Error("timeout")));
  const onOuter = () => stop.abort(outer?.reason);
  if (outer?.aborted) onOuter();
  outer?.addEventListener("abort", onOuter, { once: true });
  try {
    if (handler.exec) return await runExec(handler.exec.command ?? [], target, timeoutMs, stop.signal);
    if (handler.httpGet) return await runHttp(handler.httpGet, target, stop.signal);
    if (handler.tcpSocket) return await runTcp(handler.tcpSocket, target, stop.signal);
    if ("grpc" in handler && handler.grpc) {
      if (!target.runtime.reachable) return { ok: false, output: `gRPC probes cannot reach pods of the ${target.runtime.name} runtime` };
      const { checkGrpcHealth } = await import("./grpc-health.ts");
      const { port, service = "" } = handler.grpc;
      return await checkGrpcHealth(hostAndPort(target.podIp, port), service, timeoutMs, stop.signal);
    }
    if ("sleep" in handler && handler.sleep) {
      await target.clock.sleep(handler.sleep.seconds * 1000, stop.signal);
      return { ok: true, output: "" };
    }
    return { ok: false, output: "invalid handler: no action" };
  } catch (error) {
    return { ok: false, output: error instanceof Error ? error.message : String(error) };
  } finally {
    timer.cancel();
    outer?.removeEventListener("abort", onOuter);
  }
}

async function runExec(command: readonly string[], target: HandlerTarget, timeoutMs: number, signal: AbortSignal): Promise<HandlerResult> {
  const output = new PassThrough();
  let text = "";
  output.on("data", (chunk: Uint8Array) => {
    if (text.length < MAX_OUTPUT) text += Buffer.from(chunk).toString();
  });
  const code = await target.runtime.exec(target.containerId, command, { stdout: output, stderr: output, tty: false, signal });
  if (signal.aborted)
    return { ok: false, output: `command timed out: ${JSON.stringify(command.join(" "))} timed out after ${timeoutMs / 1000}s` };
  return { ok: code === 0, output: text };
}

/** A port by number or by its name in the container. */
export function portNumber(port: number | string, container: ContainerObject): number | undefined {
  if (typeof port === "number") return port;
  const named = container.ports?.find((candidate) => candidate.name === port);
  if (named !== undefined) return named.containerPort;
  return /^\d+$/.test(port) ? Number(port) : undefined;
}

function hostAndPort(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

async function runTcp(
  action: { readonly port: number | string; readonly host?: string },
  target: HandlerTarget,
  signal: AbortSignal,
): Promise<HandlerResult> {
  const port = portNumber(action.port, target.container);
  if (port === undefined) return { ok: false, output: `couldn't find port: ${JSON.stringify(action.port)} in container` };
  const host = action.host || target.podIp;
  try {
    const socket = await untilAborted(openSocket(target, host, port), signal, (late) => late.destroy());
    socket.destroy();
    return { ok: true, output: "" };
  } catch (error) {
    return { ok: false, output: `dial tcp ${hostAndPort(host, port)}: ${dialProblem(error)}` };
  }
}

async function runHttp(action: DeepReadonly<HTTPGetAction>, target: HandlerTarget, signal: AbortSignal): Promise<HandlerResult> {
  const port = portNumber(action.port, target.container);
  if (port === undefined) return { ok: false, output: `couldn't find port: ${JSON.stringify(action.port)} in container` };
  const host = action.host || target.podIp;
  const scheme = (action.scheme ?? "HTTP").toLowerCase();
  const path = action.path?.startsWith("/") ? action.path : `/${action.path ?? ""}`;
  const url = `${scheme}://${hostAndPort(host, port)}${path}`;
  const headers: Record<string, string> = { "user-agent": USER_AGENT, accept: "*/*", connection: "close" };
  for (const { name, value } of action.httpHeaders ?? []) {
    // An empty value takes the header away, as upstream documents.
    if (value === "" && (name.toLowerCase() === "user-agent" || name.toLowerCase() === "accept")) delete headers[name.toLowerCase()];
    else headers[name.toLowerCase()] = value;
  }
  try {
    // Where the pod's address is not reachable from here, the runtime opens the connection.
    const socket = target.runtime.reachable || action.host ? undefined : await target.runtime.connect(target.sandboxId, port);
    const { status, body } = await fetchOnce(scheme === "https", { host, port, path, headers, signal, socket });
    const ok = status >= 200 && status < 400;
    return { ok, output: ok ? body : `HTTP probe failed with statuscode: ${status}` };
  } catch (error) {
    const problem = signal.aborted
      ? "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
      : isDialError(error)
        ? `dial tcp ${hostAndPort(host, port)}: ${dialProblem(error)}`
        : error instanceof Error && (error as NodeJS.ErrnoException).code === "ECONNRESET"
          ? "EOF"
          : String(error instanceof Error ? error.message : error);
    return { ok: false, output: `Get ${JSON.stringify(url)}: ${problem}` };
  }
}

function fetchOnce(
  secure: boolean,
  options: {
    readonly host: string;
    readonly port: number;
    readonly path: string;
    readonly headers: Record<string, string>;
    readonly signal: AbortSignal;
    readonly socket: Duplex | undefined;
  },
): Promise<{ status: number; body: string }> {
  const { socket, ...rest } = options;
  return new Promise((resolve, reject) => {
    const onResponse = (response: IncomingMessage) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        if (body.length < MAX_OUTPUT) body += chunk;
        else response.destroy();
      });
      response.on("error", reject);
      response.on("close", () => resolve({ status: response.statusCode ?? 0, body }));
    };
    const base = { ...rest, method: "GET", agent: false as const, ...(socket === undefined ? {} : { createConnection: () => socket }) };
    // Certificates are not checked: pods' own are signed by nobody the node knows.
    const request = secure ? httpsRequest({ ...base, rejectUnauthorized: false }, onResponse) : httpRequest(base, onResponse);
    request.on("error", reject);
    request.end();
  });
}

async function openSocket(target: HandlerTarget, host: string, port: number): Promise<Duplex> {
  if (!target.runtime.reachable && host === target.podIp) return target.runtime.connect(target.sandboxId, port);
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      socket.on("error", () => {});
      resolve(socket);
    });
  });
}

function isDialError(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).syscall === "connect";
}

function dialProblem(error: unknown): string {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  switch (code) {
    case "ECONNREFUSED":
      return "connect: connection refused";
    case "EHOSTUNREACH":
      return "connect: no route to host";
    case "ENETUNREACH":
      return "connect: network is unreachable";
    case "ECONNRESET":
      return "connect: connection reset by peer";
    case undefined:
      return "i/o timeout";
    default:
      return `connect: ${code}`;
  }
}

/** The promise's result, or the signal's reason if that comes first; a result that comes too late goes to `dispose`. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal, dispose: (late: T) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      reject(signal.reason);
      promise.then(dispose, () => {});
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(
      (value) => {
        signal.removeEventListener("abort", onAbort);
        resolve(value);
      },
      (error: unknown) => {
        signal.removeEventListener("abort", onAbort);
        reject(error);
      },
    );
  });
}
