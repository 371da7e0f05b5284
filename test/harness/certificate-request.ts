// A PKCS #10 certificate request, for tests of what signs them.

import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

export interface RequestSubject {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
}

/** PEM, and the key it is for. */
export function makeCertificateRequest(subject: RequestSubject): { readonly pem: string; readonly key: KeyObject } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const text = (oid: string, value: string) => der(0x31, der(0x30, oidOf(oid), der(0x0c, Buffer.from(value))));
  const name = der(
    0x30,
    ...(subject.organizations ?? []).map((organization) => text("55040a", organization)),
    text("550403", subject.commonName),
  );
  const names = [
    ...(subject.dnsNames ?? []).map((dns) => der(0x82, Buffer.from(dns))),
    ...(subject.ipAddresses ?? []).map((ip) => der(0x87, Buffer.from(ip.split(".").map(Number)))),
  ];
  const extensions = der(0x30, der(0x30, oidOf("551d11"), der(0x04, der(0x30, ...names))));
  const attributes = names.length === 0 ? der(0xa0) : der(0xa0, der(0x30, oidOf("2a864886f70d01090e"), der(0x31, extensions)));
  const info = der(0x30, der(0x02, Buffer.from([0])), name, publicKey.export({ type: "spki", format: "der" }), attributes);
  const signature = sign("sha256", info, privateKey);
  const request = der(0x30, info, der(0x30, oidOf("2a8648ce3d040302")), der(0x03, Buffer.from([0]), signature));
  const lines = request.toString("base64").match(/.{1,64}/g) ?? [];
  return { pem: `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join("\n")}\n-----END CERTIFICATE REQUEST-----\n`, key: privateKey };
}

const oidOf = (hex: string): Buffer => der(0x06, Buffer.from(hex, "hex"));

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
