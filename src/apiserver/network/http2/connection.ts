// The server's end of an HTTP/2 connection (RFC 9113): reads frames, keeps the streams and both windows. What is sent is in outbox.ts. docs/decisions/0006
// says why this is not node:http2.

import type { Socket } from "node:net";
import {
  CODE,
  ConnectionError,
  DEFAULT_WINDOW,
  FLAG,
  frame,
  FRAME_HEADER,
  goAwayFrame,
  MAX_MAX_FRAME,
  MAX_WINDOW,
  MIN_MAX_FRAME,
  numberFrame,
  PREFACE,
  SETTING,
  settingsFrame,
  TYPE,
} from "./frames.ts";
import { HpackDecoder, MAX_HEADER_BYTES } from "./hpack-decoder.ts";
import { HpackError } from "./hpack-error.ts";
import type { HeaderField } from "./hpack-table.ts";
import type { HuffmanDecoder } from "./huffman.ts";
import { Outbox } from "./outbox.ts";
import { createRateLimit } from "./rate-limit.ts";
import { areTrailers, readHead } from "./request-head.ts";
import { Http2Stream, type StreamLink } from "./stream.ts";

/** Upstream lets a connection carry so many requests at once. */
const MAX_STREAMS = 1000;
/** What a client may send on one stream, and on all, before it is told that more is welcome. */
const STREAM_WINDOW = 1024 * 1024;
const CONNECTION_WINDOW = 4 * 1024 * 1024;
/** Bodies that a connection may hold together. */
const MAX_HELD_BYTES = 100 * 1024 * 1024;
/** Frames that cost the server more than the client: a few thousand watches may be reset together, a flood may not go on. */
const CHEAP_BURST = 10_000;
const CHEAP_PER_SECOND = 1000;
/** Of one frame; nghttp2's. */
const MAX_SETTINGS = 32;

export interface ConnectionOptions {
  readonly huffman: HuffmanDecoder;
  readonly onStream: (stream: Http2Stream) => void;
  readonly onClose: () => void;
  /** Why a connection was ended for what the client sent. */
  readonly onError: (error: unknown) => void;
  readonly nowMs: () => number;
}

interface Block {
  readonly stream: number;
  readonly endStream: boolean;
  readonly parts: Buffer[];
  bytes: number;
}

export class Http2Connection implements StreamLink {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #outbox: Outbox;
  readonly #hpack: HpackDecoder;
  readonly #streams = new Map<number, Http2Stream>();
  readonly #mayGoOn: () => boolean;
  #rest: Buffer | undefined;
  #prefaced = false;
  #settled = false;
  /** Streams that ended here before the client had sent everything, the latest ones: what still comes on them is dropped. */
  readonly #abandoned = new Set<number>();
  /** Headers that go on in the next frame. */
  #block: Block | undefined;
  #lastStream = 0;
  #clientWindow = DEFAULT_WINDOW;
  #received = 0;
  #held = 0;
  #closing = false;
  #ended = false;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#outbox = new Outbox(socket, DEFAULT_WINDOW);
    this.#hpack = new HpackDecoder(options.huffman);
    this.#mayGoOn = createRateLimit(CHEAP_BURST, CHEAP_PER_SECOND, options.nowMs);
    this.#outbox.push(settingsFrame({ maxStreams: MAX_STREAMS, initialWindow: STREAM_WINDOW, maxHeaders: MAX_HEADER_BYTES }));
    this.#outbox.push(numberFrame(TYPE.windowUpdate, 0, CONNECTION_WINDOW - DEFAULT_WINDOW));
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", () => socket.destroy());
    // The client has nothing more to say; there is nobody to answer either.
    socket.once("end", () => socket.end());
    socket.once("close", () => {
      this.#ended = true;
      for (const stream of this.#streams.values()) this.#outbox.forget(stream);
      const streams = [...this.#streams.values()];
      this.#streams.clear();
      for (const stream of streams) stream.close();
      options.onClose();
    });
  }

  /** Takes no more requests, and ends when those under way are answered. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#outbox.push(goAwayFrame(this.#lastStream, CODE.noError));
    this.#endIfIdle();
  }

  get window(): number {
    return this.#outbox.window;
  }

  send(frames: Buffer, data: number): void {
    this.#outbox.send(frames, data);
  }

  wake(stream: Http2Stream): void {
    this.#outbox.wake(stream);
  }

  reset(stream: Http2Stream, code: number): void {
    this.#outbox.push(numberFrame(TYPE.reset, stream.id, code));
    if (!stream.ended) this.#abandon(stream.id);
    this.finish(stream);
  }

  finish(stream: Http2Stream): void {
    if (!this.#streams.delete(stream.id)) return;
    this.#held -= stream.held;
    this.#outbox.forget(stream);
    stream.close();
    this.#endIfIdle();
  }

  #abandon(id: number): void {
    this.#abandoned.add(id);
    if (this.#abandoned.size <= MAX_STREAMS) return;
    for (const oldest of this.#abandoned) {
      this.#abandoned.delete(oldest);
      break;
    }
  }

  /** Something came on a stream that is closed: fine only if the client could not know. */
  #checkAbandoned(id: number, last: boolean): void {
    if (!this.#abandoned.has(id)) throw new ConnectionError(CODE.streamClosed, "the stream is closed");
    if (last) this.#abandoned.delete(id);
  }

  #endIfIdle(): void {
    if (this.#closing && !this.#ended && this.#streams.size === 0) this.#outbox.finish();
  }

  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    const code = error instanceof ConnectionError ? error.code : error instanceof HpackError ? CODE.compression : CODE.internal;
    this.#options.onError(error);
    this.#outbox.push(goAwayFrame(this.#lastStream, code));
    this.#outbox.flushNow();
    this.#socket.destroySoon();
  }

