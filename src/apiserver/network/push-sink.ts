// A stream that is pushed to. A reader that falls too far behind is cut off rather than let its backlog fill the memory.

import type { Writable } from "node:stream";
import type { ApiResponse } from "../http.ts";

export type PushSink = Parameters<NonNullable<ApiResponse["push"]>>[0];

/** What all streams of a listener have not sent yet. Chunks that streams share are counted for each. */
export interface PushBacklog {
  bytes: number;
}

/** A backlog beyond this, and beyond the largest chunk so far (a big collection comes in one), is too much. */
const MAX_BACKLOG_BYTES = 16 * 1024 * 1024;
/** If all streams together hold more than this, each may hold little. */
const MAX_TOTAL_BYTES = 256 * 1024 * 1024;
const MAX_BACKLOG_WHEN_FULL_BYTES = 1024 * 1024;

/** Starts a response's push on a stream, and stops it when the stream closes. */
export function pushTo(stream: Writable, push: NonNullable<ApiResponse["push"]>, backlog: PushBacklog): void {
  let largest = 0;
  let open = true;
  let counted = 0;
  const count = (bytes: number): number => {
    backlog.bytes += bytes - counted;
    counted = bytes;
    return bytes;
  };
  stream.on("drain", () => count(stream.writableLength));
  const sink: PushSink = {
    write(chunk) {
      if (!open) return false;
      if (chunk.length > largest) largest = chunk.length;
      stream.write(chunk);
      const waiting = count(stream.writableLength);
      return waiting <= largest + (backlog.bytes > MAX_TOTAL_BYTES ? MAX_BACKLOG_WHEN_FULL_BYTES : MAX_BACKLOG_BYTES);
    },
    end() {
      if (!open) return;
      open = false;
      // Nobody waits for a reader that does not read: what it has not taken by now is dropped.
      if (stream.writableLength > MAX_BACKLOG_WHEN_FULL_BYTES) stream.destroy();
      else stream.end();
    },
  };
  let stop: (() => void) | undefined;
  stream.once("close", () => {
    open = false;
    count(0);
    stop?.();
  });
  stop = push(sink);
  if (stream.destroyed) stop();
}

/** Writes chunks as fast as the reader takes them. Gives up quietly when the stream closes. */
export async function pumpTo(stream: Writable, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) {
    if (stream.destroyed) return;
    if (!stream.write(chunk)) await drained(stream);
  }
  stream.end();
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.once("drain", done);
    stream.once("close", done);
  });
}
