import assert from "node:assert/strict";
import { duplexPair, type Duplex } from "node:stream";
import { test } from "node:test";
import { constants, createDeflate } from "node:zlib";
import { serveSpdy, type SpdyStream } from "./connection.ts";
import { controlFrame, createFrameReader, dataFrame, FrameType, rstFrame, type Frame } from "./frames.ts";
import { createHeaderDecoder, createHeaderEncoder, dictionary, type Headers } from "./header-block.ts";

void test("the dictionary is the protocol's", () => {
  let [low, high] = [1, 0];
  for (const byte of dictionary()) {
    low = (low + byte) % 65_521;
    high = (high + low) % 65_521;
  }
  // Adler-32, as every SPDY/3 stream begins with it.
  assert.equal((high * 65_536 + low).toString(16), "e3c6a7c2");
});

void test("frames survive any split into chunks", () => {
  const bytes = Buffer.concat([
    dataFrame(1, Buffer.from("hello")),
    controlFrame(FrameType.ping, Buffer.from([0, 0, 0, 7])),
    dataFrame(3, Buffer.alloc(0), true),
    rstFrame(3, 5),
    dataFrame(5, Buffer.alloc(70_000, 7)),
  ]);
  for (const step of [1, 3, 8, 1000, bytes.length]) {
    const reader = createFrameReader();
    const frames: Frame[] = [];
    for (let at = 0; at < bytes.length; at += step) {
      reader.push(bytes.subarray(at, at + step));
      for (let frame = reader.next(); frame; frame = reader.next()) frames.push(frame);
    }
    assert.deepEqual(
      frames.map((frame) => (frame.kind === "data" ? [frame.streamId, frame.data.length, frame.fin] : [frame.type, frame.payload.length])),
      [
        [1, 5, false],
        [FrameType.ping, 4],
        [3, 0, true],
        [FrameType.rstStream, 8],
        [5, 70_000, false],
      ],
      `in steps of ${step}`,
    );
  }
});

void test("frames of another version are refused", () => {
  const reader = createFrameReader();
  reader.push(Buffer.from([0x80, 0x02, 0, 1, 0, 0, 0, 0]));
  assert.throws(() => reader.next(), /SPDY version 2/);
});

void test("our header blocks are read by a decoder, one after the other", async () => {
  const encoder = createHeaderEncoder();
  using decoder = createHeaderDecoder();
  for (const headers of [{}, { a: "1", streamtype: "data" }, { port: "80" }])
    assert.deepEqual(await decoder.decode(encoder.encode(headers)), headers);
});

void test("compressed header blocks are read, and huge ones refused", async () => {
  using decoder = createHeaderDecoder();
  const compressor = clientCompressor();
  for (const headers of [
    { streamtype: "error", port: "80", requestid: "0" },
    { streamtype: "data", port: "80", requestid: "0" },
  ])
    assert.deepEqual(await decoder.decode(await compressor(headers)), headers);
  await assert.rejects(decoder.decode(await compressor({ x: "y".repeat(1_000_000) })), /header block/);
  await assert.rejects(decoder.decode(Buffer.from("rubbish")), /header block/);
});

void test("a stream carries bytes both ways and ends each way by itself", async () => {
  const { client, opened } = startServer();
  await client.open(1, { streamtype: "data" });
  const stream = await opened();
  assert.deepEqual(stream.headers, { streamtype: "data" });
  client.send(dataFrame(1, Buffer.from("ping ")), dataFrame(1, Buffer.from("pong"), true));
  assert.equal((await read(stream)).toString(), "ping pong");
  stream.end(Buffer.alloc(200_000, 1));
  const { bytes } = await client.untilFin(1);
  assert.equal(bytes, 200_000);
});

void test("a reset ends the stream and nothing else; a ping is answered", async () => {
  const { client, opened } = startServer();
  await client.open(1, { n: "one" });
  await client.open(3, { n: "three" });
  const [one, three] = [await opened(), await opened()];
  const closed = new Promise((resolve) => one.once("close", resolve));
  client.send(rstFrame(1, 5), controlFrame(FrameType.ping, Buffer.from([0, 0, 0, 9])));
  await closed;
  assert.equal(three.destroyed, false);
  await client.until((frame) => frame.kind === "control" && frame.type === FrameType.ping && frame.payload[3] === 9);
});

