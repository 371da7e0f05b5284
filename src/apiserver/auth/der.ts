// Writes DER (X.690), the few types that certificates need. It never reads: parsing is left to node:crypto.

type Bytes = Uint8Array;

const TAG = { integer: 0x02, bitString: 0x03, octetString: 0x04, oid: 0x06, utf8: 0x0c, sequence: 0x30, set: 0x31 } as const;

/** One tag-length-value. `tag` may be a context tag such as 0x82. */
export function tlv(tag: number, ...contents: readonly Bytes[]): Buffer {
  const length = contents.reduce((sum, part) => sum + part.length, 0);
  if (length > 0xffff) throw new RangeError(`DER value of ${length} bytes is too long`);
  const head = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), ...contents]);
}

export const sequence = (...parts: readonly Bytes[]): Buffer => tlv(TAG.sequence, ...parts);
export const set = (...parts: readonly Bytes[]): Buffer => tlv(TAG.set, ...parts);
export const octets = (value: Bytes): Buffer => tlv(TAG.octetString, value);
export const utf8 = (text: string): Buffer => tlv(TAG.utf8, Buffer.from(text));
export const boolean = (value: boolean): Buffer => Buffer.from([0x01, 0x01, value ? 0xff : 0]);

/** A positive integer given as big-endian bytes. */
export function unsigned(value: Bytes): Buffer {
  let start = 0;
  while (start < value.length - 1 && value[start] === 0) start++;
  const digits = value.subarray(start);
  // A set top bit would make the number negative.
  return (digits[0] ?? 0) >= 0x80 ? tlv(TAG.integer, Buffer.from([0]), digits) : tlv(TAG.integer, digits);
}

/** `unusedBits` counts the bits at the end of the last byte that carry nothing. */
export const bits = (value: Bytes, unusedBits = 0): Buffer => tlv(TAG.bitString, Buffer.from([unusedBits]), value);

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const septets = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) septets.unshift((left & 0x7f) | 0x80);
    bytes.push(...septets);
  }
  return tlv(TAG.oid, Buffer.from(bytes));
}

/** UTCTime until 2049, GeneralizedTime from 2050 on, as RFC 5280 asks. */
export function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return digits < "2050" ? tlv(0x17, Buffer.from(digits.slice(2))) : tlv(0x18, Buffer.from(digits));
}
