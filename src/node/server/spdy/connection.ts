// The server's side of a SPDY/3.1 connection: the client opens streams, each a Duplex.

import { Duplex } from "node:stream";
import {
  controlFrame,
  createFrameReader,
  dataFrame,
  FLAG_FIN,
  type Frame,
  FrameType,
  RST_CANCEL,
  rstFrame,
  SpdyError,
  synReplyFrame,
} from "./frames.ts";
import { createHeaderDecoder, createHeaderEncoder, type Headers } from "./header-block.ts";

/** What a stream's reader may leave lying before the whole connection has to wait: clients keep no windows. */
const STREAM_BUFFER = 1024 * 1024;
/** Small enough that streams take turns. */
const MAX_DATA = 64 * 1024;

export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: Headers;
  readonly #send: (frame: Buffer, done?: (error?: Error | null) => void) => void;
  #wake: (() => void) | undefined;
  #isReset = false;

  constructor(id: number, headers: Headers, send: (frame: Buffer, done?: (error?: Error | null) => void) => void) {
    super({ allowHalfOpen: true, readableHighWaterMark: STREAM_BUFFER, writableHighWaterMark: MAX_DATA });
    this.id = id;
    this.headers = headers;
    this.#send = send;
    this.on("error", () => {});
    this.once("close", () => this.#wake?.());
  }

  /** Resolves when more may come; undefined: at once. */
  receive(data: Buffer, fin: boolean): Promise<void> | undefined {
    if (this.destroyed || this.readableEnded) return undefined;
    const hasRoom = data.length === 0 || this.push(data);
    if (fin) this.push(null);
    if (hasRoom || fin) return undefined;
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** The client gave the stream up. */
  reset(): void {
    this.#isReset = true;
    this.destroy();
  }

  override _read(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    let at = 0;
    for (; chunk.length - at > MAX_DATA; at += MAX_DATA) this.#send(dataFrame(this.id, chunk.subarray(at, at + MAX_DATA)));
    this.#send(dataFrame(this.id, chunk.subarray(at)), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#send(dataFrame(this.id, new Uint8Array(0), true), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const isWhole = this.readableEnded && this.writableFinished;
    if (!isWhole && !this.#isReset) this.#send(rstFrame(this.id, RST_CANCEL));
    done(error);
  }
}

export interface SpdyConnection {
  /** Resolves when the connection has ended, for whatever reason. */
  readonly closed: Promise<void>;
  /** Delivers what was written, then ends the connection. */
  end(): void;
}

/** Serves the transport until it ends. `onStream` gets each stream that the client opens, accepted already. */
export function serveSpdy(transport: Duplex, onStream: (stream: SpdyStream) => void): SpdyConnection {
  const streams = new Map<number, SpdyStream>();
  const encoder = createHeaderEncoder();
  const decoder = createHeaderDecoder();
  const send = (frame: Buffer, done?: (error?: Error | null) => void) => {
    if (transport.writable) transport.write(frame, done);
    else done?.(new Error("the connection has ended"));
  };
  transport.on("error", () => {});

  const open = async (flags: number, payload: Buffer): Promise<void> => {
    const id = payload.readUInt32BE(0) & 0x7fff_ffff;
    const headers = await decoder.decode(payload.subarray(10));
    if (streams.has(id)) throw new SpdyError(`stream ${id} is open already`);
    const stream = new SpdyStream(id, headers, send);
    streams.set(id, stream);
    stream.once("close", () => streams.delete(id));
    send(synReplyFrame(id, encoder.encode({})));
    onStream(stream);
    if ((flags & FLAG_FIN) !== 0) await stream.receive(Buffer.alloc(0), true);
  };

  /** Frames that need no waiting give no promise. */
  const take = (frame: Frame): Promise<unknown> | undefined => {
    if (frame.kind === "data") return streams.get(frame.streamId)?.receive(frame.data, frame.fin);
    const { type, flags, payload } = frame;
    switch (type) {
      case FrameType.synStream:
        return open(flags, payload);
      // Nothing in them counts, but the blocks share one compression.
      case FrameType.synReply:
      case FrameType.headers:
        return decoder.decode(payload.subarray(4));
      case FrameType.rstStream:
        streams.get(payload.readUInt32BE(0) & 0x7fff_ffff)?.reset();
        return undefined;
      case FrameType.ping:
        // Odd numbers are the client's; even ones would answer ours.
        if (payload.readUInt32BE(0) % 2 === 1) send(controlFrame(FrameType.ping, payload));
        return undefined;
      default:
        return undefined;
    }
  };

  const run = async (): Promise<void> => {
    const reader = createFrameReader();
    try {
      for await (const chunk of transport) {
        reader.push(chunk as Buffer); // transports are byte streams
        for (let frame = reader.next(); frame; frame = reader.next()) {
          const wait = take(frame);
          if (wait) await wait;
        }
      }
    } catch {
      // A broken frame or a broken transport: either way this connection is over.
    } finally {
      for (const stream of streams.values()) stream.reset();
      decoder[Symbol.dispose]();
      transport.destroy();
    }
  };
  return { closed: run(), end: () => void transport.end() };
}
