// Version 4 UUIDs from the server's own source of randomness, so that a virtual cluster repeats itself.

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** A UUID. `random` gives [0, 1). */
export function uuid(random: () => number): string {
  const a = word(random);
  const b = word(random);
  const c = word(random);
  const d = word(random);
  const byte = (value: number, shift: number) => HEX[(value >>> shift) & 255] ?? "";
  const pair = (value: number, shift: number) => byte(value, shift + 8) + byte(value, shift);
  const version = (b & 0xffff0fff) | 0x4000;
  const variant = (c & 0x3fffffff) | 0x80000000;
  return `${pair(a, 16)}${pair(a, 0)}-${pair(version, 16)}-${pair(version, 0)}-${pair(variant, 16)}-${pair(variant, 0)}${pair(d, 16)}${pair(d, 0)}`;
}

function word(random: () => number): number {
  return Math.floor(random() * 0x100000000) >>> 0;
}
