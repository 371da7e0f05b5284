// HTTP/2's frames (RFC 9113): their numbers, and the small ones as bytes.

export const FRAME_HEADER = 9;
export const PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export const TYPE = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const FLAG = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

export const SETTING = { tableSize: 1, enablePush: 2, maxStreams: 3, initialWindow: 4, maxFrame: 5, maxHeaders: 6 } as const;

export const CODE = {
  noError: 0,
  protocol: 1,
  internal: 2,
  flowControl: 3,
  streamClosed: 5,
  frameSize: 6,
  refused: 7,
  cancel: 8,
  compression: 9,
  calm: 11,
} as const;

export const DEFAULT_WINDOW = 65_535;
export const MAX_WINDOW: number = 2 ** 31 - 1;
export const MIN_MAX_FRAME = 16_384;
export const MAX_MAX_FRAME: number = 2 ** 24 - 1;

/** What ends a connection. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export function writeFrameHeader(out: Buffer, at: number, length: number, type: number, flags: number, stream: number): void {
  out.writeUIntBE(length, at, 3);
  out[at + 3] = type;
  out[at + 4] = flags;
  out.writeUInt32BE(stream, at + 5);
}

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER + payload.length);
  writeFrameHeader(bytes, 0, payload.length, type, flags, stream);
  bytes.set(payload, FRAME_HEADER);
  return bytes;
}

/** A frame whose payload is one number of 32 bits: RST_STREAM, WINDOW_UPDATE. */
export function numberFrame(type: number, stream: number, value: number): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER + 4);
  writeFrameHeader(bytes, 0, 4, type, 0, stream);
  bytes.writeUInt32BE(value, FRAME_HEADER);
  return bytes;
}

export function goAwayFrame(lastStream: number, code: number, text = ""): Buffer {
  const payload = Buffer.alloc(8 + text.length);
  payload.writeUInt32BE(lastStream, 0);
  payload.writeUInt32BE(code, 4);
  payload.write(text, 8, "latin1");
  return frame(TYPE.goAway, 0, 0, payload);
}

export function settingsFrame(settings: Readonly<Partial<Record<keyof typeof SETTING, number>>>): Buffer {
  const entries = Object.entries(settings) as [keyof typeof SETTING, number][]; // of that very type
  const payload = Buffer.alloc(6 * entries.length);
  for (const [index, [name, value]] of entries.entries()) {
    payload.writeUInt16BE(SETTING[name], index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  }
  return frame(TYPE.settings, 0, 0, payload);
}
