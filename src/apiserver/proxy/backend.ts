// Where a request is passed on to, and how to get there.

import type { ClientRequest, IncomingMessage } from "node:http";
import { Agent as HttpAgent, request as httpRequest } from "#lib/node-http.ts";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

export interface BackendTarget {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly port: number;
  /** Encoded path with query. */
  readonly path: string;
  readonly agent: BackendAgent;
}

/** Keeps connections to backends. */
export interface BackendAgent extends Disposable {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

/** How this server shows itself to node agents, and whom it believes to be one. All PEM. */
export interface KubeletCredentials {
  readonly clientCertificate: string;
  readonly clientKey: string;
  readonly ca: string;
}

/** For backends of whom nothing is known: their certificates vouch for nothing, as upstream has it for pods and services. */
export function workloadAgent(): BackendAgent {
  return agentOf({ rejectUnauthorized: false });
}

export function kubeletAgent(credentials: KubeletCredentials | undefined): BackendAgent {
  return agentOf(credentials ? { cert: credentials.clientCertificate, key: credentials.clientKey, ca: credentials.ca } : {});
}

function agentOf(tls: NonNullable<ConstructorParameters<typeof HttpsAgent>[0]>): BackendAgent {
  const http = new HttpAgent({ keepAlive: true });
  const https = new HttpsAgent({ keepAlive: true, ...tls });
  return {
    http,
    https,
    [Symbol.dispose]() {
      http.destroy();
      https.destroy();
    },
  };
}

export function openRequest(target: BackendTarget, method: string, headers: Readonly<Record<string, string>>): ClientRequest {
  const { scheme, host, port, path, agent } = target;
  const common = { host, port, path, method, headers: { ...headers } };
  return scheme === "https" ? httpsRequest({ ...common, agent: agent.https }) : httpRequest({ ...common, agent: agent.http });
}

/** Sends a request and resolves to the head of its answer. Rejects with the system's error; see `dialError`. */
export function exchangeWith(
  target: BackendTarget,
  options: {
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: Uint8Array;
    readonly signal: AbortSignal;
  },
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { signal } = options;
    const outgoing = openRequest(target, options.method, options.headers);
    const abort = () => outgoing.destroy(new Error("context canceled"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    outgoing.once("close", () => signal.removeEventListener("abort", abort));
    outgoing.once("response", resolve);
    outgoing.on("error", reject);
    outgoing.end(options.body?.length ? options.body : undefined);
  });
}

/** An answer's body, which ends early but in peace when the client goes. */
export async function* bodyOf(answer: IncomingMessage, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    yield* answer;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

const SYSTEM_TEXT: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connect: connection refused",
  ECONNRESET: "read: connection reset by peer",
  EHOSTUNREACH: "connect: no route to host",
  ENETUNREACH: "connect: network is unreachable",
  ETIMEDOUT: "i/o timeout",
};

/** A connection's failure in the words that tools know. */
export function dialError({ host, port }: Pick<BackendTarget, "host" | "port">, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException; // what node:http rejects with
  const text = code === undefined ? undefined : SYSTEM_TEXT[code];
  return text === undefined ? message : `dial tcp ${host.includes(":") ? `[${host}]` : host}:${port}: ${text}`;
}
