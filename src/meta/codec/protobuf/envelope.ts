// What is around every protobuf object: four bytes of magic and a message that names the kind (runtime.Unknown). The events of a watch
// are such messages too, each behind its length.

import { concatBytes } from "#lib/bytes.ts";
import { badRequest } from "../../errors.ts";
import { BYTES, WireReader } from "./wire-reader.ts";
import { WireWriter } from "./wire-writer.ts";

/** What a body says it is, and the object in it. */
export interface ProtobufEnvelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Uint8Array;
}

/** `k8s` and a zero. */
const MAGIC: readonly number[] = [0x6b, 0x38, 0x73, 0x00];
/** Two empty texts: content encoding and content type. */
const TAIL = Uint8Array.of(3 * 8 + BYTES, 0, 4 * 8 + BYTES, 0);

/** Reads the envelope. Throws 400 if there is none. */
export function readEnvelope(bytes: Uint8Array): ProtobufEnvelope {
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) {
    throw badRequest("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
  }
  const reader = new WireReader(bytes, MAGIC.length);
  let apiVersion = "";
  let kind = "";
  let raw: Uint8Array = new Uint8Array(0);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === 1 * 8 + BYTES) {
      const type = reader.message();
      for (let inner = type.tag(); inner !== 0; inner = type.tag()) {
        if (inner === 1 * 8 + BYTES) apiVersion = type.text();
        else if (inner === 2 * 8 + BYTES) kind = type.text();
        else type.skip(inner & 7);
      }
    } else if (tag === 2 * 8 + BYTES) raw = reader.bytes();
    else reader.skip(tag & 7);
  }
  return { apiVersion, kind, raw };
}

/** What stands before and after the message of an object, for answers that are sent in pieces. */
export function envelopeAround(apiVersion: string, kind: string, rawLength: number): { head: Uint8Array; tail: Uint8Array } {
  const writer = new WireWriter();
  writer.varint(rawLength);
  writer.byte(2 * 8 + BYTES);
  const before = writer.size;
  writer.text(kind);
  writer.byte(2 * 8 + BYTES);
  writer.text(apiVersion);
  writer.byte(1 * 8 + BYTES);
  writer.varint(writer.size - before);
  writer.byte(1 * 8 + BYTES);
  writer.bytes(Uint8Array.from(MAGIC));
  return { head: writer.take(), tail: TAIL };
}

export function writeEnvelope({ apiVersion, kind, raw }: ProtobufEnvelope): Uint8Array {
  const { head, tail } = envelopeAround(apiVersion, kind, raw.length);
  return concatBytes([head, raw, tail]);
}

/** What stands before an item of a list of that length: field 2 of every list. */
export function listItemHead(length: number): Uint8Array {
  return tagged(2 * 8 + BYTES, length);
}

/** The same for a list's metadata, its field 1. */
export function listMetaHead(length: number): Uint8Array {
  return tagged(1 * 8 + BYTES, length);
}

function tagged(tag: number, length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(tag, length);
  if (length < 0x4000) return Uint8Array.of(tag, (length & 0x7f) | 0x80, length >> 7);
  if (length < 0x20_0000) return Uint8Array.of(tag, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, length >> 14);
  return Uint8Array.of(tag, (length & 0x7f) | 0x80, ((length >> 7) & 0x7f) | 0x80, ((length >> 14) & 0x7f) | 0x80, length >> 21);
}

/** One event of a watch behind its length, four bytes with the highest first. `object` is a whole envelope. */
export function watchFrame(type: string, object: Uint8Array): Uint8Array {
  const writer = new WireWriter(object.length + 64);
  // The event: its type, and the object as the bytes in a message of one field.
  const before = writer.size;
  writer.bytes(object);
  writer.varint(object.length);
  writer.byte(1 * 8 + BYTES);
  writer.varint(writer.size - before);
  writer.byte(2 * 8 + BYTES);
  writer.text(type);
  writer.byte(1 * 8 + BYTES);
  const { size } = writer;
  for (let shift = 0; shift < 32; shift += 8) writer.byte((size >>> shift) & 0xff);
  return writer.take();
}

/** The events in what a watch sent so far; the rest begins at `rest`. */
export function readWatchFrames(bytes: Uint8Array): { events: { type: string; object: Uint8Array }[]; rest: number } {
  const events: { type: string; object: Uint8Array }[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  while (at + 4 <= bytes.length) {
    const end = at + 4 + view.getUint32(at);
    if (end > bytes.length) break;
    const reader = new WireReader(bytes, at + 4, end);
    let type = "";
    let object: Uint8Array = new Uint8Array(0);
    for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
      if (tag === 1 * 8 + BYTES) type = reader.text();
      else if (tag === 2 * 8 + BYTES) {
        const inner = reader.message();
        for (let tag1 = inner.tag(); tag1 !== 0; tag1 = inner.tag()) {
          if (tag1 === 1 * 8 + BYTES) object = inner.bytes();
          else inner.skip(tag1 & 7);
        }
      } else reader.skip(tag & 7);
    }
    events.push({ type, object });
    at = end;
  }
  return { events, rest: at };
}
