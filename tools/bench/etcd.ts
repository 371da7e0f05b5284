// Bare puts on etcd, where the machine has one: the peer that creates are read against.

import { Client, credentials } from "@grpc/grpc-js";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { percentile } from "./load.ts";

const CONNECTIONS = 8;

/** Undefined if there is no etcd in PATH. */
export async function measureEtcdPuts(settings: {
  readonly clients: number;
  readonly bytes: number;
  readonly seconds: number;
}): Promise<{ readonly rate: number; readonly p99: number } | undefined> {
  const program = findProgram("etcd");
  if (program === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "kobune-bench-etcd-"));
  const [clientPort, peerPort] = [await freePort(), await freePort()];
  const urls = { client: `http://127.0.0.1:${clientPort}`, peer: `http://127.0.0.1:${peerPort}` };
  const flags = ["--data-dir", folder, "--listen-client-urls", urls.client, "--advertise-client-urls", urls.client];
  flags.push("--listen-peer-urls", urls.peer, "--initial-advertise-peer-urls", urls.peer, "--initial-cluster", `default=${urls.peer}`);
  const server = spawn(program, flags, { stdio: "ignore" });
  const gone = new Promise((resolve) => server.once("exit", resolve));
  const connections = Array.from({ length: CONNECTIONS }, (_, index) => {
    // Channels of the same options would share one socket.
    return new Client(`127.0.0.1:${clientPort}`, credentials.createInsecure(), { "kobune.bench": index });
  });
  try {
    await Promise.all(
      connections.map((one) => new Promise<void>((done, fail) => one.waitForReady(Date.now() + 20_000, (e) => (e ? fail(e) : done())))),
    );
    const value = randomBytes(settings.bytes);
    const run = async (name: string, seconds: number) => {
      const times: number[] = [];
      const start = performance.now();
      const write = async (client: number) => {
        for (let at = 0; performance.now() - start < seconds * 1000; at++) {
          const before = performance.now();
          await put(connections[client % CONNECTIONS], Buffer.from(`/registry/configmaps/bench/${name}-${client}-${at}`), value);
          times.push(performance.now() - before);
        }
      };
      await Promise.all(Array.from({ length: settings.clients }, (_, client) => write(client)));
      return { rate: Math.round((times.length / (performance.now() - start)) * 1000), p99: percentile(times, 0.99) };
    };
    await run("warm", 1);
    return await run("m", settings.seconds);
  } finally {
    for (const one of connections) one.close();
    server.kill("SIGTERM");
    await gone;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** etcdserverpb.KV/Put. */
function put(client: Client | undefined, key: Buffer, value: Buffer): Promise<void> {
  const request = Buffer.concat([field(1, key), field(2, value)]);
  return new Promise((resolve, reject) => {
    client?.makeUnaryRequest(
      "/etcdserverpb.KV/Put",
      (bytes: Buffer) => bytes,
      (bytes) => bytes,
      request,
      (error) => (error ? reject(error) : resolve()),
    );
  });
}

/** A protobuf field of bytes. */
function field(number: number, bytes: Buffer): Buffer {
  const length = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    length.push(rest < 128 ? rest : (rest & 127) | 128);
    if (rest < 128) break;
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}

function findProgram(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo; // a server that listens on TCP has one
      server.close(() => resolve(port));
    });
  });
}
