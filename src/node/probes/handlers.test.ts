import assert from "node:assert/strict";
import { createServer } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import { createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { test, type TestContext } from "node:test";
import { realClock } from "#lib/clock.ts";
import type { Probe } from "#kinds/api/core-v1.gen.ts";
import { runHandler, type HandlerTarget } from "./handlers.ts";

async function listen(context: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => void server.close());
  return (server.address() as AddressInfo).port;
}

function target(ports: { name: string; containerPort: number }[] = []): HandlerTarget {
  return {
    runtime: { reachable: true } as HandlerTarget["runtime"], // these handlers use nothing else of it
    clock: realClock,
    sandboxId: "s",
    podIp: "127.0.0.1",
    container: { name: "c", ports },
    containerId: "c",
  };
}

void test("HTTP: path, headers, named ports; 2xx and 3xx succeed, the rest says its status", async (context) => {
  const port = await listen(
    context,
    createServer((request, response) => {
      response.statusCode = request.headers["x-want"] === "ok" && request.headers.host === "other" ? 204 : Number(request.url?.slice(1));
      response.end(request.headers["user-agent"]);
    }),
  );
  const on = target([{ name: "web", containerPort: port }]);
  const run = (httpGet: NonNullable<Probe["httpGet"]>) => runHandler({ httpGet }, on, 1000);
  assert.equal((await run({ port: "web", path: "/302" })).ok, true);
  assert.deepEqual(await run({ port, path: "/500" }), { ok: false, output: "HTTP probe failed with statuscode: 500" });
  const httpHeaders = [
    { name: "X-Want", value: "ok" },
    { name: "Host", value: "other" },
  ];
  assert.equal((await run({ port, path: "/500", httpHeaders })).ok, true);
  assert.deepEqual(await run({ port: "none" }), { ok: false, output: `couldn't find port: "none" in container` });
});

void test("HTTP and TCP: refusals and timeouts in the kubelet's words", async (context) => {
  const silent = createTcpServer((socket) => context.after(() => socket.destroy()));
  const port = await listen(context, silent);
  const closed = await listen(context, createTcpServer());
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(await runHandler({ httpGet: { port, path: "/x" } }, target(), 50), {
    ok: false,
    output: `Get "http://127.0.0.1:${port}/x": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
  });
  assert.equal((await runHandler({ tcpSocket: { port } }, target(), 1000)).ok, true);
  assert.equal((await runHandler({ tcpSocket: { port: closed } }, target(), 1000)).ok, true);
  assert.deepEqual(await runHandler({ tcpSocket: { port: 1 } }, target(), 1000), {
    ok: false,
    output: "dial tcp 127.0.0.1:1: connect: connection refused",
  });
  assert.deepEqual(await runHandler({ httpGet: { port: 1 } }, target(), 1000), {
    ok: false,
    output: 'Get "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused',
  });
});

void test("gRPC: asks the health service by name", async (context) => {
  const server = createHttp2Server();
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    assert.equal(headers[":path"], "/grpc.health.v1.Health/Check");
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const name = Buffer.concat(chunks).subarray(7).toString();
      if (name === "unknown") {
        stream.respond({ ":status": 200, "content-type": "application/grpc", "grpc-status": "5" }, { endStream: true });
        return;
      }
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, name === "sick" ? 2 : 1]));
    });
  });
  const port = await listen(context, server);
  const check = (service: string) => runHandler({ grpc: { port, service } }, target(), 1000);
  assert.equal((await check("")).ok, true);
  assert.equal((await check("well")).ok, true);
  assert.deepEqual(await check("sick"), { ok: false, output: 'service unhealthy (responded with "NOT_SERVING")' });
  assert.equal((await check("unknown")).ok, false);
  assert.equal((await runHandler({ grpc: { port: 1 } }, target(), 1000)).ok, false);
});
