// One call of grpc.health.v1.Health/Check. Its messages have one field each, so they are written by hand.
// Loads the gRPC library: import it when a probe needs it.

import { Client, connectivityState, credentials, status } from "@grpc/grpc-js";
import { formatSeconds } from "../pod/restart.ts";
import type { HandlerResult } from "./handlers.ts";

const PATH = "/grpc.health.v1.Health/Check";
const SERVING_STATUS = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const SERVING = 1;

const CHANNEL_OPTIONS = {
  "grpc.primary_user_agent": "kube-probe/1.36",
  // Each probe makes a connection of its own: one that still works says nothing about the next client's.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_http_proxy": 0,
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
};

/** `signal` aborts when `timeoutMs` is over. */
export async function checkGrpcHealth(address: string, service: string, timeoutMs: number, signal: AbortSignal): Promise<HandlerResult> {
  const client = new Client(address, credentials.createInsecure(), CHANNEL_OPTIONS);
  try {
    return await new Promise<HandlerResult>((resolve) => {
      const fail = (output: string) => resolve({ ok: false, output });
      const late = () => {
        const isConnected = client.getChannel().getConnectivityState(false) === connectivityState.READY;
        call.cancel();
        fail(
          isConnected
            ? `timeout: health rpc did not complete within ${formatSeconds(timeoutMs)}`
            : `timeout: failed to connect service ${JSON.stringify(address)} within ${formatSeconds(timeoutMs)}: context deadline exceeded`,
        );
      };
      const call = client.makeUnaryRequest(PATH, encodeRequest, decodeResponse, service, (error, answer) => {
        signal.removeEventListener("abort", late);
        if (error === null) {
          if (answer === SERVING) return resolve({ ok: true, output: "service healthy" });
          return fail(`service unhealthy (responded with ${JSON.stringify(SERVING_STATUS[answer ?? 0] ?? String(answer))})`);
        }
        if (error.code === status.UNIMPLEMENTED)
          return fail(`error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${error.details}`);
        if (error.code === status.UNAVAILABLE)
          return fail(`error: failed to connect service at ${JSON.stringify(address)}: ${error.details}`);
        fail(`error: health rpc probe failed: rpc error: code = ${codeName(error.code)} desc = ${error.details}`);
      });
      if (signal.aborted) late();
      else signal.addEventListener("abort", late, { once: true });
    });
  } finally {
    client.close();
  }
}

/** NOT_FOUND as Go prints it: NotFound. */
function codeName(code: status): string {
  return (status[code] ?? String(code)).replace(/([A-Z])([A-Z]*)_?/g, (_, first: string, rest: string) => first + rest.toLowerCase());
}

/** HealthCheckRequest { string service = 1 }. */
function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  if (name.length === 0) return name;
  const length: number[] = [];
  let left = name.length;
  for (; left > 127; left >>= 7) length.push((left & 127) | 128);
  length.push(left);
  return Buffer.concat([Buffer.from([0x0a, ...length]), name]);
}

/** HealthCheckResponse { ServingStatus status = 1 }; 0 is left out on the wire. */
function decodeResponse(message: Buffer): number {
  return message[0] === 0x08 ? (message[1] ?? 0) : 0;
}
