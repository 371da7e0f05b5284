// One call of grpc.health.v1.Health/Check over plain HTTP/2. The messages are two fields, so they are written by hand.

import { connect as connectHttp2, constants } from "node:http2";
import type { Duplex } from "node:stream";
import type { HandlerResult } from "./handlers.ts";

const SERVING = 1;
const STATUS_NAMES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];

/** Takes over the socket. */
export async function checkGrpcHealth(socket: Duplex, address: string, service: string, signal: AbortSignal): Promise<HandlerResult> {
  const session = connectHttp2(`http://${address}`, { createConnection: () => socket });
  const abort = () => session.destroy();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await new Promise<HandlerResult>((resolve) => {
      const fail = (output: string) => resolve({ ok: false, output });
      session.on("error", (error: Error) => fail(`failed to connect service ${JSON.stringify(address)}: ${error.message}`));
      session.on("close", () => fail(`timeout: failed to connect service ${JSON.stringify(address)} within the given time`));
      const stream = session.request({
        [constants.HTTP2_HEADER_METHOD]: "POST",
        [constants.HTTP2_HEADER_PATH]: "/grpc.health.v1.Health/Check",
        "content-type": "application/grpc",
        te: "trailers",
        "user-agent": "kube-probe/1.36",
      });
      const chunks: Buffer[] = [];
      let grpcStatus: string | undefined;
      const readStatus = (headers: Record<string, unknown>) => {
        if (typeof headers["grpc-status"] === "string") grpcStatus = headers["grpc-status"];
      };
      stream.on("response", readStatus);
      stream.on("trailers", readStatus);
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", (error: Error) => fail(`rpc failed: ${error.message}`));
      stream.on("end", () => {
        if (grpcStatus === "12") return fail("this server does not implement the grpc health protocol (grpc.health.v1.Health)");
        if (grpcStatus !== undefined && grpcStatus !== "0") return fail(`service unhealthy (responded with code ${grpcStatus})`);
        const status = readServingStatus(Buffer.concat(chunks).subarray(5));
        if (status === SERVING) return resolve({ ok: true, output: "service healthy" });
        fail(`service unhealthy (responded with ${JSON.stringify(STATUS_NAMES[status] ?? String(status))})`);
      });
      stream.end(frame(healthRequest(service)));
    });
  } finally {
    signal.removeEventListener("abort", abort);
    session.destroy();
  }
}

/** HealthCheckRequest { string service = 1 }. */
function healthRequest(service: string): Buffer {
  const name = Buffer.from(service);
  if (name.length === 0) return Buffer.alloc(0);
  const length: number[] = [];
  let rest = name.length;
  for (; rest > 127; rest >>= 7) length.push((rest & 127) | 128);
  length.push(rest);
  return Buffer.concat([Buffer.from([0x0a, ...length]), name]);
}

/** gRPC's envelope: not compressed, length, message. */
function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** HealthCheckResponse { ServingStatus status = 1 }; 0 is left out on the wire. */
function readServingStatus(message: Buffer): number {
  return message[0] === 0x08 ? (message[1] ?? 0) : 0;
}
