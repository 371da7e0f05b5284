// Port-forward: the client opens two SPDY streams for each connection, one for its bytes and one for the word of what went wrong.

import type { Duplex } from "node:stream";
import type { Clock, Timer } from "#lib/clock.ts";
import type { PodAccess } from "./pod-access.ts";
import { serveSpdy, type SpdyStream } from "./spdy/connection.ts";

export const PORT_FORWARD_PROTOCOL = "portforward.k8s.io";
/** SPDY inside WebSocket messages. */
export const PORT_FORWARD_TUNNEL = "SPDY/3.1+portforward.k8s.io";

/** How long a stream waits for its partner. */
const PAIR_MS = 30_000;

interface Pair {
  timer?: Timer;
  error?: SpdyStream;
  data?: SpdyStream;
}

export interface ForwardedPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** Resolves when the client has gone. */
export function forwardPorts(access: PodAccess, clock: Pick<Clock, "after">, pod: ForwardedPod, transport: Duplex): Promise<void> {
  const pairs = new Map<string, Pair>();
  const connection = serveSpdy(transport, (stream) => {
    const { streamtype: type, requestid, port: portText = "" } = stream.headers;
    const port = Number(portText);
    if ((type !== "error" && type !== "data") || !Number.isInteger(port) || port < 1 || port > 65_535) {
      stream.destroy();
      return;
    }
    // Old clients give no ids: they open the data stream right after its error stream.
    const id = requestid ?? String(type === "error" ? stream.id : stream.id - 2);
    const known = pairs.get(id);
    const pair: Pair = known ?? {};
    if (pair[type]) {
      stream.destroy();
      return;
    }
    pair[type] = stream;
    if (!known) {
      pairs.set(id, pair);
      pair.timer = clock.after(PAIR_MS, () => {
        pairs.delete(id);
        pair.error?.end(`request ${id} timed out waiting for streams`);
        pair.data?.destroy();
      });
      stream.once("close", () => pair.timer?.cancel());
    }
    if (pair.error && pair.data) {
      pairs.delete(id);
      pair.timer?.cancel();
      void forward(access, pod, port, pair.data, pair.error);
    }
  });
  return connection.closed;
}

async function forward(access: PodAccess, pod: ForwardedPod, port: number, data: SpdyStream, error: SpdyStream): Promise<void> {
  error.resume();
  try {
    const backend = await access.portForward(pod.namespace, pod.name, port);
    await joinStreams(data, backend);
  } catch (failure) {
    const cause = failure instanceof Error ? failure.message : String(failure);
    error.write(`error forwarding port ${port} to pod ${pod.name}, uid ${pod.uid}: ${cause}`);
  }
  error.end();
  data.end();
}

/** Both directions, each ending on its own; resolves when the pod's side is through, rejects if that breaks. */
function joinStreams(client: Duplex, backend: Duplex): Promise<void> {
  return new Promise((resolve, reject) => {
    backend.once("error", reject);
    backend.once("close", () => resolve());
    client.once("close", () => backend.destroy());
    if (client.destroyed) backend.destroy();
    client.pipe(backend);
    backend.pipe(client);
  });
}
