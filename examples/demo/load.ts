// An open-loop load generator: requests leave on a fixed schedule whatever the answers do, so that a stall shows as
// latency and not as fewer requests. Half of them use kept-alive connections, half a new one each. Runs in a process of
// its own (see demo.ts), told what to do by its arguments, and writes what it saw as JSON at the end.
//
//   node load.ts URL REQUESTS_PER_SECOND SECONDS

import { Agent, request } from "node:http";

export interface LoadReport {
  readonly requests: number;
  readonly failed: number;
  /** Failures by cause: `HTTP 503`, `ECONNRESET on a kept-alive connection`, ... */
  readonly causes: Readonly<Record<string, number>>;
  /** Milliseconds from the moment a request was due to its last byte. */
  readonly latencyMs: { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number };
  /** Share of answered requests within 15 ms. */
  readonly within15Ms: number;
  /** Answers by first word of the body (the version) and second (the pod): first and last moment, seconds since the start. */
  readonly pods: Readonly<
    Record<string, { readonly version: string; readonly first: number; readonly last: number; readonly answers: number }>
  >;
}

const TIMEOUT_MS = 5_000;
const TICK_MS = 1;

async function run(url: URL, perSecond: number, seconds: number): Promise<LoadReport> {
  const keptAlive = new Agent({ keepAlive: true, maxSockets: 64 });
  const fresh = new Agent({ keepAlive: false, maxSockets: Infinity });
  const latencies: number[] = [];
  const causes: Record<string, number> = {};
  const pods: Record<string, { version: string; first: number; last: number; answers: number }> = {};
  const total = Math.round(perSecond * seconds);
  let sent = 0;
  let finished = 0;
  const startedAt = performance.now();

  await new Promise<void>((done) => {
    const finish = (due: number, cause: string | undefined, body?: string) => {
      finished++;
      if (cause !== undefined) causes[cause] = (causes[cause] ?? 0) + 1;
      else {
        const now = performance.now();
        latencies.push(now - due);
        const [version = "", pod = ""] = (body ?? "").trim().split(" ");
        const at = (now - startedAt) / 1000;
        const seen = (pods[pod] ??= { version, first: at, last: at, answers: 0 });
        seen.last = at;
        seen.answers++;
      }
      if (finished === total) done();
    };
    const send = (index: number, due: number) => {
      const keep = index % 2 === 0;
      const how = keep ? "on a kept-alive connection" : "on a new connection";
      let ended = false;
      const end = (cause: string | undefined, body?: string) => {
        if (ended) return;
        ended = true;
        finish(due, cause, body);
      };
      const call = request(url, { agent: keep ? keptAlive : fresh, timeout: TIMEOUT_MS }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          end(response.statusCode === 200 ? undefined : `HTTP ${response.statusCode}`, Buffer.concat(chunks).toString()),
        );
        response.on("error", (error: NodeJS.ErrnoException) => end(`${error.code ?? error.message} ${how}, in the answer`));
      });
      call.on("timeout", () => call.destroy(Object.assign(new Error("timeout"), { code: "no answer within 5 s" })));
      call.on("error", (error: NodeJS.ErrnoException) => end(`${error.code ?? error.message} ${how}`));
      call.end();
    };
    const tick = () => {
      const now = performance.now();
      while (sent < total && startedAt + (sent * 1000) / perSecond <= now) {
        send(sent, startedAt + (sent * 1000) / perSecond);
        sent++;
      }
      if (sent < total) setTimeout(tick, TICK_MS);
    };
    tick();
  });
  keptAlive.destroy();
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return {
    requests: total,
    failed: total - latencies.length,
    causes,
    latencyMs: { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) },
    within15Ms: sorted.filter((ms) => ms <= 15).length / sorted.length,
    pods,
  };
}

const [url, perSecond, seconds] = process.argv.slice(2);
if (url === undefined) {
  console.error("usage: load.ts URL REQUESTS_PER_SECOND SECONDS");
  process.exit(2);
}
console.log(JSON.stringify(await run(new URL(url), Number(perSecond ?? 500), Number(seconds ?? 10))));
