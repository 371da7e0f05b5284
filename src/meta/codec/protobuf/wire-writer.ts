// Writes the wire format from its end to its start: the length of a message is known when its content is there, so that nothing is
// measured beforehand. What comes last is written first.

const FIRST_BYTES = 4096;
const KEPT_BYTES = 1024 * 1024;
/** Texts up to here are written byte by byte, which is cheaper than a call of the encoder. */
const SHORT_TEXT = 48;
const encoder = new TextEncoder(); // keeps nothing between calls

export class WireWriter {
  #buffer: Uint8Array<ArrayBuffer>;
  /** Where the written part begins. */
  #at: number;

  constructor(firstBytes = FIRST_BYTES) {
    this.#buffer = new Uint8Array(firstBytes);
    this.#at = firstBytes;
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#buffer.length - this.#at;
  }

  /** What was written, copied; the writer is empty again. */
  take(): Uint8Array {
    const taken = this.#buffer.slice(this.#at);
    this.reset();
    return taken;
  }

  /** Forgets what was written, and the memory that something large took. */
  reset(): void {
    if (this.#buffer.length > KEPT_BYTES) this.#buffer = new Uint8Array(FIRST_BYTES);
    this.#at = this.#buffer.length;
  }

  byte(value: number): void {
    if (this.#at === 0) this.#grow(1);
    this.#buffer[--this.#at] = value;
  }

  /** An unsigned number up to 2^53. */
  varint(value: number): void {
    if (value < 0x80) {
      this.byte(value);
      return;
    }
    let size = 1;
    for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) size++;
    if (this.#at < size) this.#grow(size);
    this.#at -= size;
    let at = this.#at;
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[at] = rest;
  }

  /** A signed integer in two's complement of 64 bits. */
  integer(value: number | bigint): void {
    if (typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER) {
      this.varint(value);
      return;
    }
    let rest = BigInt.asUintN(64, typeof value === "bigint" ? value : BigInt(Math.trunc(value)));
    const bytes: number[] = [];
    for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest));
    this.bytes(Uint8Array.from(bytes));
  }

  double(value: number): void {
    if (this.#at < 8) this.#grow(8);
    this.#at -= 8;
    new DataView(this.#buffer.buffer, this.#at, 8).setFloat64(0, value, true);
  }

  bytes(bytes: Uint8Array): void {
    if (this.#at < bytes.length) this.#grow(bytes.length);
    this.#at -= bytes.length;
    this.#buffer.set(bytes, this.#at);
  }

  /** The text and before it its length. */
  text(text: string): void {
    const { length } = text;
    if (length <= SHORT_TEXT && this.#ascii(text)) {
      this.varint(length);
      return;
    }
    const most = length * 3;
    if (this.#at < most) this.#grow(most);
    const from = this.#at - most;
    const { written } = encoder.encodeInto(text, this.#buffer.subarray(from, this.#at));
    if (written < most) this.#buffer.copyWithin(this.#at - written, from, from + written);
    this.#at -= written;
    this.varint(written);
  }

  /** False if the text is not ASCII: nothing is written then. */
  #ascii(text: string): boolean {
    const { length } = text;
    if (this.#at < length) this.#grow(length);
    const start = this.#at - length;
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80) return false;
      this.#buffer[start + index] = code;
    }
    this.#at = start;
    return true;
  }

  #grow(needed: number): void {
    const { size } = this;
    let length = this.#buffer.length * 2;
    while (length - size < needed) length *= 2;
    const larger = new Uint8Array(length);
    larger.set(this.#buffer.subarray(this.#at), length - size);
    this.#buffer = larger;
    this.#at = length - size;
  }
}
