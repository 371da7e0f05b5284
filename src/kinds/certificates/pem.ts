// PEM blocks and the outline of the DER inside, as far as checking requests and certificates needs it. Signatures are
// checked where machine code may be used (server.ts).

export interface PemBlock {
  readonly type: string;
  readonly hasHeaders: boolean;
  readonly der: Uint8Array<ArrayBuffer>;
}

const BLOCK = /(?:^|\n)-----BEGIN ([^\n]*?)-----[ \t]*\r?\n([\s\S]*?)\n?-----END \1-----[ \t]*(?:\r?\n|$)/g;

/** All well-formed blocks of a text, what stands between them left out. */
export function* pemBlocks(text: string): Generator<PemBlock> {
  for (const [, type = "", body = ""] of text.matchAll(BLOCK)) {
    const lines = body.split(/\r?\n/);
    let first = 0;
    while (first < lines.length && lines[first]?.includes(":")) first++;
    const der = fromBase64(
      lines
        .slice(first)
        .join("")
        .replace(/[ \t\r\n]/g, ""),
    );
    if (der) yield { type, hasHeaders: first > 0, der };
  }
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) return undefined;
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

/** One element of DER. */
export interface Der {
  readonly tag: number;
  readonly content: Uint8Array<ArrayBuffer>;
  /** With tag and length. */
  readonly whole: Uint8Array<ArrayBuffer>;
}

export const SEQUENCE = 0x30;
export const SET = 0x31;
export const BIT_STRING = 0x03;
export const OBJECT_ID = 0x06;

/** The elements of a piece of DER one after the other; undefined if it is none. */
export function derElements(bytes: Uint8Array<ArrayBuffer>): Der[] | undefined {
  const elements: Der[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes[at] ?? 0;
    let length = bytes[at + 1];
    let start = at + 2;
    if (length === undefined) return undefined;
    if (length >= 0x80) {
      const count = length & 0x7f;
      if (count === 0 || count > 4) return undefined;
      length = 0;
      for (let index = 0; index < count; index++) length = length * 256 + (bytes[start + index] ?? 0);
      start += count;
    }
    const end = start + length;
    if (end > bytes.length) return undefined;
    elements.push({ tag, content: bytes.subarray(start, end), whole: bytes.subarray(at, end) });
    at = end;
  }
  return elements;
}

export interface CertificateRequest {
  /** What is signed. */
  readonly signed: Uint8Array<ArrayBuffer>;
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly signatureAlgorithm: string;
  readonly signature: Uint8Array<ArrayBuffer>;
  readonly organizations: readonly string[];
}

/** A PKCS #10 request, or what is wrong with it. `pem` is the text of the PEM. */
export function parseCertificateRequest(pem: string): CertificateRequest | string {
  const block = pemBlocks(pem).next().value;
  if (block?.type !== "CERTIFICATE REQUEST") return "PEM block type must be CERTIFICATE REQUEST";
  const [outer, ...more] = derElements(block.der) ?? [];
  if (outer?.tag !== SEQUENCE) return "asn1: structure error: tags don't match";
  if (more.length > 0) return "asn1: syntax error: trailing data";
  const [info, algorithm, signature] = derElements(outer.content) ?? [];
  const [, subject, publicKey] = (info?.tag === SEQUENCE && derElements(info.content)) || [];
  const oid = (algorithm?.tag === SEQUENCE && derElements(algorithm.content)?.[0]) || undefined;
  if (!info || !subject || publicKey?.tag !== SEQUENCE || oid?.tag !== OBJECT_ID || signature?.tag !== BIT_STRING) {
    return "asn1: structure error: tags don't match";
  }
  return {
    signed: info.whole,
    publicKey: publicKey.whole,
    signatureAlgorithm: hex(oid.content),
    signature: signature.content.subarray(1),
    organizations: organizationsOf(subject),
  };
}

const ORGANIZATION = "55040a";

function organizationsOf(subject: Der): string[] {
  const names: string[] = [];
  for (const set of derElements(subject.content) ?? []) {
    for (const pair of derElements(set.content) ?? []) {
      const [type, value] = derElements(pair.content) ?? [];
      if (type && value && hex(type.content) === ORGANIZATION) names.push(new TextDecoder().decode(value.content));
    }
  }
  return names;
}

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** What is wrong with a chain of certificates in PEM; undefined if nothing. No certificate at all is fine. */
export function wrongCertificates(pem: string): string | undefined {
  if (pem === "") return undefined;
  let count = 0;
  for (const { type, hasHeaders, der } of pemBlocks(pem)) {
    if (type !== "CERTIFICATE") return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (hasHeaders) return "no PEM block headers are permitted";
    const certificates = derElements(der);
    if (!certificates?.every(isCertificate)) return "x509: malformed certificate";
    if (certificates.length === 0) return "found CERTIFICATE PEM block containing 0 certificates";
    count++;
  }
  return count === 0 ? "must contain at least one CERTIFICATE PEM block" : undefined;
}

/** What is wrong with a bundle of trusted certificates in PEM; undefined if there is one at least. */
export function wrongRoots(pem: string): string | undefined {
  const blocks = [...pemBlocks(pem)];
  if (blocks.length === 0) return "unable to parse bytes as PEM block";
  const certificates = blocks.filter(({ type, hasHeaders }) => type === "CERTIFICATE" && !hasHeaders).map(({ der }) => derElements(der));
  if (certificates.some((elements) => elements?.length === 1 && elements.every(isCertificate))) return undefined;
  return certificates.length > 0 ? "failed to parse certificate: x509: malformed certificate" : "unable to parse bytes as PEM block";
}

function isCertificate(element: Der): boolean {
  const parts = element.tag === SEQUENCE ? derElements(element.content) : undefined;
  return parts?.length === 3 && parts[0]?.tag === SEQUENCE && parts[1]?.tag === SEQUENCE && parts[2]?.tag === BIT_STRING;
}