  #read(chunk: Buffer): void {
    if (this.#ended) return;
    const bytes = this.#rest ? Buffer.concat([this.#rest, chunk]) : chunk;
    try {
      const at = this.#frames(bytes, this.#preface(bytes));
      this.#rest = at < bytes.length ? bytes.subarray(at) : undefined;
      if (this.#received >= CONNECTION_WINDOW / 2) this.#acknowledge();
      if (this.#outbox.overflows) throw new ConnectionError(CODE.calm, "the client does not read");
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Where frames begin. */
  #preface(bytes: Buffer): number {
    if (this.#prefaced) return 0;
    const known = Math.min(bytes.length, PREFACE.length);
    if (bytes.compare(PREFACE, 0, known, 0, known) !== 0) throw new ConnectionError(CODE.protocol, "no HTTP/2");
    if (bytes.length < PREFACE.length) return 0;
    this.#prefaced = true;
    return PREFACE.length;
  }

  /** Reads whole frames; gives where the rest begins. */
  #frames(bytes: Buffer, from: number): number {
    let at = from;
    if (!this.#prefaced) return at;
    while (bytes.length - at >= FRAME_HEADER && !this.#ended) {
      const length = bytes.readUIntBE(at, 3);
      if (length > MIN_MAX_FRAME) throw new ConnectionError(CODE.frameSize, "a frame is too large");
      const end = at + FRAME_HEADER + length;
      if (end > bytes.length) break;
      const type = bytes[at + 3] ?? 0;
      if (!this.#settled) {
        if (type !== TYPE.settings) throw new ConnectionError(CODE.protocol, "settings come first");
        this.#settled = true;
      }
      this.#frame(type, bytes[at + 4] ?? 0, bytes.readUInt32BE(at + 5) & MAX_WINDOW, bytes.subarray(at + FRAME_HEADER, end));
      at = end;
    }
    return at;
  }

  #frame(type: number, flags: number, id: number, payload: Buffer): void {
    if (this.#block && (type !== TYPE.continuation || id !== this.#block.stream)) {
      throw new ConnectionError(CODE.protocol, "headers are not continued");
    }
    switch (type) {
      case TYPE.data:
        return this.#onData(flags, id, payload);
      case TYPE.headers:
        return this.#onHeaders(flags, id, payload);
      case TYPE.continuation:
        return this.#onContinuation(flags, payload);
      case TYPE.windowUpdate:
        return this.#onWindowUpdate(id, payload);
      case TYPE.settings:
        return this.#onSettings(flags, id, payload);
      case TYPE.reset:
        return this.#onReset(id, payload);
      case TYPE.ping:
        if (id !== 0) throw new ConnectionError(CODE.protocol, "a ping on a stream");
        if (payload.length !== 8) throw new ConnectionError(CODE.frameSize, "a ping of another size");
        if (flags & FLAG.ack) return;
        this.#spend();
        return this.#outbox.push(frame(TYPE.ping, FLAG.ack, 0, payload));
      case TYPE.priority:
        // Nothing is made of priorities, as in RFC 9113.
        this.#spend();
        if (id === 0) throw new ConnectionError(CODE.protocol, "a priority of no stream");
        if (payload.length !== 5) this.#refuseStream(id, CODE.frameSize);
        else if ((payload.readUInt32BE(0) & MAX_WINDOW) === id) this.#refuseStream(id, CODE.protocol);
        return;
      case TYPE.goAway:
        if (id !== 0) throw new ConnectionError(CODE.protocol, "a goodbye on a stream");
        return this.close();
      case TYPE.pushPromise:
        throw new ConnectionError(CODE.protocol, "clients do not push");
      default:
        this.#spend();
    }
  }

  /** Counts a frame that costs the client nothing. */
  #spend(): void {
    if (!this.#mayGoOn()) throw new ConnectionError(CODE.calm, "too many control frames");
  }

  #onHeaders(flags: number, id: number, payload: Buffer): void {
    if (id === 0 || id % 2 === 0) throw new ConnectionError(CODE.protocol, "headers on no stream of a client");
    let block = unpadded(flags, payload);
    if (flags & FLAG.priority) {
      if (block.length < 5) throw new ConnectionError(CODE.frameSize, "a priority is cut off");
      if ((block.readUInt32BE(0) & MAX_WINDOW) === id) throw new ConnectionError(CODE.protocol, "a stream that depends on itself");
      block = block.subarray(5);
    }
    const endStream = (flags & FLAG.endStream) !== 0;
    if (flags & FLAG.endHeaders) this.#onBlock(id, endStream, block);
    else this.#block = { stream: id, endStream, parts: [block], bytes: block.length };
  }

  #onContinuation(flags: number, payload: Buffer): void {
    const block = this.#block;
    if (!block) throw new ConnectionError(CODE.protocol, "nothing to continue");
    if (payload.length === 0) this.#spend();
    block.parts.push(payload);
    block.bytes += payload.length;
    if (block.bytes > MAX_HEADER_BYTES) throw new ConnectionError(CODE.calm, "too many headers");
    if (!(flags & FLAG.endHeaders)) return;
    this.#block = undefined;
    this.#onBlock(block.stream, block.endStream, Buffer.concat(block.parts));
  }

  #onBlock(id: number, endStream: boolean, block: Buffer): void {
    // Every block is read: later ones may refer to it.
    const fields = this.#hpack.decode(block);
    if (id > this.#lastStream) return this.#open(id, endStream, fields);
    const stream = this.#streams.get(id);
    if (!stream) return this.#checkAbandoned(id, endStream);
    if (stream.ended) throw new ConnectionError(CODE.streamClosed, "headers after the end");
    if (!endStream || !areTrailers(fields) || !stream.receive(NOTHING, true)) this.reset(stream, CODE.protocol);
  }

  #open(id: number, endStream: boolean, fields: readonly HeaderField[]): void {
    this.#lastStream = id;
    const head = readHead(fields);
    const isMalformed = !head || (endStream && (head.length ?? 0) > 0);
    if (isMalformed || this.#closing || this.#streams.size >= MAX_STREAMS) {
      if (!endStream) this.#abandon(id);
      return this.#refuseStream(id, isMalformed ? CODE.protocol : CODE.refused);
    }
    const stream = new Http2Stream(this, id, head, endStream, this.#clientWindow, STREAM_WINDOW);
    this.#streams.set(id, stream);
    this.#options.onStream(stream);
  }

  #refuseStream(id: number, code: number): void {
    const stream = this.#streams.get(id);
    this.#spend();
    if (stream) this.reset(stream, code);
    else this.#outbox.push(numberFrame(TYPE.reset, id, code));
  }