void test("who does not read holds the sender back", async () => {
  const { client, opened } = startServer();
  await client.open(1, {});
  const stream = await opened();
  let sent = 0;
  while (client.transport.write(dataFrame(1, Buffer.alloc(32_768)))) {
    sent += 32_768;
    await new Promise((resolve) => setImmediate(resolve));
    assert.ok(sent < 16 * 1024 * 1024, "the server takes all there is");
  }
  assert.ok(stream.readableLength <= 1024 * 1024 + 32_768, `${stream.readableLength} bytes wait`);
  client.send(dataFrame(1, Buffer.alloc(0), true));
  assert.equal((await read(stream)).length % 32_768, 0);
});

void test("the end of the transport ends every stream", async () => {
  const { client, opened, closed } = startServer();
  await client.open(1, {});
  const stream = await opened();
  client.transport.destroy();
  client.transport.emit("close");
  client.server.destroy();
  await closed;
  assert.ok(stream.destroyed);
});

/** Reads to the end; an async iteration would end the other direction, too. */
function read(stream: Duplex): Promise<Buffer> {
  const parts: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => parts.push(chunk));
  return new Promise((resolve) => stream.once("end", () => resolve(Buffer.concat(parts))));
}

function startServer() {
  const [transport, server] = duplexPair();
  const waiting: SpdyStream[] = [];
  let wake: (() => void) | undefined;
  const connection = serveSpdy(server, (stream) => {
    waiting.push(stream);
    wake?.();
  });
  const opened = async (): Promise<SpdyStream> => {
    for (;;) {
      const stream = waiting.shift();
      if (stream) return stream;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  return { client: clientOn(transport, server), opened, closed: connection.closed };
}

function clientOn(transport: Duplex, server: Duplex) {
  const compressor = clientCompressor();
  const reader = createFrameReader();
  const frames: Frame[] = [];
  let wake: (() => void) | undefined;
  transport.on("data", (chunk: Buffer) => {
    reader.push(chunk);
    for (let frame = reader.next(); frame; frame = reader.next()) frames.push(frame);
    wake?.();
  });
  const next = async (): Promise<Frame> => {
    for (;;) {
      const frame = frames.shift();
      if (frame) return frame;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  return {
    transport,
    server,
    send: (...all: Buffer[]) => void transport.write(Buffer.concat(all)),
    async open(id: number, headers: Headers) {
      const head = Buffer.alloc(10);
      head.writeUInt32BE(id);
      transport.write(controlFrame(FrameType.synStream, Buffer.concat([head, await compressor(headers)])));
    },
    async until(wanted: (frame: Frame) => boolean) {
      while (!wanted(await next()));
    },
    async untilFin(id: number) {
      for (let bytes = 0; ;) {
        const frame = await next();
        if (frame.kind !== "data" || frame.streamId !== id) continue;
        bytes += frame.data.length;
        if (frame.fin) return { bytes };
      }
    },
  };
}

/** What a client's library does: one deflate stream with the dictionary, flushed after each block. */
function clientCompressor(): (headers: Headers) => Promise<Buffer> {
  const deflate = createDeflate({ dictionary: dictionary() });
  let parts: Buffer[] = [];
  deflate.on("data", (chunk: Buffer) => parts.push(chunk));
  const sized = (text: string) => {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(text.length);
    return Buffer.concat([head, Buffer.from(text)]);
  };
  return (headers) =>
    new Promise((resolve) => {
      parts = [];
      const entries = Object.entries(headers);
      const count = Buffer.alloc(4);
      count.writeUInt32BE(entries.length);
      deflate.write(Buffer.concat([count, ...entries.flatMap(([name, value]) => [sized(name), sized(value)])]));
      deflate.flush(constants.Z_SYNC_FLUSH, () => resolve(Buffer.concat(parts)));
    });
}
