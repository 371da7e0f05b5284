// exec's and attach's streams over raw SPDY, which older clients speak.

import type { Duplex } from "node:stream";
import type { Clock } from "#lib/clock.ts";
import type { Status } from "#meta/errors.ts";
import type { RemoteStreams, StreamChoice } from "./remote-command.ts";
import { createResizeEvents } from "./resize-events.ts";
import { serveSpdy, type SpdyStream } from "./spdy/connection.ts";

/** Newest first; on SPDY, which can end one direction by itself, the fifth brings nothing new. */
export const SPDY_COMMAND_PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

/** How long the client may take to open its streams. */
const OPEN_MS = 30_000;

/** Resolves when the client has opened all streams it asked for; rejects if it goes away or takes too long. */
export function spdyStreams(transport: Duplex, choice: StreamChoice, clock: Pick<Clock, "after">): Promise<RemoteStreams> {
  const { stdin, stdout, stderr, tty } = choice;
  const wanted = [
    "error",
    ...(stdin ? ["stdin"] : []),
    ...(stdout ? ["stdout"] : []),
    ...(stderr ? ["stderr"] : []),
    ...(tty ? ["resize"] : []),
  ];
  const gone = new AbortController();
  const found = new Map<string, SpdyStream>();
  return new Promise((resolve, reject) => {
    const timer = clock.after(OPEN_MS, () => {
      transport.destroy();
      reject(new Error("timed out waiting for client to create streams"));
    });
    const connection = serveSpdy(transport, (stream) => {
      const type = stream.headers["streamtype"] ?? "";
      if (!wanted.includes(type) || found.has(type)) return void stream.destroy();
      found.set(type, stream);
      if (found.size < wanted.length) return;
      timer.cancel();
      resolve(streamsOf());
    });
    void connection.closed.then(() => {
      gone.abort(new Error("the client has gone"));
      timer.cancel();
      reject(new Error("the client has gone"));
    });
    const streamsOf = (): RemoteStreams => {
      const resize = createResizeEvents();
      found.get("resize")?.on("data", (chunk: Buffer) => resize.push(chunk.toString()));
      gone.signal.addEventListener("abort", () => resize.end());
      const [input, output, errors] = [found.get("stdin"), found.get("stdout"), found.get("stderr")];
      return {
        ...(input ? { stdin: input } : {}),
        ...(output ? { stdout: output } : {}),
        ...(errors ? { stderr: errors } : {}),
        resize,
        signal: gone.signal,
        async finish(status: Status) {
          const error = found.get("error");
          await Promise.all([output, errors].map((stream) => stream && finished(stream)));
          error?.end(JSON.stringify(status));
          if (error) await finished(error);
          connection.end();
          await connection.closed;
        },
      };
    };
  });
}

function finished(stream: SpdyStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableFinished) return resolve();
    stream.once("finish", resolve);
    stream.once("close", resolve);
    stream.end();
  });
}
