// Load on a server from threads of this process, and the figures of what came of it.

import { Worker } from "node:worker_threads";
import type { Endpoint, RawConnection, RawRequest } from "./raw-http2.ts";
import { connectHttp2 } from "./raw-http2.ts";
import type { LoadJob, LoadResult } from "./load-worker.ts";

/** Runs a job on so many threads, each with its part of connections and clients. */
export async function runLoad(job: LoadJob): Promise<LoadResult> {
  const worker = new Worker(new URL("./load-worker.ts", import.meta.url), { workerData: job });
  return await new Promise<LoadResult>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

/** One request on a connection of its own. Throws unless the answer is a success. */
export async function ask(endpoint: Endpoint, request: RawRequest): Promise<string> {
  const connection = await connectHttp2(endpoint);
  try {
    return await askOn(connection, request);
  } finally {
    connection.close();
  }
}

export async function askOn(connection: RawConnection, request: RawRequest): Promise<string> {
  const parts: Buffer[] = [];
  const keep = (part: Buffer) => void parts.push(Buffer.from(part));
  const status = await new Promise<number>((resolve) => connection.send(request, resolve, keep));
  const text = Buffer.concat(parts).toString();
  if (status < 200 || status > 299) throw new Error(`${request.method} ${request.path}: ${status} ${text}`);
  return text;
}

/** The value below which so much of all lies. */
export function percentile(values: Float64Array | readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** A rate as a whole number. */
export function perSecond(count: number, elapsedMs: number): number {
  return Math.round((count / elapsedMs) * 1000);
}

/** Calls `look` with each line of a watch's stream. */
export function lines(look: (line: Buffer) => void): (part: Buffer) => void {
  let rest: Buffer | undefined;
  return (part) => {
    const bytes = rest ? Buffer.concat([rest, part]) : part;
    let from = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
      look(bytes.subarray(from, end));
      from = end + 1;
    }
    rest = from < bytes.length ? Buffer.from(bytes.subarray(from)) : undefined;
  };
}
