// Which addresses a cluster uses. Process pods live on the loopback network: a cluster takes 127.N.0.0/16 for itself and
// holds a lock on it, so that clusters side by side do not meet. Simulated pods have addresses nobody can reach.

import { createSocket, type Socket } from "node:dgram";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface AddressPlan {
  readonly serviceCidr: string;
  /** First address of the Service range: default/kubernetes. */
  readonly kubernetesServiceIp: string;
  nodeAddress(index: number): string;
  podCidr(index: number): string;
}

/** 127.N: below 64 is where people put addresses by hand. */
const FIRST = 64;
const LAST = 254;
/** Held (UDP, never used) on 127.N.255.254 for as long as the cluster lives. */
const LOCK_PORT = 10_255;
const FILE = "network.json";

export function loopbackPlan(octet: number): AddressPlan {
  return {
    serviceCidr: `127.${octet}.0.0/18`,
    kubernetesServiceIp: `127.${octet}.0.1`,
    nodeAddress: (index) => `127.${octet}.64.${index + 1}`,
    podCidr: (index) => `127.${octet}.${128 + index}.0/24`,
  };
}

/** Most nodes a loopback plan has room for. */
export const MAX_PROCESS_NODES = 100;

export const simulatedPlan: AddressPlan = {
  serviceCidr: "10.96.0.0/12",
  kubernetesServiceIp: "10.96.0.1",
  nodeAddress: (index) => `10.${64 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`,
  podCidr: (index) => `10.${128 + (index >> 8)}.${index & 255}.0/24`,
};

export interface LoopbackClaim extends AsyncDisposable {
  readonly plan: AddressPlan;
  /** False: another live cluster holds the range that this data directory had before. */
  readonly exclusive: boolean;
}

/** Takes the range that the data directory had before, else a free one at random, and remembers it there. */
export async function claimLoopback(dataDir: string, random: () => number): Promise<LoopbackClaim> {
  const kept = readOctet(dataDir);
  const start = FIRST + Math.floor(random() * (LAST - FIRST + 1));
  let lock: Socket | undefined;
  let octet = kept ?? start;
  if (kept !== undefined) lock = await tryLock(kept);
  else {
    for (let step = 0; lock === undefined && step <= LAST - FIRST; step++) {
      octet = FIRST + ((start - FIRST + step) % (LAST - FIRST + 1));
      lock = await tryLock(octet);
    }
    writeFileSync(join(dataDir, FILE), `${JSON.stringify({ loopback: octet })}\n`, { mode: 0o600 });
  }
  return {
    plan: loopbackPlan(octet),
    exclusive: lock !== undefined,
    async [Symbol.asyncDispose]() {
      const held = lock;
      lock = undefined;
      if (held) await new Promise<void>((resolve) => held.close(resolve));
    },
  };
}

function readOctet(dataDir: string): number | undefined {
  try {
    const octet: unknown = (JSON.parse(readFileSync(join(dataDir, FILE), "utf8")) as { loopback?: unknown }).loopback;
    return typeof octet === "number" && octet >= FIRST && octet <= LAST ? octet : undefined;
  } catch {
    return undefined; // first start
  }
}

function tryLock(octet: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", () => {
      socket.close();
      resolve(undefined);
    });
    socket.bind({ address: `127.${octet}.255.254`, port: LOCK_PORT, exclusive: true }, () => {
      socket.unref();
      resolve(socket);
    });
  });
}
