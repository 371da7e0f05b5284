// What is known of the other end of a connection, read once when it is made.

import type { TLSSocket } from "node:tls";
import type { ApiRequest } from "../http.ts";

export interface Peer {
  readonly certificate: ApiRequest["peerCertificate"];
  /** There is a certificate, and it is not to be trusted. */
  readonly untrusted?: boolean;
  readonly address: string;
}

/** Only certificates that the client authority vouches for count. */
export function peerOf(socket: Pick<TLSSocket, "authorized" | "getPeerCertificate" | "remoteAddress">): Peer {
  const address = socket.remoteAddress ?? "";
  if (!socket.authorized) return { certificate: undefined, address, untrusted: socket.getPeerCertificate().raw !== undefined };
  const { subject, fingerprint256 } = socket.getPeerCertificate();
  if (!subject) return { certificate: undefined, address };
  const [commonName = ""] = listOf(subject.CN);
  return {
    certificate: { commonName, organizations: listOf(subject.O), sha256: fingerprint256.replaceAll(":", "").toLowerCase() },
    address,
  };
}

function listOf(value: string | readonly string[] | undefined): readonly string[] {
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}
