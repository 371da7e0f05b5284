// A thread that keeps a server busy: so many clients, each with one request under way, over so many connections.

import { parentPort, workerData } from "node:worker_threads";
import { connectHttp1 } from "./raw-http1.ts";
import { connectHttp2, type Endpoint, type RawRequest } from "./raw-http2.ts";

export interface LoadJob {
  readonly endpoint: Endpoint;
  readonly protocol: "h1" | "h2";
  /** HTTP/1.1 carries one client a connection. */
  readonly connections: number;
  readonly clients: number;
  /** Ends after so many seconds, or after `total` requests. */
  readonly seconds?: number;
  readonly total?: number;
  /** Requests a second of all clients; absent: as many as they can. */
  readonly rate?: number;
  readonly method: RawRequest["method"];
  /** `%n` stands for the number of the request, `%c` for the client's, `%t` for the time in milliseconds since 1970. */
  readonly path: string;
  readonly body?: string;
  /** Of the body; default JSON. */
  readonly type?: string;
  /** Every answer must have it. */
  readonly expect: number;
}

export interface LoadResult {
  readonly count: number;
  readonly elapsedMs: number;
  /** Milliseconds of each request. */
  readonly times: Float64Array;
  readonly bytes: number;
}

async function run(job: LoadJob): Promise<LoadResult> {
  const connect = job.protocol === "h2" ? connectHttp2 : connectHttp1;
  const connections = await Promise.all(Array.from({ length: job.connections }, () => connect(job.endpoint)));
  const times: number[] = [];
  const { total = Infinity, seconds = Infinity } = job;
  const pathParts = cut(job.path);
  const bodyParts = job.body === undefined ? undefined : cut(job.body);
  const gapMs = job.rate === undefined ? 0 : (1000 * job.clients) / job.rate;
  let next = 0;
  let bytes = 0;
  const start = performance.now();
  const deadline = start + seconds * 1000;
  const client = (index: number) =>
    new Promise<void>((resolve, reject) => {
      const connection = connections[index % connections.length];
      const again = () => {
        const sent = performance.now();
        if (!connection || sent >= deadline || next >= total) return resolve();
        const number = next++;
        const path = fill(pathParts, number, index);
        const head = job.type === undefined ? { method: job.method, path } : { method: job.method, path, type: job.type };
        const request = bodyParts ? { ...head, body: fill(bodyParts, number, index) } : head;
        connection.send(request, (status, length) => {
          if (status !== job.expect) return reject(new Error(`${job.method} ${path}: ${status} instead of ${job.expect}`));
          times.push(performance.now() - sent);
          bytes += length;
          if (gapMs === 0) again();
          else setTimeout(again, Math.max(0, sent + gapMs - performance.now()));
        });
      };
      // Clients with a pace do not all begin at once.
      setTimeout(again, (gapMs * index) / job.clients);
    });
  await Promise.all(Array.from({ length: job.clients }, (_, index) => client(index)));
  const elapsedMs = performance.now() - start;
  for (const connection of connections) connection.close();
  return { count: times.length, elapsedMs, times: Float64Array.from(times), bytes };
}

/** Text between place holders, with the place holders. */
function cut(text: string): readonly string[] {
  return text.split(/(%[nct])/);
}

function fill(parts: readonly string[], number: number, client: number): string {
  let text = "";
  for (const part of parts) {
    if (part === "%n") text += number;
    else if (part === "%c") text += client;
    else text += part === "%t" ? performance.timeOrigin + performance.now() : part;
  }
  return text;
}

// The thread's job is what it was started with (runLoad in load.ts).
parentPort?.postMessage(await run(workerData as LoadJob));
