// A client of HTTP/2 that does next to nothing: frames are built and counted by hand, so that a load of tens of thousands of
// requests a second leaves the processor to the server. It knows just enough of RFC 9113 and RFC 7541 for requests with small bodies.

import { connect, type TLSSocket } from "node:tls";

export interface RawRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH";
  readonly path: string;
  /** JSON, unless `type` says otherwise. */
  readonly body?: string;
  readonly type?: string;
  readonly accept?: string;
}

export interface RawConnection {
  /** `done` gets the status and the number of bytes of the body; `onData` the body's parts as they come, valid during the call. */
  send(request: RawRequest, done: (status: number, bytes: number) => void, onData?: (part: Buffer) => void): void;
  close(): void;
}

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const FRAME_HEADER = 9;
const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const END_STREAM = 0x1;
const ACK = 0x1;
const END_HEADERS = 0x4;
const MAX_WINDOW = 2 ** 31 - 1;
const DEFAULT_WINDOW = 65_535;

export async function connectHttp2(endpoint: Endpoint): Promise<RawConnection> {
  const { host, port, ca, cert, key } = endpoint;
  const socket: TLSSocket = connect({ host, port, ca, cert, key, ALPNProtocols: ["h2"], checkServerIdentity: () => undefined });
  socket.setNoDelay(true);
  await new Promise<void>((resolve, reject) => {
    socket.once("secureConnect", resolve);
    socket.once("error", reject);
  });
  const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
  // No header table for answers: a status is then readable without a table of what came before. No push. Wide windows.
  const settings = Buffer.alloc(18);
  settings.writeUInt16BE(1, 0);
  settings.writeUInt32BE(0, 2);
  settings.writeUInt16BE(2, 6);
  settings.writeUInt32BE(0, 8);
  settings.writeUInt16BE(4, 12);
  settings.writeUInt32BE(MAX_WINDOW, 14);
  socket.write(Buffer.concat([preface, frame(TYPE.settings, 0, 0, settings), windowUpdate(MAX_WINDOW - DEFAULT_WINDOW)]));
  return createConnection(socket, `${host}:${port}`);
}

interface Pending {
  readonly done: (status: number, bytes: number) => void;
  readonly onData: ((part: Buffer) => void) | undefined;
  status: number;
  bytes: number;
}

function createConnection(socket: TLSSocket, authority: string): RawConnection {
  const pending = new Map<number, Pending>();
  const waiting: { readonly bytes: Buffer; readonly cost: number }[] = [];
  let nextStream = 1;
  let sendWindow = DEFAULT_WINDOW;
  let received = 0;
  let rest: Buffer = Buffer.alloc(0);
  let outgoing: Buffer[] = [];
  let closed = false;

  const flush = () => {
    const all = outgoing;
    outgoing = [];
    socket.write(all.length === 1 && all[0] ? all[0] : Buffer.concat(all));
  };
  const write = (bytes: Buffer) => {
    // What one turn of the event loop asks goes out in one record.
    if (outgoing.push(bytes) === 1) setImmediate(flush);
  };
  const drain = () => {
    for (let next = waiting[0]; next && next.cost <= sendWindow; next = waiting[0]) {
      sendWindow -= next.cost;
      waiting.shift();
      write(next.bytes);
    }
  };
  const finish = (id: number) => {
    const one = pending.get(id);
    pending.delete(id);
    one?.done(one.status, one.bytes);
  };
  const onFrame = (type: number, flags: number, id: number, payload: Buffer) => {
    if (type === TYPE.data) {
      const one = pending.get(id);
      if (one) {
        one.bytes += payload.length;
        one.onData?.(payload);
      }
      received += payload.length;
      if (received > MAX_WINDOW / 4) {
        write(windowUpdate(received));
        received = 0;
      }
      if (flags & END_STREAM) finish(id);
    } else if (type === TYPE.headers) {
      const one = pending.get(id);
      if (one) one.status = statusOf(payload);
      if (flags & END_STREAM) finish(id);
    } else if (type === TYPE.settings) {
      if (!(flags & ACK)) write(frame(TYPE.settings, ACK, 0, Buffer.alloc(0)));
    } else if (type === TYPE.ping) {
      if (!(flags & ACK)) write(frame(TYPE.ping, ACK, 0, Buffer.from(payload)));
    } else if (type === TYPE.windowUpdate && id === 0) {
      sendWindow += payload.readUInt32BE(0) & MAX_WINDOW;
      drain();
    } else if (type === TYPE.reset) {
      finish(id);
    } else if (type === TYPE.goAway && !closed) {
      socket.destroy(new Error(`the server ended the connection: error ${payload.readUInt32BE(4)}`));
    }
  };
  socket.on("data", (chunk: Buffer) => {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let at = 0;
    while (bytes.length - at >= FRAME_HEADER) {
      const length = bytes.readUIntBE(at, 3);
      const end = at + FRAME_HEADER + length;
      if (end > bytes.length) break;
      onFrame(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, bytes.readUInt32BE(at + 5) & MAX_WINDOW, bytes.subarray(at + FRAME_HEADER, end));
      at = end;
    }
    rest = bytes.subarray(at);
  });
  socket.on("error", (error) => {
    if (!closed) throw error;
  });
  return {
    send(request, done, onData) {
      const id = nextStream;
      nextStream += 2;
      pending.set(id, { done, onData, status: 0, bytes: 0 });
      const body = request.body === undefined ? undefined : Buffer.from(request.body);
      const headers = frame(TYPE.headers, END_HEADERS | (body ? 0 : END_STREAM), id, headerBlock(request, authority, body?.length));
      if (!body) write(headers);
      else {
        waiting.push({ bytes: Buffer.concat([headers, frame(TYPE.data, END_STREAM, id, body)]), cost: body.length });
        drain();
      }
    },
    close() {
      closed = true;
      socket.destroy();
    },
  };
}

