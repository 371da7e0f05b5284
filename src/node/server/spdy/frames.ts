// SPDY/3.1 frames as bytes. Only what Kubernetes' clients use; others are passed over.

export const FrameType = { synStream: 1, synReply: 2, rstStream: 3, settings: 4, ping: 6, goAway: 7, headers: 8, windowUpdate: 9 } as const;

export const FLAG_FIN = 1;
export const RST_CANCEL = 5;
const HEAD_BYTES = 8;
const VERSION = 3;

export type Frame =
  | { readonly kind: "data"; readonly streamId: number; readonly fin: boolean; readonly data: Buffer }
  | { readonly kind: "control"; readonly type: number; readonly flags: number; readonly payload: Buffer };

export class SpdyError extends Error {
  override readonly name = "SpdyError";
}

export interface FrameReader {
  push(chunk: Buffer): void;
  /** The next whole frame, if it is there. Throws SpdyError. */
  next(): Frame | undefined;
}

export function createFrameReader(): FrameReader {
  let chunks: Buffer[] = [];
  let size = 0;
  const joined = (): Buffer => {
    const [only] = chunks;
    if (chunks.length === 1 && only) return only;
    const all = Buffer.concat(chunks);
    chunks = [all];
    return all;
  };
  /** How many bytes the next frame has, once its head is known: large frames are not joined piece by piece. */
  let wanted = HEAD_BYTES;
  return {
    push(chunk) {
      if (chunk.length === 0) return;
      chunks.push(chunk);
      size += chunk.length;
    },
    next() {
      if (size < wanted) return undefined;
      let bytes = joined();
      wanted = HEAD_BYTES + bytes.readUIntBE(5, 3);
      if (size < wanted) return undefined;
      const first = bytes.readUInt32BE(0);
      const flags = bytes.readUInt8(4);
      const payload = bytes.subarray(HEAD_BYTES, wanted);
      bytes = bytes.subarray(wanted);
      chunks = bytes.length > 0 ? [bytes] : [];
      size = bytes.length;
      wanted = HEAD_BYTES;
      if (first < 0x8000_0000) return { kind: "data", streamId: first, fin: (flags & FLAG_FIN) !== 0, data: payload };
      const version = (first >>> 16) & 0x7fff;
      if (version !== VERSION) throw new SpdyError(`SPDY version ${version} is not spoken here`);
      return { kind: "control", type: first & 0xffff, flags, payload };
    },
  };
}

export function dataFrame(streamId: number, data: Uint8Array, fin = false): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + data.length);
  frame.writeUInt32BE(streamId, 0);
  frame.writeUInt32BE(data.length, 4);
  frame.writeUInt8(fin ? FLAG_FIN : 0, 4);
  frame.set(data, HEAD_BYTES);
  return frame;
}

export function controlFrame(type: number, payload: Uint8Array, flags = 0): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
  frame.writeUInt32BE((0x8000_0000 | (VERSION << 16) | type) >>> 0, 0);
  frame.writeUInt32BE(payload.length, 4);
  frame.writeUInt8(flags, 4);
  frame.set(payload, HEAD_BYTES);
  return frame;
}

export function rstFrame(streamId: number, status: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(streamId, 0);
  payload.writeUInt32BE(status, 4);
  return controlFrame(FrameType.rstStream, payload);
}

export function synReplyFrame(streamId: number, headerBlock: Uint8Array): Buffer {
  const payload = Buffer.alloc(4 + headerBlock.length);
  payload.writeUInt32BE(streamId, 0);
  payload.set(headerBlock, 4);
  return controlFrame(FrameType.synReply, payload);
}
