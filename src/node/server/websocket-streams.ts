// exec's and attach's streams in WebSocket messages: the first byte of each names a channel.

import { Readable, Writable } from "node:stream";
import type { WebSocket } from "ws";
import type { Status } from "#meta/errors.ts";
import type { RemoteStreams, StreamChoice } from "./remote-command.ts";
import { createResizeEvents } from "./resize-events.ts";

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;
/** v5 only: the second byte names the channel that the client has closed. */
const CLOSE = 255;

/** Newest first. Before v4 the error channel carries bare text. */
export const COMMAND_PROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io"] as const;
export type CommandProtocol = (typeof COMMAND_PROTOCOLS)[number];

/** Standard input that waits for its reader while the socket is held back. */
const STDIN_BUFFER = 256 * 1024;

export function websocketStreams(socket: WebSocket, choice: StreamChoice, protocol: CommandProtocol): RemoteStreams {
  const gone = new AbortController();
  const resize = createResizeEvents();
  const stdin = choice.stdin ? new Readable({ highWaterMark: STDIN_BUFFER, read: () => socket.resume() }) : undefined;
  const send = (channel: number, chunk: Uint8Array, done: (error?: Error | null) => void) => {
    const message = Buffer.allocUnsafe(chunk.length + 1);
    message[0] = channel;
    message.set(chunk, 1);
    socket.send(message, { binary: true }, done);
  };
  const writer = (channel: number) => {
    const stream = new Writable({ write: (chunk: Uint8Array, _encoding, done) => send(channel, chunk, done) });
    stream.on("error", () => {});
    return stream;
  };
  const stdout = choice.stdout ? writer(STDOUT) : undefined;
  const stderr = choice.stderr ? writer(STDERR) : undefined;

  socket.on("message", (data, isBinary) => {
    const message = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer); // ws gives Buffers unless told otherwise
    const channel = isBinary ? message[0] : undefined;
    if (channel === STDIN) {
      if (message.length > 1 && stdin && !stdin.readableEnded && !stdin.push(message.subarray(1))) socket.pause();
    } else if (channel === RESIZE) resize.push(message.toString("utf8", 1));
    else if (channel === CLOSE && protocol === "v5.channel.k8s.io" && message[1] === STDIN) stdin?.push(null);
  });
  socket.on("error", () => {});
  socket.once("close", () => {
    gone.abort(new Error("the client has gone"));
    resize.end();
    if (stdin && !stdin.readableEnded) stdin.push(null);
    stdout?.destroy();
    stderr?.destroy();
  });
  // Tells the client that the streams stand.
  for (const channel of [choice.stdout ? STDOUT : [], choice.stderr ? STDERR : []].flat()) send(channel, new Uint8Array(0), () => {});

  return {
    ...(stdin ? { stdin } : {}),
    ...(stdout ? { stdout } : {}),
    ...(stderr ? { stderr } : {}),
    resize,
    signal: gone.signal,
    async finish(status: Status) {
      await Promise.all([stdout, stderr].map((stream) => stream && ended(stream)));
      // Input that nobody will read must not keep the close handshake from coming through.
      stdin?.destroy();
      socket.resume();
      if (gone.signal.aborted) return;
      const text = protocol === "channel.k8s.io" ? (status.status === "Success" ? "" : (status.message ?? "")) : JSON.stringify(status);
      await new Promise<void>((resolve) => {
        socket.once("close", () => resolve());
        if (text === "") socket.close(1000);
        else send(ERROR, Buffer.from(text), () => socket.close(1000));
      });
    },
  };
}

function ended(stream: Writable): Promise<void> {
  if (stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once("close", () => resolve());
    stream.end();
  });
}
