import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, createServer as createHttpServer, request as httpRequest, type Server as HttpServer } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { test } from "node:test";
import { realClock } from "#lib/clock.ts";
import { createBalancer } from "./balancer.ts";
import type { Backend, Listener } from "./plan.ts";
import { forwardTcp } from "./tcp-forwarder.ts";

const LIMIT = { timeout: 20_000 };

async function listenOn(server: Server, host = "127.0.0.1"): Promise<Backend> {
  server.listen({ host, port: 0 });
  await once(server, "listening");
  return { ip: host, port: (server.address() as AddressInfo).port };
}

/** A forwarder on a free port, whose backends can be changed. */
async function forwarder(backends: readonly Backend[], affinityMs = 0) {
  const probe = createServer();
  const { ip, port } = await listenOn(probe);
  probe.close();
  await once(probe, "close");
  const listenerFor = (next: readonly Backend[]): Listener => ({
    id: "x",
    protocol: "TCP",
    ip,
    port,
    backends: next,
    affinityMs,
    service: "a/b" as never,
  });
  const balancer = createBalancer(realClock, listenerFor(backends), () => 0);
  const made = forwardTcp({ ip, port }, balancer);
  await made.listening;
  return {
    ip,
    port,
    forwarder: made,
    change(next: readonly Backend[]) {
      balancer.update(listenerFor(next));
      made.backendsChanged(next);
    },
    [Symbol.asyncDispose]: () => made.close(true),
  };
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function tcpServer(onSocket: (socket: Socket) => void) {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.on("error", () => {}).on("close", () => open.delete(socket));
    onSocket(socket);
  });
  return Object.assign(server, {
    open,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

test("big transfers arrive byte for byte both ways, and a half-close is passed on", LIMIT, async () => {
  await using server = tcpServer((socket) => {
    const hash = createHash("sha256");
    // Answers only after the client has ended its side.
    socket.on("data", (chunk) => hash.update(chunk)).on("end", () => socket.end(Buffer.concat([hash.digest(), big])));
  });
  const big = randomBytes(20 * 1024 * 1024);
  await using front = await forwarder([await listenOn(server)]);
  const client = connect({ host: front.ip, port: front.port, allowHalfOpen: true });
  client.end(big);
  const answer = await readAll(client);
  assert.ok(answer.subarray(0, 32).equals(createHash("sha256").update(big).digest()));
  assert.ok(answer.subarray(32).equals(big));
});

test("a backend that refuses is passed over; with none left the client is reset", LIMIT, async () => {
  await using server = tcpServer((socket) => socket.end("here"));
  const good = await listenOn(server);
  const gone = tcpServer(() => {});
  const dead = await listenOn(gone);
  await gone[Symbol.asyncDispose]();
  await using front = await forwarder([dead, good]);
  for (let index = 0; index < 4; index++) assert.equal(String(await readAll(connect(front.port, front.ip))), "here");
  front.change([dead]);
  await assert.rejects(readAll(connect(front.port, front.ip)), { code: "ECONNRESET" });
  front.change([]);
  await assert.rejects(readAll(connect(front.port, front.ip)), { code: "ECONNRESET" });
});

test("a connection that stands outlives a change of endpoints, and a server may speak first", LIMIT, async () => {
  await using old = tcpServer((socket) => {
    socket.write("old");
    socket.on("data", (chunk) => socket.write(chunk));
  });
  await using next = tcpServer((socket) => socket.end("next"));
  const oldBackend = await listenOn(old);
  const nextBackend = await listenOn(next);
  await using front = await forwarder([oldBackend]);
  const client = connect(front.port, front.ip);
  assert.equal(String((await once(client, "data"))[0]), "old");
  front.change([nextBackend]);
  client.write("GET / HTTP/1.1\r\n\r\n");
  assert.equal(String((await once(client, "data"))[0]), "GET / HTTP/1.1\r\n\r\n", "it goes on with the old one");
  assert.equal(String(await readAll(connect(front.port, front.ip))), "next");
  client.destroy();
});

test("session affinity keeps a client with its backend while that is one", LIMIT, async () => {
  const servers = ["a", "b", "c"].map((name) => tcpServer((socket) => socket.end(name)));
  const backends = await Promise.all(servers.map((server) => listenOn(server)));
  await using front = await forwarder(backends, 60_000);
  const ask = async () => String(await readAll(connect(front.port, front.ip)));
  const first = await ask();
  for (let index = 0; index < 5; index++) assert.equal(await ask(), first);
  front.change(backends.filter((_, index) => "abc"[index] !== first));
  const second = await ask();
  assert.notEqual(second, first);
  assert.equal(await ask(), second);
  for (const server of servers) await server[Symbol.asyncDispose]();
});

test("a port in use is an error; closing frees the port and all connections", LIMIT, async () => {
  await using server = tcpServer(() => {});
  const backend = await listenOn(server);
  const front = await forwarder([backend]);
  const again = forwardTcp(
    front,
    createBalancer(realClock, { backends: [backend] } as never, () => 0),
  );
  await assert.rejects(again.listening, { code: "EADDRINUSE" });
  await again.close(true);
  const client = connect(front.port, front.ip);
  client.on("error", () => {});
  await once(client, "connect");
  client.write("x");
  await front.forwarder.close(true);
  if (!client.closed) await new Promise((resolve) => client.once("close", resolve));
  const reuse = createServer();
  reuse.listen(front.port, front.ip);
  await once(reuse, "listening");
  reuse.close();
});

/** An HTTP server that answers with its name and closes as Node's do: idle connections at once. */
function httpServer(name: string, delayMs = 0): HttpServer {
  const server = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => setTimeout(() => response.end(`${name} ${request.method} ${Buffer.concat(chunks).length}`), delayMs));
  });
  server.keepAliveTimeout = 60_000;
  return server;
}

