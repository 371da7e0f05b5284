// One request and its answer on a connection of HTTP/2.

import { badRequest, requestEntityTooLarge } from "#meta/errors.ts";
import { MAX_BODY_BYTES } from "../../limits.ts";
import type { Outlet } from "../outlet.ts";
import { CODE, FLAG, FRAME_HEADER, MIN_MAX_FRAME, TYPE, writeFrameHeader } from "./frames.ts";
import { blockBound, writeBlock } from "./hpack-encoder.ts";
import type { RequestHead } from "./request-head.ts";

/** What a stream asks of its connection. */
export interface StreamLink {
  /** What the client takes now on all streams together. */
  readonly window: number;
  /** Sends frames as soon as possible; `data` bytes of them count in the client's window. */
  send(frames: Buffer, data: number): void;
  /** The stream has something to send. */
  wake(stream: Http2Stream): void;
  reset(stream: Http2Stream, code: number): void;
  /** Everything was sent and received. */
  finish(stream: Http2Stream): void;
}

const NO_BYTES = new Uint8Array(0);
/** With less than this pending, more is welcome. */
const LOW_WATER_BYTES = 64 * 1024;

export class Http2Stream implements Outlet {
  readonly id: number;
  readonly head: RequestHead;
  /** What the client takes on this stream. */
  sendWindow: number;
  /** What the client may send, and what of it was used up since it was told last. */
  receiveWindow: number;
  unacknowledged = 0;
  /** Bytes of the body that are held. */
  held = 0;
  /** The client has sent everything. */
  ended: boolean;
  closed = false;
  readonly #link: StreamLink;
  #received = 0;
  #chunks: Uint8Array[] = [];
  #tooLarge = false;
  #body: PromiseWithResolvers<Uint8Array> | undefined;
  #queue: Uint8Array[] = [];
  #pending = 0;
  #ending = false;
  #answered = false;
  #onDrain: (() => void) | undefined;
  #onClosed: (() => void)[] | undefined;

  constructor(link: StreamLink, id: number, head: RequestHead, ended: boolean, sendWindow: number, receiveWindow: number) {
    this.#link = link;
    this.id = id;
    this.head = head;
    this.ended = ended;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
    if (head.length !== undefined && head.length > MAX_BODY_BYTES) this.#tooLarge = true;
  }

  /** Whether more of the body is of use. */
  get wantsBody(): boolean {
    return !this.#tooLarge && !this.#answered;
  }

  get pendingBytes(): number {
    return this.#pending;
  }

  /** The whole body. Rejects with 413 beyond 3 MiB, 400 if the client gives up. */
  body(): Promise<Uint8Array> {
    if (!this.#body) {
      this.#body = Promise.withResolvers<Uint8Array>();
      this.#settle();
    }
    return this.#body.promise;
  }

