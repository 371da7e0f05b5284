// Where the bytes of an answer go, whichever protocol carries them.

import type { Writable } from "node:stream";

export interface Outlet {
  /** What was written and has not been handed on to the socket. */
  readonly pendingBytes: number;
  /** The reader is gone, or everything was sent. */
  readonly closed: boolean;
  write(chunk: Uint8Array): void;
  end(): void;
  /** Drops what was not sent. */
  destroy(): void;
  /** Calls back whenever little is pending again. The last one given counts. */
  onDrain(callback: () => void): void;
  onceClosed(callback: () => void): void;
}

/** A stream of HTTP/1.1. */
export function outletOf(stream: Writable): Outlet {
  let onDrain: (() => void) | undefined;
  stream.on("drain", () => onDrain?.());
  return {
    get pendingBytes() {
      return stream.writableLength;
    },
    get closed() {
      return stream.destroyed;
    },
    write: (chunk) => void stream.write(chunk),
    end: () => void stream.end(),
    destroy: () => void stream.destroy(),
    onDrain(callback) {
      onDrain = callback;
    },
    onceClosed: (callback) => void stream.once("close", callback),
  };
}