  #onData(flags: number, id: number, payload: Buffer): void {
    if (id === 0 || id > this.#lastStream) throw new ConnectionError(CODE.protocol, "data on no stream");
    this.#received += payload.length;
    if (this.#received > CONNECTION_WINDOW) throw new ConnectionError(CODE.flowControl, "more than was welcome");
    const data = unpadded(flags, payload);
    const stream = this.#streams.get(id);
    const last = (flags & FLAG.endStream) !== 0;
    if (data.length === 0 && !last) this.#spend();
    if (!stream) return this.#checkAbandoned(id, last);
    if (stream.ended) throw new ConnectionError(CODE.streamClosed, "data after the end");
    stream.receiveWindow -= payload.length;
    if (stream.receiveWindow < 0) return this.#refuseStream(id, CODE.flowControl);
    const held = stream.held;
    if (!stream.receive(data, last)) return this.#refuseStream(id, CODE.protocol);
    this.#held += stream.held - held;
    if (this.#held > MAX_HELD_BYTES) throw new ConnectionError(CODE.calm, "too many bodies at once");
    stream.unacknowledged += payload.length;
    if (!last && stream.wantsBody && stream.unacknowledged >= STREAM_WINDOW / 2) {
      this.#outbox.push(numberFrame(TYPE.windowUpdate, id, stream.unacknowledged));
      stream.receiveWindow += stream.unacknowledged;
      stream.unacknowledged = 0;
    }
  }

  #acknowledge(): void {
    this.#outbox.push(numberFrame(TYPE.windowUpdate, 0, this.#received));
    this.#received = 0;
  }

  #onWindowUpdate(id: number, payload: Buffer): void {
    if (payload.length !== 4) throw new ConnectionError(CODE.frameSize, "a window of another size");
    const by = payload.readUInt32BE(0) & MAX_WINDOW;
    if (id === 0) {
      if (by === 0) throw new ConnectionError(CODE.protocol, "a window that does not grow");
      if (!this.#outbox.widen(by)) throw new ConnectionError(CODE.flowControl, "a window is too large");
      return;
    }
    if (id > this.#lastStream) throw new ConnectionError(CODE.protocol, "a window of no stream");
    const stream = this.#streams.get(id);
    if (!stream) return;
    if (by === 0) return this.#refuseStream(id, CODE.protocol);
    stream.sendWindow += by;
    if (stream.sendWindow > MAX_WINDOW) this.#refuseStream(id, CODE.flowControl);
    else this.#outbox.wake(stream);
  }

  #onReset(id: number, payload: Buffer): void {
    if (payload.length !== 4) throw new ConnectionError(CODE.frameSize, "a reset of another size");
    if (id === 0 || id > this.#lastStream) throw new ConnectionError(CODE.protocol, "a reset of no stream");
    this.#spend();
    const stream = this.#streams.get(id);
    if (stream) this.finish(stream);
  }

  #onSettings(flags: number, id: number, payload: Buffer): void {
    if (id !== 0) throw new ConnectionError(CODE.protocol, "settings on a stream");
    const isAck = (flags & FLAG.ack) !== 0;
    if (isAck ? payload.length > 0 : payload.length % 6 !== 0) throw new ConnectionError(CODE.frameSize, "settings of another size");
    if (isAck) return;
    // Each may change the window of a thousand streams.
    if (payload.length > MAX_SETTINGS * 6) throw new ConnectionError(CODE.calm, "too many settings");
    this.#spend();
    for (let at = 0; at < payload.length; at += 6) this.#set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
    this.#outbox.push(frame(TYPE.settings, FLAG.ack, 0, NOTHING));
  }

  #set(setting: number, value: number): void {
    if (setting === SETTING.enablePush && value > 1) throw new ConnectionError(CODE.protocol, "push is on or off");
    // Larger frames than all clients take would keep other streams waiting, and save nothing.
    if (setting === SETTING.maxFrame && (value < MIN_MAX_FRAME || value > MAX_MAX_FRAME)) {
      throw new ConnectionError(CODE.protocol, "frames of no allowed size");
    }
    if (setting !== SETTING.initialWindow) return;
    if (value > MAX_WINDOW) throw new ConnectionError(CODE.flowControl, "a window is too large");
    const by = value - this.#clientWindow;
    this.#clientWindow = value;
    for (const stream of this.#streams.values()) {
      stream.sendWindow += by;
      if (stream.sendWindow > MAX_WINDOW) throw new ConnectionError(CODE.flowControl, "a window is too large");
      this.#outbox.wake(stream);
    }
  }
}

const NOTHING = Buffer.alloc(0);

function unpadded(flags: number, payload: Buffer): Buffer {
  if (!(flags & FLAG.padded)) return payload;
  const padding = payload[0] ?? 0;
  if (payload.length === 0 || padding >= payload.length) throw new ConnectionError(CODE.protocol, "more padding than there is");
  return payload.subarray(1, payload.length - padding);
}
