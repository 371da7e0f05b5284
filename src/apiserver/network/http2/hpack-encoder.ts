// Writes header blocks of answers. Names that the static table has go by number, nothing is remembered between blocks: what that would save
// on the wire costs more than it is worth on links that are fast.

import { STATIC_TABLE } from "./hpack-table.ts";

const NAMES: ReadonlyMap<string, number> = new Map(STATIC_TABLE.map(({ name }, index): [string, number] => [name, index + 1]).toReversed());
const STATUSES: ReadonlyMap<string, number> = new Map(
  STATIC_TABLE.flatMap(({ name, value }, index): [string, number][] => (name === ":status" ? [[value, index + 1]] : [])),
);
/** A literal that is not remembered, and in it the largest number of a name that fits its first byte. */
const MOST_SMALL_NAME = 14;
const MOST_SMALL_LENGTH = 126;

/** Room for a block of these headers, in bytes. */
export function blockBound(headers: Readonly<Record<string, string>>): number {
  let bytes = 64;
  for (const name in headers) bytes += name.length + (headers[name] ?? "").length + 12;
  return bytes;
}

/** Writes the block at `at`; gives where it ends. Texts are bytes of Latin-1. `length` is that of a body that is known as a whole. */
export function writeBlock(
  out: Buffer,
  at: number,
  status: number,
  headers: Readonly<Record<string, string>>,
  length: number | undefined,
): number {
  const code = String(status);
  const known = STATUSES.get(code);
  let end = at;
  if (known === undefined) end = writeField(out, end, ":status", code);
  else out[end++] = 0x80 | known;
  for (const name in headers) {
    if (length !== undefined && name === "content-length") continue;
    end = writeField(out, end, name, headers[name] ?? "");
  }
  return length === undefined ? end : writeField(out, end, "content-length", String(length));
}

function writeField(out: Buffer, at: number, name: string, value: string): number {
  const index = NAMES.get(name);
  let end = at;
  if (index === undefined) {
    out[end++] = 0;
    end = writeText(out, end, name);
  } else if (index <= MOST_SMALL_NAME) out[end++] = index;
  else {
    out[end++] = 0x0f;
    out[end++] = index - MOST_SMALL_NAME - 1;
  }
  return writeText(out, end, value);
}

function writeText(out: Buffer, at: number, text: string): number {
  let end = at;
  if (text.length <= MOST_SMALL_LENGTH) out[end++] = text.length;
  else {
    out[end++] = 0x7f;
    let rest = text.length - MOST_SMALL_LENGTH - 1;
    for (; rest >= 0x80; rest >>>= 7) out[end++] = (rest & 0x7f) | 0x80;
    out[end++] = rest;
  }
  return end + out.write(text, end, "latin1");
}
