// Issues X.509 certificates with ECDSA P-256 keys over node:crypto. Written out rather than taken from a library because
// it runs on the way to a cluster's first answer: libraries for this take longer to load than everything else together.

import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { bits, boolean, octets, oid, sequence, set, time, tlv, unsigned, utf8 } from "./der.ts";

/** A certificate and its private key, both PEM. */
export interface CertificatePair {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateRequest {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  /** DNS names and IP addresses; order is kept. */
  readonly names?: readonly string[];
  readonly usage: "ca" | "server" | "client";
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

const OID = {
  commonName: "2.5.4.3",
  organization: "2.5.4.10",
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyId: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
} as const;

/** Makes a P-256 private key. */
export function makeKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;
}

export function keyPem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

/** Issues a certificate for `subjectKey`, signed by `issuer`; without an issuer it signs itself. */
export function issueCertificate(
  request: CertificateRequest,
  subjectKey: KeyObject,
  issuer?: { readonly commonName: string; readonly key: KeyObject },
): string {
  const signer = issuer ?? { commonName: request.commonName, key: subjectKey };
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const publicKey = createPublicKey(subjectKey).export({ type: "spki", format: "der" });
  const serial = randomBytes(16);
  // Positive and never zero in its first byte: some parsers insist on a fixed length.
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const body = sequence(
    tlv(0xa0, unsigned(Buffer.from([2]))), // version 3
    unsigned(serial),
    algorithm,
    distinguishedName(signer.commonName, issuer ? [] : (request.organizations ?? [])),
    sequence(time(request.notBefore), time(request.notAfter)),
    distinguishedName(request.commonName, request.organizations ?? []),
    publicKey,
    tlv(
      0xa3,
      sequence(...extensions(request, keyId(publicKey), keyId(createPublicKey(signer.key).export({ type: "spki", format: "der" })))),
    ),
  );
  const der = sequence(body, algorithm, bits(sign("sha256", body, signer.key)));
  const base64 = der.toString("base64").replaceAll(/.{64}/g, "$&\n").trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}

function distinguishedName(commonName: string, organizations: readonly string[]): Buffer {
  const attribute = (type: string, value: string) => set(sequence(oid(type), utf8(value)));
  return sequence(...organizations.map((name) => attribute(OID.organization, name)), attribute(OID.commonName, commonName));
}

function extensions(request: CertificateRequest, subjectKeyId: Buffer, authorityKeyId: Buffer): Buffer[] {
  const critical = (type: string, value: Buffer) => sequence(oid(type), boolean(true), octets(value));
  const plain = (type: string, value: Buffer) => sequence(oid(type), octets(value));
  const list = [plain(OID.subjectKeyId, octets(subjectKeyId)), plain(OID.authorityKeyId, sequence(tlv(0x80, authorityKeyId)))];
  if (request.usage === "ca") {
    list.push(critical(OID.basicConstraints, sequence(boolean(true))));
    list.push(critical(OID.keyUsage, bits(Buffer.from([0b1010_0110]), 1))); // digitalSignature, keyEncipherment, keyCertSign, cRLSign
    return list;
  }
  list.push(critical(OID.basicConstraints, sequence()));
  list.push(critical(OID.keyUsage, bits(Buffer.from([0b1010_0000]), 5))); // digitalSignature, keyEncipherment
  list.push(plain(OID.extendedKeyUsage, sequence(oid(request.usage === "server" ? OID.serverAuth : OID.clientAuth))));
  if (request.names && request.names.length > 0) {
    list.push(
      plain(
        OID.subjectAltName,
        sequence(...request.names.map((name) => (isIP(name) ? tlv(0x87, addressBytes(name)) : tlv(0x82, Buffer.from(name))))),
      ),
    );
  }
  return list;
}

/** SHA-1 of the key's bits, as RFC 5280 4.2.1.2 (1). An uncompressed P-256 point is the last 65 bytes. */
function keyId(publicKey: Buffer): Buffer {
  return createHash("sha1").update(publicKey.subarray(-65)).digest();
}

/** The 4 or 16 bytes of an IP address. */
function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  // A v4 tail counts as two groups.
  const text = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = "", tail] = text.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  const before = groups(head);
  const after = groups(tail ?? "");
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

/** The names a certificate is good for, in the form CertificateRequest.names takes; IPv6 in full form is normalized by the caller's comparison. */
export function namesOf(certificate: X509Certificate): string[] {
  const text = certificate.subjectAltName;
  return text === undefined ? [] : text.split(", ").map((entry) => entry.replace(/^(DNS|IP Address):/, ""));
}
