import assert from "node:assert/strict";
import { createServer } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { Server as GrpcServer, ServerCredentials, status as GrpcStatus, type Metadata, type sendUnaryData } from "@grpc/grpc-js";
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
  const toBytes = (status: number) => (status === 0 ? Buffer.alloc(0) : Buffer.from([0x08, status]));
  const health = {
    Check: {
      path: "/grpc.health.v1.Health/Check",
      requestStream: false,
      responseStream: false,
      requestSerialize: () => Buffer.alloc(0),
      // Tag, a length of one or two bytes, the name.
      requestDeserialize: (bytes: Buffer) => ({ service: bytes.subarray((bytes[1] ?? 0) > 127 ? 3 : 2).toString() }),
      responseSerialize: toBytes,
      responseDeserialize: () => 0,
    },
  };
  const start = async (withHealth: boolean) => {
    const server = new GrpcServer();
    if (withHealth) {
      server.addService(health, {
        Check(call: { request: { service: string }; metadata: Metadata }, answer: sendUnaryData<number>) {
          if (call.request.service === "unknown") return answer({ code: GrpcStatus.NOT_FOUND, details: "unknown service" });
          if (call.request.service === "silent") return;
          if (call.request.service === "agent")
            return answer(null, String(call.metadata.get("user-agent")).startsWith("kube-probe/1.36 ") ? 1 : 2);
          answer(null, call.request.service === "sick" ? 2 : call.request.service === "unsure" ? 0 : 1);
        },
      });
    }
    const port = await promisify((done: (error: Error | null, port: number) => void) =>
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), done),
    )();
    context.after(() => server.forceShutdown());
    return port;
  };
  const port = await start(true);
  const check = (service: string, on = port, timeoutMs = 1000) => runHandler({ grpc: { port: on, service } }, target(), timeoutMs);
  assert.deepEqual(await check(""), { ok: true, output: "service healthy" });
  assert.equal((await check("x".repeat(300))).ok, true, "a long name has a length of two bytes");
  assert.equal((await check("agent")).ok, true);
  const failures: [service: string, output: string, port?: number, timeoutMs?: number][] = [
    ["sick", 'service unhealthy (responded with "NOT_SERVING")'],
    ["unsure", 'service unhealthy (responded with "UNKNOWN")'],
    ["unknown", "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service"],
    ["silent", "timeout: health rpc did not complete within 1s", port, 1000],
  ];
  for (const [service, output, ...on] of failures) assert.deepEqual(await check(service, ...on), { ok: false, output });
  const bare = await check("", await start(false));
  assert.match(bare.output, /^error: this server does not implement the grpc health protocol/);
  const refused = await check("", 1);
  assert.match(refused.output, /^error: failed to connect service at "127.0.0.1:1": .*ECONNREFUSED/);
  const mute = await listen(
    context,
    createTcpServer((socket) => context.after(() => socket.destroy())),
  );
  assert.deepEqual(await check("", mute), {
    ok: false,
    output: `timeout: failed to connect service "127.0.0.1:${mute}" within 1s: context deadline exceeded`,
  });
});
