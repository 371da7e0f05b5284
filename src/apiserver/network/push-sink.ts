// A stream that is pushed to. A reader that falls too far behind is cut off rather than let its backlog fill the memory.

import type { ApiResponse } from "../http.ts";
import type { Outlet } from "./outlet.ts";

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

/** Chunks of a body wait while more than this is pending. */
const HIGH_WATER_BYTES = 64 * 1024;

/** Starts a response's push to an outlet, and stops it when that closes. */
export function pushTo(outlet: Outlet, push: NonNullable<ApiResponse["push"]>, backlog: PushBacklog): void {
  let largest = 0;
  let open = true;
  let counted = 0;
  const count = (bytes: number): number => {
    backlog.bytes += bytes - counted;
    counted = bytes;
    return bytes;
  };
  outlet.onDrain(() => count(outlet.pendingBytes));
  const sink: PushSink = {
    write(chunk) {
      if (!open) return false;
      if (chunk.length > largest) largest = chunk.length;
      outlet.write(chunk);
      const waiting = count(outlet.pendingBytes);
      return waiting <= largest + (backlog.bytes > MAX_TOTAL_BYTES ? MAX_BACKLOG_WHEN_FULL_BYTES : MAX_BACKLOG_BYTES);
    },
    end() {
      if (!open) return;
      open = false;
      // Nobody waits for a reader that does not read: what it has not taken by now is dropped.
      if (outlet.pendingBytes > MAX_BACKLOG_WHEN_FULL_BYTES) outlet.destroy();
      else outlet.end();
    },
  };
  let stop: (() => void) | undefined;
  outlet.onceClosed(() => {
    open = false;
    count(0);
    stop?.();
  });
  stop = push(sink);
  if (outlet.closed) stop();
}

/** Writes chunks as fast as the reader takes them. Gives up quietly when the stream closes. */
export async function pumpTo(outlet: Outlet, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  let wake: (() => void) | undefined;
  const goOn = () => wake?.();
  outlet.onDrain(goOn);
  outlet.onceClosed(goOn);
  for await (const chunk of chunks) {
    if (outlet.closed) return;
    outlet.write(chunk);
    if (outlet.pendingBytes < HIGH_WATER_BYTES) continue;
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
  outlet.end();
}
