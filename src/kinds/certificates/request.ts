// What a certificate request asks for, and what a certificate says of its end.

import { decodeBase64 } from "#kinds/shared/base64.ts";
import { type Der, derElements, OBJECT_ID, parseCertificateRequest, pemBlocks, SEQUENCE } from "./pem.ts";

export interface SubjectName {
  readonly type: "dns" | "ip" | "email" | "uri";
  readonly value: string;
}

export interface RequestOutline {
  /** DER of the subject's distinguished name. */
  readonly subject: Uint8Array<ArrayBuffer>;
  /** DER of the public key with its algorithm. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly names: readonly SubjectName[];
}

const COMMON_NAME = "550403";
const EXTENSION_REQUEST = "2a864886f70d01090e";
const ALTERNATIVE_NAMES = "551d11";
const ATTRIBUTES = 0xa0;
const NAME_TYPES: Readonly<Record<number, SubjectName["type"]>> = { 0x81: "email", 0x82: "dns", 0x86: "uri", 0x87: "ip" };

/** `request`: spec.request, base64 of PEM. Undefined if it is none. */
export function outlineOf(request: string | undefined): RequestOutline | undefined {
  const parsed = parseCertificateRequest(decodeBase64(request ?? "") ?? "");
  if (typeof parsed === "string") return undefined;
  const [info] = derElements(parsed.signed) ?? [];
  const [, subject, publicKey, ...rest] = (info && derElements(info.content)) ?? [];
  if (!subject || !publicKey) return undefined;
  const attributes = rest.find(({ tag }) => tag === ATTRIBUTES);
  return {
    subject: subject.whole,
    publicKey: publicKey.whole,
    commonName: commonNameOf(subject),
    organizations: parsed.organizations,
    names: attributes ? namesOf(attributes) : [],
  };
}

const childrenOf = (element: Der | undefined): Der[] => (element && derElements(element.content)) ?? [];
const isObjectId = (element: Der | undefined, id: string): boolean =>
  element?.tag === OBJECT_ID && Array.from(element.content, (byte) => byte.toString(16).padStart(2, "0")).join("") === id;
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Of several the last counts, as in Go. */
function commonNameOf(subject: Der): string {
  let name = "";
  for (const pair of childrenOf(subject).flatMap(childrenOf)) {
    const [type, value] = childrenOf(pair);
    if (value && isObjectId(type, COMMON_NAME)) name = textOf(value.content);
  }
  return name;
}

function namesOf(attributes: Der): SubjectName[] {
  const extensions = childrenOf(attributes)
    .map(childrenOf)
    .filter(([type]) => isObjectId(type, EXTENSION_REQUEST))
    .flatMap(([, values]) => childrenOf(values).flatMap(childrenOf));
  for (const parts of extensions.map(childrenOf)) {
    if (!isObjectId(parts[0], ALTERNATIVE_NAMES)) continue;
    // An extension's value is DER in a string of bytes.
    const [list] = (parts.at(-1) && derElements(parts.at(-1)?.content ?? new Uint8Array())) ?? [];
    return childrenOf(list).flatMap(({ tag, content }) => {
      const type = NAME_TYPES[tag];
      return type === undefined ? [] : [{ type, value: type === "ip" ? addressOf(content) : textOf(content) }];
    });
  }
  return [];
}

function addressOf(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups: string[] = [];
  for (let at = 0; at < bytes.length; at += 2) groups.push((((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16));
  return groups.join(":");
}

const UTC_TIME = 0x17;
const VERSION = 0xa0;

/** When the first certificate of a chain ends, in milliseconds since the epoch; undefined if there is none. `chain`: base64 of PEM. */
export function endOfCertificate(chain: string | undefined): number | undefined {
  const block = pemBlocks(decodeBase64(chain ?? "") ?? "").next().value;
  const [certificate] = (block && derElements(block.der)) ?? [];
  const [body] = childrenOf(certificate);
  const fields = childrenOf(body).filter(({ tag }) => tag !== VERSION);
  const validity = fields[3];
  const [, end] = validity?.tag === SEQUENCE ? childrenOf(validity) : [];
  if (!end) return undefined;
  const digits = textOf(end.content).replace(/Z$/, "");
  // Years of two digits: those from 50 on are of the last century (RFC 5280).
  const full = end.tag === UTC_TIME ? `${digits.startsWith("5") || digits > "5" ? "19" : "20"}${digits}` : digits;
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(full) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? undefined : time;
}
