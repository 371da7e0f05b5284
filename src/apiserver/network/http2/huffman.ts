// HPACK's Huffman code (RFC 7541, appendix B). It is canonical: the lengths of the codes say what they are.

import { HpackError } from "./hpack-error.ts";

/** Bits of the code of each byte. */
const LENGTHS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10,
  12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7,
  7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22,
  23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22,
  23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20,
  24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];
const MAX_LENGTH = 30;
/** Decoding looks at so many bits at first: enough for all letters and digits. */
const FAST_BITS = 9;

interface Codes {
  /** For the next 9 bits: symbol and length of a code that short, as `symbol << 4 | length`; 0 for longer ones. */
  readonly fast: Uint16Array;
  /** By length: the first code, and where its symbols begin in `symbols`. */
  readonly first: readonly number[];
  readonly count: readonly number[];
  readonly start: readonly number[];
  readonly symbols: readonly number[];
}

export type HuffmanDecoder = (bytes: Buffer, from: number, to: number) => string;

/** Gives a decoder; one serves all connections. */
export function createHuffmanDecoder(): HuffmanDecoder {
  const { fast, first, count, start, symbols } = makeCodes();
  return (bytes, from, to) => {
    let text = "";
    let bits = 0;
    let held = 0;
    let at = from;
    for (;;) {
      // Never more than 30 + 7 bits are needed at once, and numbers hold 32 in their bit operations: long codes are read bit by bit.
      while (held <= 16 && at < to) {
        bits = ((bits << 8) | (bytes[at++] ?? 0)) & 0xffffff;
        held += 8;
      }
      if (held === 0) return text;
      const next = held >= FAST_BITS ? (bits >>> (held - FAST_BITS)) & 0x1ff : ((bits << (FAST_BITS - held)) | (0x1ff >>> held)) & 0x1ff;
      const found = fast[next] ?? 0;
      const length = found & 15;
      if (found !== 0 && length <= held) {
        text += String.fromCharCode(found >>> 4);
        held -= length;
        bits &= (1 << held) - 1;
        continue;
      }
      if (at >= to && held < 8 && bits === (1 << held) - 1) return text;
      let code = 0;
      let size = 0;
      let symbol = -1;
      while (symbol < 0) {
        if (held === 0) {
          if (at >= to) throw new HpackError("a Huffman code is cut off");
          bits = bytes[at++] ?? 0;
          held = 8;
        }
        held--;
        code = code * 2 + ((bits >>> held) & 1);
        bits &= (1 << held) - 1;
        size++;
        if (size > MAX_LENGTH) throw new HpackError("no such Huffman code");
        const offset = code - (first[size] ?? 0);
        if (offset >= 0 && offset < (count[size] ?? 0)) symbol = symbols[(start[size] ?? 0) + offset] ?? -1;
      }
      text += String.fromCharCode(symbol);
    }
  };
}

function makeCodes(): Codes {
  const fast = new Uint16Array(1 << FAST_BITS);
  const first: number[] = [0];
  const count: number[] = [0];
  const start: number[] = [0];
  const symbols: number[] = [];
  let code = 0;
  for (let length = 1; length <= MAX_LENGTH; length++) {
    code *= 2;
    first.push(code);
    start.push(symbols.length);
    const before = symbols.length;
    for (let symbol = 0; symbol < LENGTHS.length; symbol++) {
      if (LENGTHS[symbol] !== length) continue;
      symbols.push(symbol);
      if (length <= FAST_BITS) {
        const shift = FAST_BITS - length;
        fast.fill((symbol << 4) | length, code << shift, (code + 1) << shift);
      }
      code++;
    }
    count.push(symbols.length - before);
  }
  return { fast, first, count, start, symbols };
}
