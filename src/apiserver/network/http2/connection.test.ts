import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2, type ClientHttp2Session, type IncomingHttpHeaders } from "node:http2";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";
import { Http2Connection } from "./connection.ts";
import { CODE, ConnectionError, FLAG, frame, numberFrame, PREFACE, settingsFrame, TYPE } from "./frames.ts";
import { createHuffmanDecoder } from "./huffman.ts";
import type { Http2Stream } from "./stream.ts";

type Answer = (stream: Http2Stream) => void;

/** A server of plain TCP whose streams `answer` answers. */
async function startServer(answer: Answer) {
  let now = 0;
  const huffman = createHuffmanDecoder();
  const connections: Http2Connection[] = [];
  const errors: unknown[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    const onError = (error: unknown) => void errors.push(error);
    connections.push(new Http2Connection(socket, { huffman, onStream: answer, onClose() {}, onError, nowMs: () => now++ / 1000 }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    connections,
    errors,
    session: () => connectHttp2(`http://127.0.0.1:${port}`),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

const echo: Answer = (stream) => {
  void stream.body().then(
    (body) => stream.respond(200, { "x-method": stream.head.method, "x-name": stream.head.headers["x-name"] ?? "" }, body, false),
    () => {},
  );
};

async function ask(session: ClientHttp2Session, headers: Record<string, string>, body?: string | Buffer) {
  const stream = session.request({ ":path": "/", ":method": body === undefined ? "GET" : "POST", ...headers });
  stream.end(body);
  const [answer] = (await once(stream, "response")) as [IncomingHttpHeaders & { ":status"?: number }];
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return { headers: answer, body: Buffer.concat(chunks) };
}

/** Sends bytes after the preface; gives the code of the goodbye that comes, or of the reset of a stream. */
async function codeOf(port: number, bytes: readonly Buffer[]): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.write(Buffer.concat([PREFACE, settingsFrame({}), ...bytes]));
  let all = Buffer.alloc(0);
  for await (const chunk of socket) {
    all = Buffer.concat([all, chunk as Buffer]);
    for (let at = 0; at + 9 <= all.length && at + 9 + all.readUIntBE(at, 3) <= all.length; at += 9 + all.readUIntBE(at, 3)) {
      const type = all[at + 3];
      if (type === TYPE.goAway) {
        socket.destroy();
        return `goaway ${all.readUInt32BE(at + 13)}`;
      }
      if (type === TYPE.reset) {
        socket.destroy();
        return `reset ${all.readUInt32BE(at + 9)}`;
      }
    }
  }
  return "closed";
}

/** `GET /` in the numbers of the static table. */
const GET = Buffer.from([0x82, 0x84, 0x86]);
const POST = Buffer.from([0x83, 0x84, 0x86]);
const headers = (id: number, block: Buffer, flags: number) => frame(TYPE.headers, flags, id, block);
const WHOLE = FLAG.endHeaders | FLAG.endStream;

test("requests with headers of every sort, many on one connection, are read as they were sent", async () => {
  await using server = await startServer(echo);
  const session = server.session();
  // Node packs texts with Huffman's code and repeats fields by their place in the table.
  const printable = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index)).join("");
  const names = Array.from({ length: 300 }, (_, index) => (index % 3 === 0 ? printable : `name-${index % 40}`));
  const answers = await Promise.all(names.map((name, index) => ask(session, { "x-name": name, [`x-${index % 90}`]: "y".repeat(index) })));
  assert.deepEqual(
    answers.map((answer) => answer.headers["x-name"]),
    names,
  );
  session.destroy();
});

test("bodies of many sizes come back whole through small windows", async () => {
  await using server = await startServer(echo);
  const session = connectHttp2(`http://127.0.0.1:${server.port}`, { settings: { initialWindowSize: 1000 } });
  const bodies = [0, 1, 999, 1000, 1001, 16_384, 70_000, 2_500_000].map((size) => Buffer.alloc(size, `${size} `));
  const answers = await Promise.all(bodies.map((body) => ask(session, {}, body)));
  for (const [index, { headers: got, body }] of answers.entries()) {
    assert.equal(got["content-length"], String(bodies[index]?.length));
    assert.ok(body.equals(bodies[index] ?? Buffer.alloc(1)), `${bodies[index]?.length} bytes`);
  }
  session.destroy();
});

test("a large answer does not hold back a small one", async () => {
  const large = Buffer.alloc(30 * 1024 * 1024);
  await using server = await startServer((stream) =>
    stream.respond(200, {}, stream.head.target === "/large" ? large : Buffer.from("x"), false),
  );
  const session = connectHttp2(`http://127.0.0.1:${server.port}`, { settings: { initialWindowSize: 2 ** 31 - 1 } });
  const order: string[] = [];
  const note = (path: string) => ask(session, { ":path": path }).then(() => order.push(path));
  await Promise.all([note("/large"), note("/small")]);
  assert.deepEqual(order, ["/small", "/large"]);
  session.destroy();
});

test("what breaks the protocol ends the connection or the stream with its code", async () => {
  await using server = await startServer(echo);
  const ping = frame(TYPE.ping, 0, 0, Buffer.alloc(8));
  const cases: readonly (readonly [string, readonly Buffer[], string])[] = [
    ["data on a stream that was never opened", [frame(TYPE.data, 0, 1, Buffer.alloc(1))], `goaway ${CODE.protocol}`],
    ["headers on an even stream", [headers(2, GET, WHOLE)], `goaway ${CODE.protocol}`],
    ["headers interrupted", [headers(1, GET, 0), ping], `goaway ${CODE.protocol}`],
    ["a continuation of nothing", [frame(TYPE.continuation, FLAG.endHeaders, 1, GET)], `goaway ${CODE.protocol}`],
    ["a field that no table has", [headers(1, Buffer.from([0xff, 0x7f]), WHOLE)], `goaway ${CODE.compression}`],
    ["a text that is cut off", [headers(1, Buffer.from([0x00, 0x05, 0x61]), WHOLE)], `goaway ${CODE.compression}`],
    ["a frame beyond the allowed size", [frame(TYPE.data, 0, 1, Buffer.alloc(16_385))], `goaway ${CODE.frameSize}`],
    ["a ping of another size", [frame(TYPE.ping, 0, 0, Buffer.alloc(7))], `goaway ${CODE.frameSize}`],
    ["a window that does not grow", [numberFrame(TYPE.windowUpdate, 0, 0)], `goaway ${CODE.protocol}`],
    ["a window that overflows", [numberFrame(TYPE.windowUpdate, 0, 2 ** 31 - 1)], `goaway ${CODE.flowControl}`],
    ["a request without a path", [headers(1, Buffer.from([0x82, 0x86]), WHOLE)], `reset ${CODE.protocol}`],
    [
      "a body of another length",
      [headers(1, Buffer.concat([POST, literal("content-length", "5")]), FLAG.endHeaders), data(1, "abc")],
      `reset ${CODE.protocol}`,
    ],
    ["a name in upper case", [headers(1, Buffer.concat([GET, literal("Name", "x")]), WHOLE)], `reset ${CODE.protocol}`],
    ["a header of connections", [headers(1, Buffer.concat([GET, literal("connection", "x")]), WHOLE)], `reset ${CODE.protocol}`],
    ["data after the end", [headers(1, POST, FLAG.endHeaders), data(1, "a"), data(1, "b")], `goaway ${CODE.streamClosed}`],
  ];
  for (const [name, bytes, expected] of cases) {
    assert.equal(await codeOf(server.port, bytes), expected, name);
  }
});

test("floods of frames that cost the client nothing are ended", async () => {
  await using server = await startServer(() => {});
  const many = (make: (index: number) => Buffer) => Array.from({ length: 12_000 }, (_, index) => make(index));
  const open = (index: number) => [headers(index * 2 + 1, GET, WHOLE), numberFrame(TYPE.reset, index * 2 + 1, CODE.cancel)];
  const floods = [
    many(() => frame(TYPE.ping, 0, 0, Buffer.alloc(8))),
    many(() => settingsFrame({})),
    [frame(TYPE.settings, 0, 0, Buffer.alloc(6 * 33))],
    many((index) => Buffer.concat(open(index))),
    [headers(1, GET, 0), ...Array.from({ length: 70 }, () => frame(TYPE.continuation, 0, 1, Buffer.alloc(16_384)))],
  ];
  for (const flood of floods) {
    // What the client still sends may cost it the goodbye.
    await codeOf(server.port, flood).catch(() => {});
    const error = server.errors.pop();
    assert.ok(error instanceof ConnectionError && error.code === CODE.calm, String(error));
  }
});

test("a connection that closes answers what is under way and takes no more", async () => {
  for (const size of [4, 500_000]) {
    const waiting: Http2Stream[] = [];
    await using server = await startServer((stream) => void waiting.push(stream));
    const session = server.session();
    const answer = ask(session, {});
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const [connection] = server.connections;
    const closed = once(session, "close");
    connection?.close();
    waiting[0]?.respond(200, {}, Buffer.alloc(size), false);
    assert.equal((await answer).body.length, size);
    await closed;
  }
});

test("a client that goes away closes its streams and rejects bodies that are not whole", async () => {
  const closed = Promise.withResolvers<string>();
  await using server = await startServer((stream) => {
    void stream.body().catch((error: unknown) => stream.onceClosed(() => closed.resolve(String(error))));
  });
  const session = server.session();
  const stream = session.request({ ":method": "POST", ":path": "/" });
  stream.on("error", () => {});
  stream.write("half");
  while (server.connections.length === 0) await new Promise((resolve) => setImmediate(resolve));
  stream.once("ready", () => setImmediate(() => session.destroy()));
  if (!stream.pending) setImmediate(() => session.destroy());
  assert.match(await closed.promise, /the client went away/);
});

function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);
}

function data(id: number, text: string): Buffer {
  return frame(TYPE.data, FLAG.endStream, id, Buffer.from(text));
}
