// Reads the wire format. Throws 400 where the bytes end too early or make no sense.

import { badRequest } from "../../errors.ts";

const UTF8: TextDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

export class WireReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, at = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  /** The next field's number and wire type as they stand on the wire: `number * 8 + type`; 0 at the end. */
  tag(): number {
    if (this.#at >= this.#end) return 0;
    const tag = this.varint();
    if (tag < 8 || tag > 0xffff_ffff) throw malformed();
    return tag;
  }

  /** An unsigned number; exact up to 2^53. */
  varint(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw malformed();
  }

  boolean(): boolean {
    return this.varint() !== 0;
  }

  int32(): number {
    // As in Go, bits beyond the 32nd are cut off.
    return Number(BigInt.asIntN(32, this.#varint64()));
  }

  /** A bigint where a number cannot hold the value. */
  int64(): number | bigint {
    const first = this.#bytes[this.#at];
    if (first !== undefined && first < 0x80 && this.#at < this.#end) {
      this.#at++;
      return first;
    }
    const value = BigInt.asIntN(64, this.#varint64());
    const number = Number(value);
    return BigInt(number) === value ? number : value;
  }

  /** A part of the input: not copied. */
  bytes(): Uint8Array {
    const start = this.#take(this.varint());
    return this.#bytes.subarray(start, this.#at);
  }

  /** Reads what is behind a length. */
  message(): WireReader {
    const start = this.#take(this.varint());
    return new WireReader(this.#bytes, start, this.#at);
  }

  text(): string {
    const length = this.varint();
    const start = this.#take(length);
    if (length <= 24) {
      // Short texts are mostly ASCII: cheaper than a call of the decoder.
      let text = "";
      for (let index = start; index < this.#at; index++) {
        const byte = this.#bytes[index] ?? 0;
        if (byte >= 0x80) return this.#decode(start);
        text += String.fromCharCode(byte);
      }
      return text;
    }
    return this.#decode(start);
  }

  double(): number {
    const start = this.#take(8);
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + start, 8).getFloat64(0, true);
  }

  float(): number {
    const start = this.#take(4);
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + start, 4).getFloat32(0, true);
  }

  /** Leaves out the value of a field of that wire type. */
  skip(wire: number): void {
    if (wire === VARINT) this.varint();
    else if (wire === FIXED64) this.#take(8);
    else if (wire === BYTES) this.#take(this.varint());
    else if (wire === FIXED32) this.#take(4);
    else throw malformed();
  }

  #decode(start: number): string {
    try {
      return UTF8.decode(this.#bytes.subarray(start, this.#at));
    } catch {
      throw malformed();
    }
  }

  #varint64(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw malformed();
  }

  #byte(): number {
    const byte = this.#at < this.#end ? this.#bytes[this.#at++] : undefined;
    if (byte === undefined) throw malformed();
    return byte;
  }

  /** The start of the next bytes, which are left behind. */
  #take(length: number): number {
    const start = this.#at;
    if (length > this.#end - start) throw malformed();
    this.#at = start + length;
    return start;
  }
}

export function malformed() {
  return badRequest("the body is not a valid protobuf message");
}
