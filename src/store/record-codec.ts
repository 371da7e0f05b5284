// Log records as bytes: many in one buffer, so that a batch crosses to another thread as one transfer.
// A record: revision and createRevision (float64), key length (uint32), value length (int32, -1: deletion), key (UTF-8), value.
import type { LogRecord } from "./log-store.ts";

const HEADER_BYTES = 24;

/** Encodes records into one buffer of their own size; it shares nothing with them. */
export function encodeRecords(records: readonly LogRecord[]): ArrayBuffer {
  let size = 0;
  for (const { key, value } of records) size += HEADER_BYTES + Buffer.byteLength(key) + (value?.length ?? 0);
  const bytes = Buffer.allocUnsafeSlow(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { revision, createRevision, key, value } of records) {
    const keyLength = bytes.write(key, at + HEADER_BYTES);
    view.setFloat64(at, revision);
    view.setFloat64(at + 8, createRevision);
    view.setUint32(at + 16, keyLength);
    view.setInt32(at + 20, value?.length ?? -1);
    at += HEADER_BYTES + keyLength;
    if (value) {
      bytes.set(value, at);
      at += value.length;
    }
  }
  return bytes.buffer;
}

/** The records of a buffer made by `encodeRecords`. Their values are views of it. */
export function decodeRecords(buffer: ArrayBuffer): LogRecord[] {
  const records: LogRecord[] = [];
  const bytes = Buffer.from(buffer);
  const view = new DataView(buffer);
  for (let at = 0; at < bytes.length;) {
    const keyEnd = at + HEADER_BYTES + view.getUint32(at + 16);
    const valueLength = view.getInt32(at + 20);
    const end = keyEnd + Math.max(valueLength, 0);
    records.push({
      key: bytes.toString("utf8", at + HEADER_BYTES, keyEnd),
      value: valueLength < 0 ? undefined : bytes.subarray(keyEnd, end),
      revision: view.getFloat64(at),
      createRevision: view.getFloat64(at + 8),
    });
    at = end;
  }
  return records;
}