function frame(type: number, flags: number, id: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEADER + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(id, 5);
  payload.copy(bytes, FRAME_HEADER);
  return bytes;
}

function windowUpdate(by: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(by);
  return frame(TYPE.windowUpdate, 0, 0, payload);
}

/** HPACK without tables and Huffman codes: names by their index in the static table, values as they are. */
function headerBlock(request: RawRequest, authority: string, length: number | undefined): Buffer {
  const method =
    request.method === "GET" ? [0x82] : request.method === "POST" ? [0x83] : [0x02, request.method.length, ...Buffer.from(request.method)];
  const parts = [Buffer.from([...method, 0x87]), literal([0x04], request.path), literal([0x01], authority)];
  if (request.accept !== undefined) parts.push(literal([0x0f, 0x04], request.accept));
  if (length !== undefined) parts.push(literal([0x0f, 0x10], request.type ?? "application/json"), literal([0x0f, 0x0d], String(length)));
  return Buffer.concat(parts);
}

function literal(name: readonly number[], value: string): Buffer {
  if (value.length >= 127) throw new RangeError("longer than this client can say");
  return Buffer.concat([Buffer.from([...name, value.length]), Buffer.from(value, "latin1")]);
}

/** The static table's :status entries, from index 8 on. */
const KNOWN_STATUS = [200, 204, 206, 304, 400, 404, 500];

/** The :status field, which comes first. It is in the static table, or three digits of Huffman code. */
function statusOf(block: Buffer): number {
  let at = 0;
  while (((block[at] ?? 0) & 0xe0) === 0x20) at++; // changes of the table's size
  const first = block[at] ?? 0;
  if (first & 0x80) return KNOWN_STATUS[(first & 0x7f) - 8] ?? 0;
  const length = (block[at + 1] ?? 0) & 0x7f;
  const value = block.subarray(at + 2, at + 2 + length);
  if (!((block[at + 1] ?? 0) & 0x80)) return Number(value.toString("latin1"));
  const bits = Array.from(value, (byte) => byte.toString(2).padStart(8, "0")).join("");
  let text = "";
  for (let bit = 0; text.length < 3 && bit + 5 <= bits.length;) {
    const five = Number.parseInt(bits.slice(bit, bit + 5), 2);
    // 0, 1 and 2 have five bits; 3 to 9 follow from 011001 on.
    if (five <= 2) text += five;
    else text += Number.parseInt(bits.slice(bit, bit + 6), 2) - 0x19 + 3;
    bit += five <= 2 ? 5 : 6;
  }
  return Number(text);
}