  /** Takes a piece of the body. False: it is longer or shorter than was declared. */
  receive(data: Uint8Array, last: boolean): boolean {
    this.#received += data.length;
    if (this.#received > MAX_BODY_BYTES) this.#tooLarge = true;
    if (this.wantsBody && data.length > 0) {
      this.#chunks.push(data);
      this.held += data.length;
    }
    if (last) this.ended = true;
    const declared = this.head.length;
    if (declared !== undefined && (last ? this.#received !== declared : this.#received > declared)) return false;
    if (last || this.#tooLarge) this.#settle();
    return true;
  }

  #settle(): void {
    if (!this.#body) return;
    if (this.#tooLarge) this.#body.reject(requestEntityTooLarge(`Request entity too large: limit is ${MAX_BODY_BYTES}`));
    else if (this.ended) this.#body.resolve(this.#takeBody());
    else if (this.closed) this.#body.reject(badRequest("unable to read the request body: the client went away"));
  }

  #takeBody(): Uint8Array {
    const chunks = this.#chunks;
    const [first = NO_BYTES] = chunks;
    return chunks.length > 1 ? Buffer.concat(chunks) : first;
  }

  /** Answers with a body that is there, or with none. */
  respond(status: number, headers: Readonly<Record<string, string>>, body: Uint8Array | undefined, isHead: boolean): void {
    const length = isHead ? 0 : (body?.length ?? 0);
    const whole = body !== undefined && length > 0 && length <= Math.min(MIN_MAX_FRAME, this.sendWindow, this.#link.window);
    const out = this.#start(status, headers, length === 0, body?.length, whole ? length + FRAME_HEADER : 0);
    if (body !== undefined && whole) {
      writeFrameHeader(out, out.length - length - FRAME_HEADER, length, TYPE.data, FLAG.endStream, this.id);
      out.set(body, out.length - length);
      this.sendWindow -= length;
    }
    this.#link.send(out, whole ? length : 0);
    this.#ending = true;
    if (length === 0 || whole) this.#sent();
    else if (body) this.write(body);
  }

  /** Begins an answer whose body is written piece by piece. */
  begin(status: number, headers: Readonly<Record<string, string>>): void {
    this.#link.send(this.#start(status, headers, false, undefined, 0), 0);
  }

  /** The frame of the headers, with `room` bytes behind it. */
  #start(status: number, headers: Readonly<Record<string, string>>, last: boolean, length: number | undefined, room: number): Buffer {
    this.#answered = true;
    const out = Buffer.allocUnsafe(FRAME_HEADER + blockBound(headers) + room);
    const end = writeBlock(out, FRAME_HEADER, status, headers, length);
    const flags = FLAG.endHeaders | (last ? FLAG.endStream : 0);
    if (end - FRAME_HEADER > MIN_MAX_FRAME) return splitBlock(out.subarray(FRAME_HEADER, end), this.id, flags, room);
    writeFrameHeader(out, 0, end - FRAME_HEADER, TYPE.headers, flags, this.id);
    return out.subarray(0, end + room);
  }

  write(chunk: Uint8Array): void {
    if (this.closed || chunk.length === 0) return;
    this.#queue.push(chunk);
    this.#pending += chunk.length;
    this.#link.wake(this);
  }

  end(): void {
    if (this.closed || this.#ending) return;
    this.#ending = true;
    this.#link.wake(this);
  }

  destroy(): void {
    if (!this.closed) this.#link.reset(this, CODE.internal);
  }

  onDrain(callback: () => void): void {
    this.#onDrain = callback;
  }

  onceClosed(callback: () => void): void {
    if (this.closed) callback();
    else (this.#onClosed ??= []).push(callback);
  }

  /** Whether there is something that the client's window for this stream lets through. */
  get canSend(): boolean {
    return this.#pending > 0 ? this.sendWindow > 0 : this.#ending && !this.closed;
  }

  /** Adds a frame of at most `most` bytes of the body to `parts`; gives how many. */
  take(parts: Uint8Array[], most: number): number {
    const length = Math.min(this.#pending, this.sendWindow, most);
    const last = this.#ending && length === this.#pending;
    const header = Buffer.allocUnsafe(FRAME_HEADER);
    writeFrameHeader(header, 0, length, TYPE.data, last ? FLAG.endStream : 0, this.id);
    parts.push(header);
    let left = length;
    let used = 0;
    while (left > 0) {
      const chunk = this.#queue[used];
      if (!chunk) break;
      if (chunk.length > left) {
        parts.push(chunk.subarray(0, left));
        this.#queue[used] = chunk.subarray(left);
        break;
      }
      parts.push(chunk);
      left -= chunk.length;
      used++;
    }
    if (used === this.#queue.length) this.#queue = [];
    else this.#queue.splice(0, used);
    this.#pending -= length;
    this.sendWindow -= length;
    if (last) this.#sent();
    else if (length > 0 && this.#pending < LOW_WATER_BYTES) this.#onDrain?.();
    return length;
  }

  /** The answer is complete. What the client still sends is of no use. */
  #sent(): void {
    if (this.ended) this.#link.finish(this);
    else this.#link.reset(this, CODE.noError);
  }

  /** The connection has let go of the stream. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#queue = [];
    this.#pending = 0;
    this.#settle();
    const callbacks = this.#onClosed;
    this.#onClosed = undefined;
    for (const callback of callbacks ?? []) callback();
  }
}

/** A block of headers that needs more than one frame, with `room` bytes behind it. */
function splitBlock(block: Buffer, id: number, flags: number, room: number): Buffer {
  const most = MIN_MAX_FRAME;
  const frames = Math.ceil(block.length / most);
  const out = Buffer.allocUnsafe(block.length + frames * FRAME_HEADER + room);
  let at = 0;
  for (let from = 0; from < block.length; from += most) {
    const piece = block.subarray(from, from + most);
    const last = from + most >= block.length;
    const own = from === 0 ? flags & ~FLAG.endHeaders : 0;
    writeFrameHeader(out, at, piece.length, from === 0 ? TYPE.headers : TYPE.continuation, own | (last ? FLAG.endHeaders : 0), id);
    out.set(piece, at + FRAME_HEADER);
    at += FRAME_HEADER + piece.length;
  }
  return out;
}
