// What a connection has to send: frames of this turn of the event loop go to the socket together, bodies in turns, no more than the client and
// its socket take.

import type { Socket } from "node:net";
import { MAX_WINDOW, MIN_MAX_FRAME } from "./frames.ts";
import type { Http2Stream } from "./stream.ts";

/** So much is handed to the socket in a turn. With less, watchers would fall behind writers whenever the server is what is slow. */
const FLUSH_BYTES = 1024 * 1024;
/** Answers to the client's own frames may pile up so far while it does not read. */
const MAX_CONTROL_BYTES = 1024 * 1024;

export class Outbox {
  /** What the client takes on all streams. */
  window: number;
  readonly #socket: Socket;
  readonly #ready = new Set<Http2Stream>();
  #frames: Buffer[] = [];
  #bytes = 0;
  #controlBytes = 0;
  #scheduled = false;
  #blocked = false;
  #finishing = false;

  constructor(socket: Socket, window: number) {
    this.#socket = socket;
    this.window = window;
    socket.on("drain", () => {
      this.#blocked = false;
      this.#flush();
    });
  }

  /** Whether the client lets frames pile up by not reading. */
  get overflows(): boolean {
    return this.#controlBytes > MAX_CONTROL_BYTES;
  }

  /** Frames about the connection and its streams. */
  push(frames: Buffer): void {
    this.#controlBytes += frames.length;
    this.send(frames, 0);
  }

  /** Frames of answers, `data` bytes of which count in the window. */
  send(frames: Buffer, data: number): void {
    this.window -= data;
    this.#frames.push(frames);
    this.#bytes += frames.length;
    this.#schedule();
  }

  wake(stream: Http2Stream): void {
    if (!stream.canSend) return;
    this.#ready.add(stream);
    this.#schedule();
  }

  forget(stream: Http2Stream): void {
    this.#ready.delete(stream);
  }

  /** False if the window would grow beyond what the protocol knows. */
  widen(by: number): boolean {
    this.window += by;
    if (this.#ready.size > 0) this.#schedule();
    return this.window <= MAX_WINDOW;
  }

  /** Ends the socket once everything was handed to it. */
  finish(): void {
    this.#finishing = true;
    this.#schedule();
  }

  /** Hands over what can be sent, whether the socket takes it or not: it is about to be ended. */
  flushNow(): void {
    this.#blocked = false;
    this.#flush();
  }

  #schedule(): void {
    if (this.#scheduled || this.#blocked) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }

  readonly #run = (): void => {
    this.#scheduled = false;
    this.#flush();
  };

  #flush(): void {
    if (this.#blocked || this.#socket.destroyed) return;
    const parts: Uint8Array[] = this.#frames;
    let bytes = this.#bytes;
    this.#frames = [];
    this.#bytes = 0;
    this.#controlBytes = 0;
    for (const stream of this.#ready) {
      if (bytes >= FLUSH_BYTES) break;
      // To the end of the line: the next stream has its turn first.
      this.#ready.delete(stream);
      if (!stream.canSend) continue;
      if (this.window <= 0 && stream.pendingBytes > 0) {
        this.#ready.add(stream);
        break;
      }
      const sent = stream.take(parts, Math.min(this.window, MIN_MAX_FRAME));
      this.window -= sent;
      bytes += sent;
      if (!stream.closed && stream.canSend) this.#ready.add(stream);
    }
    const [first] = parts;
    if (first) this.#blocked = !this.#socket.write(parts.length === 1 ? first : Buffer.concat(parts));
    if (this.#ready.size > 0 ? this.window > 0 : this.#frames.length > 0) this.#schedule();
    else if (this.#finishing && this.#ready.size === 0) this.#socket.end();
  }
}
