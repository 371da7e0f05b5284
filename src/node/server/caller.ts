// Who calls the node's API, and whether it may.

import type { TLSSocket } from "node:tls";

export interface Caller {
  readonly name: string;
  readonly groups: readonly string[];
}

/** Known only by a certificate that the cluster's authority signed. */
export function callerOf(socket: TLSSocket): Caller | undefined {
  if (!socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  const { CN, O } = (subject ?? {}) as { CN?: string | string[]; O?: string | string[] }; // repeated parts come as lists
  const name = [CN ?? []].flat()[0];
  return name === undefined ? undefined : { name, groups: [O ?? []].flat() };
}

export const API_SERVER = "kube-apiserver-kubelet-client";

/** The API server, and administrators. */
export function isTrusted({ name, groups }: Caller): boolean {
  return name === API_SERVER || groups.includes("system:masters");
}
