// Reads header blocks (RFC 7541). One per connection: blocks refer to fields of those before them.

import { HpackError } from "./hpack-error.ts";
import { FIELD_OVERHEAD, STATIC_TABLE, type HeaderField } from "./hpack-table.ts";
import type { HuffmanDecoder } from "./huffman.ts";

/** Bytes the table of a connection may hold: the protocol's default, which is never changed. */
const TABLE_BYTES = 4096;
/** All fields of a block together; upstream's. */
export const MAX_HEADER_BYTES: number = 1024 * 1024;

export class HpackDecoder {
  readonly #huffman: HuffmanDecoder;
  /** The newest last. */
  readonly #table: HeaderField[] = [];
  #tableBytes = 0;
  #limit = TABLE_BYTES;
  #block: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(huffman: HuffmanDecoder) {
    this.#huffman = huffman;
  }

  /** The block's fields in order. Throws HpackError. */
  decode(block: Buffer): HeaderField[] {
    const fields: HeaderField[] = [];
    let bytes = 0;
    this.#block = block;
    this.#at = 0;
    while (this.#at < block.length) {
      const first = block[this.#at] ?? 0;
      if ((first & 0xe0) === 0x20) {
        if (fields.length > 0) throw new HpackError("the table's size changes in the middle of a block");
        this.#resize(this.#integer(5));
        continue;
      }
      const field = first & 0x80 ? this.#indexed(this.#integer(7)) : this.#literal(first);
      bytes += field.name.length + field.value.length + FIELD_OVERHEAD;
      if (bytes > MAX_HEADER_BYTES) throw new HpackError("too many headers");
      fields.push(field);
    }
    return fields;
  }

  #literal(first: number): HeaderField {
    const remembered = (first & 0x40) !== 0;
    const index = this.#integer(remembered ? 6 : 4);
    const name = index === 0 ? this.#text() : this.#indexed(index).name;
    const field = { name, value: this.#text() };
    if (remembered) this.#remember(field);
    return field;
  }

  #indexed(index: number): HeaderField {
    const field = index <= STATIC_TABLE.length ? STATIC_TABLE[index - 1] : this.#table[this.#table.length - (index - STATIC_TABLE.length)];
    if (!field) throw new HpackError(`no field ${index}`);
    return field;
  }

  #remember(field: HeaderField): void {
    const size = field.name.length + field.value.length + FIELD_OVERHEAD;
    this.#evict(this.#limit - size);
    if (size > this.#limit) return;
    this.#table.push(field);
    this.#tableBytes += size;
  }

  #resize(limit: number): void {
    if (limit > TABLE_BYTES) throw new HpackError("a larger table than was offered");
    this.#limit = limit;
    this.#evict(limit);
  }

  #evict(limit: number): void {
    while (this.#tableBytes > limit) {
      const oldest = this.#table.shift();
      if (!oldest) return;
      this.#tableBytes -= oldest.name.length + oldest.value.length + FIELD_OVERHEAD;
    }
  }

  /** A number that begins in the last `bits` bits of the byte at hand. */
  #integer(bits: number): number {
    const most = (1 << bits) - 1;
    const first = (this.#block[this.#at++] ?? 0) & most;
    if (first < most) return first;
    let value = most;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#block[this.#at++];
      if (byte === undefined) throw new HpackError("a number is cut off");
      value += (byte & 0x7f) << shift;
      if (!(byte & 0x80)) return value;
    }
    throw new HpackError("a number is too large");
  }

  #text(): string {
    const packed = ((this.#block[this.#at] ?? 0) & 0x80) !== 0;
    const length = this.#integer(7);
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#block.length) throw new HpackError("a text is cut off");
    return packed ? this.#huffman(this.#block, from, this.#at) : this.#block.toString("latin1", from, this.#at);
  }
}