function ask(front: { ip: string; port: number }, agent: Agent, method = "GET", body?: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = httpRequest({ host: front.ip, port: front.port, agent, method }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += chunk)).on("end", () => resolve(text));
    });
    call.on("error", reject);
    call.end(body);
  });
}

test("a kept-alive client goes on with another backend, on its connection, when its own leaves and closes", LIMIT, async () => {
  const old = httpServer("old");
  const next = httpServer("next");
  const oldBackend = await listenOn(old);
  const nextBackend = await listenOn(next);
  await using front = await forwarder([oldBackend]);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  assert.equal(await ask(front, agent), "old GET 0");
  const sockets = new Set(Object.values(agent.freeSockets).flat());
  front.change([nextBackend]);
  await new Promise((resolve) => old.close(resolve));
  for (const method of ["POST", "GET", "PUT"])
    assert.match(await ask(front, agent, method, method === "GET" ? undefined : Buffer.alloc(100_000)), new RegExp(`^next ${method}`));
  for (const socket of Object.values(agent.freeSockets).flat()) assert.ok(sockets.has(socket), "it is the same connection");
  agent.destroy();
  next.close();
});

test("a request under way is answered by the backend that has it, then the client moves", LIMIT, async () => {
  const old = httpServer("old", 100);
  const next = httpServer("next");
  const oldBackend = await listenOn(old);
  const nextBackend = await listenOn(next);
  await using front = await forwarder([oldBackend]);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const slow = ask(front, agent, "POST", Buffer.alloc(10));
  await once(old, "request");
  front.change([nextBackend]);
  const closed = new Promise((resolve) => old.close(resolve));
  assert.equal(await slow, "old POST 10");
  assert.equal(await ask(front, agent), "next GET 0");
  await closed;
  agent.destroy();
  next.close();
});

for (const [what, method, leaves, expected] of [
  ["a GET without answer is sent once more", "GET", true, /^next GET/],
  ["a POST without answer fails", "POST", true, "ECONNRESET"],
  ["nothing is sent again if the backend stays", "GET", false, "ECONNRESET"],
] as const) {
  test(`the backend breaks: ${what}`, LIMIT, async () => {
    let requests = 0;
    const next = httpServer("next");
    const nextBackend = await listenOn(next);
    await using old = tcpServer((socket) => {
      socket.once("data", () => {
        requests++;
        if (leaves) front.change([nextBackend]);
        socket.resetAndDestroy();
      });
    });
    const oldBackend = await listenOn(old);
    await using front = await forwarder([oldBackend]);
    const agent = new Agent({ keepAlive: true });
    const answer = await ask(front, agent, method, method === "POST" ? Buffer.alloc(5) : undefined).catch(
      (error: NodeJS.ErrnoException) => error.code ?? "",
    );
    if (typeof expected === "string") assert.equal(answer, expected);
    else assert.match(answer, expected);
    assert.equal(requests, 1);
    agent.destroy();
    next.close();
  });
}

test("after an upgrade the bytes are nobody's business and the connection stays where it is", LIMIT, async () => {
  await using old = tcpServer((socket) => {
    socket.once("data", () => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n");
      socket.on("data", (chunk) => socket.write(chunk));
    });
  });
  await using next = tcpServer((socket) => socket.end("next"));
  const oldBackend = await listenOn(old);
  const nextBackend = await listenOn(next);
  await using front = await forwarder([oldBackend]);
  const client = connect(front.port, front.ip);
  client.write("GET / HTTP/1.1\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n");
  await once(client, "data");
  front.change([nextBackend]);
  client.write("GET / HTTP/1.1\r\n\r\n");
  assert.equal(String((await once(client, "data"))[0]), "GET / HTTP/1.1\r\n\r\n");
  client.destroy();
});
