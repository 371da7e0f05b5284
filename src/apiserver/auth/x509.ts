// Issues X.509 certificates for ECDSA P-256 keys. Loading the libraries takes longer than their work: import this file only when a
// certificate must be made.

import { createHash, createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from "node:crypto";
import { isIPv4 } from "node:net";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_clientAuth,
  id_kp_serverAuth,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from "@peculiar/asn1-x509";

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

/** A certificate as its holder asked for it: everything of the subject is taken as it is. */
export interface RequestedCertificate {
  /** DER of the distinguished name, and of the public key with its algorithm. */
  readonly subject: Uint8Array<ArrayBuffer>;
  readonly publicKey: Uint8Array<ArrayBuffer>;
  readonly names: readonly { readonly type: "dns" | "ip" | "email" | "uri"; readonly value: string }[];
  /** As in spec.usages of a CertificateSigningRequest. */
  readonly usages: readonly string[];
  readonly notBefore: number;
  readonly notAfter: number;
}

const KEY_USAGES: Readonly<Record<string, KeyUsageFlags | undefined>> = {
  signing: KeyUsageFlags.digitalSignature,
  "digital signature": KeyUsageFlags.digitalSignature,
  "content commitment": KeyUsageFlags.nonRepudiation,
  "key encipherment": KeyUsageFlags.keyEncipherment,
  "data encipherment": KeyUsageFlags.dataEncipherment,
  "key agreement": KeyUsageFlags.keyAgreement,
  "cert sign": KeyUsageFlags.keyCertSign,
  "crl sign": KeyUsageFlags.cRLSign,
  "encipher only": KeyUsageFlags.encipherOnly,
  "decipher only": KeyUsageFlags.decipherOnly,
};

/** In the order they have in a certificate. Some have two names. */
const PURPOSES: readonly (readonly [id: string, ...usages: string[]])[] = [
  ["2.5.29.37.0", "any"],
  [id_kp_serverAuth, "server auth"],
  [id_kp_clientAuth, "client auth"],
  ["1.3.6.1.5.5.7.3.3", "code signing"],
  ["1.3.6.1.5.5.7.3.4", "email protection", "s/mime"],
  ["1.3.6.1.5.5.7.3.5", "ipsec end system"],
  ["1.3.6.1.5.5.7.3.6", "ipsec tunnel"],
  ["1.3.6.1.5.5.7.3.7", "ipsec user"],
  ["1.3.6.1.5.5.7.3.8", "timestamping"],
  ["1.3.6.1.5.5.7.3.9", "ocsp signing"],
  ["1.3.6.1.4.1.311.10.3.3", "microsoft sgc"],
  ["2.16.840.1.113730.4.1", "netscape sgc"],
];

/** Signs what a certificate request asks for; never a CA. PEM. */
export function signRequested(request: RequestedCertificate, issuer: { readonly commonName: string; readonly key: KeyObject }): string {
  const subject = AsnConvert.parse(request.subject, Name);
  const flags = request.usages.reduce((all, usage) => all | (KEY_USAGES[usage] ?? 0), 0);
  const purposes = PURPOSES.filter(([, ...usages]) => usages.some((usage) => request.usages.includes(usage))).map(([id]) => id);
  const list = [
    ...(flags === 0 ? [] : [extension(id_ce_keyUsage, new KeyUsage(flags), true)]),
    ...(purposes.length === 0 ? [] : [extension(id_ce_extKeyUsage, new ExtendedKeyUsage(purposes))]),
    extension(id_ce_basicConstraints, new BasicConstraints({ cA: false }), true),
    extension(
      id_ce_authorityKeyIdentifier,
      new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(keyId(publicKeyInfo(issuer.key))) }),
    ),
  ];
  if (request.names.length > 0) {
    const entries = request.names.map(({ type, value }) => {
      if (type === "dns") return new GeneralName({ dNSName: value });
      if (type === "ip") return new GeneralName({ iPAddress: value });
      return new GeneralName(type === "email" ? { rfc822Name: value } : { uniformResourceIdentifier: value });
    });
    // Whoever has no name of its own is known by these alone.
    list.push(extension(id_ce_subjectAltName, new SubjectAlternativeName(entries), subject.length === 0));
  }
  return seal({ request, subject, publicKey: AsnConvert.parse(request.publicKey, SubjectPublicKeyInfo), issuer, extensions: list });
}

const OID = { commonName: "2.5.4.3", organization: "2.5.4.10", ecdsaWithSha256: "1.2.840.10045.4.3.2" } as const;

/** Issues a certificate for `subjectKey`, signed by `issuer`; without an issuer it signs itself. PEM. */
export function issueCertificate(
  request: CertificateRequest,
  subjectKey: KeyObject,
  issuer?: { readonly commonName: string; readonly key: KeyObject },
): string {
  const subject = distinguishedName(request.commonName, request.organizations);
  const publicKey = publicKeyInfo(subjectKey);
  return seal({
    request,
    subject,
    publicKey,
    issuer: issuer ?? { commonName: request.commonName, key: subjectKey },
    extensions: extensions(request, keyId(publicKey), keyId(issuer ? publicKeyInfo(issuer.key) : publicKey)),
  });
}

function seal(parts: {
  readonly request: { readonly notBefore: number; readonly notAfter: number };
  readonly subject: Name;
  readonly publicKey: SubjectPublicKeyInfo;
  readonly issuer: { readonly commonName: string; readonly key: KeyObject };
  readonly extensions: Extension[];
}): string {
  const { request, issuer } = parts;
  const signatureAlgorithm = new AlgorithmIdentifier({ algorithm: OID.ecdsaWithSha256 });
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialNumber(),
    signature: signatureAlgorithm,
    issuer: distinguishedName(issuer.commonName),
    validity: new Validity({ notBefore: new Date(request.notBefore), notAfter: new Date(request.notAfter) }),
    subject: parts.subject,
    subjectPublicKeyInfo: parts.publicKey,
    extensions: new Extensions(parts.extensions),
  });
  const signature = sign("sha256", Buffer.from(AsnConvert.serialize(tbsCertificate)), issuer.key);
  const certificate = new Certificate({ tbsCertificate, signatureAlgorithm, signatureValue: bytesOf(signature) });
  return new X509Certificate(Buffer.from(AsnConvert.serialize(certificate))).toString();
}

function extensions(request: CertificateRequest, subjectKeyId: ArrayBuffer, authorityKeyId: ArrayBuffer): Extension[] {
  const { usage, names = [] } = request;
  const flags = KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment;
  const list = [
    extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(subjectKeyId)),
    extension(id_ce_authorityKeyIdentifier, new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(authorityKeyId) })),
    extension(id_ce_basicConstraints, new BasicConstraints({ cA: usage === "ca" }), true),
    extension(id_ce_keyUsage, new KeyUsage(usage === "ca" ? flags | KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign : flags), true),
  ];
  if (usage !== "ca")
    list.push(extension(id_ce_extKeyUsage, new ExtendedKeyUsage([usage === "server" ? id_kp_serverAuth : id_kp_clientAuth])));
  if (names.length > 0) {
    const entries = names.map((name) => new GeneralName(isIPv4(name) || name.includes(":") ? { iPAddress: name } : { dNSName: name }));
    list.push(extension(id_ce_subjectAltName, new SubjectAlternativeName(entries)));
  }
  return list;
}

function extension(extnID: string, value: object, critical = false): Extension {
  return new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function distinguishedName(commonName: string, organizations: readonly string[] = []): Name {
  const attribute = (type: string, utf8String: string) =>
    new RelativeDistinguishedName([new AttributeTypeAndValue({ type, value: new AttributeValue({ utf8String }) })]);
  return new Name([...organizations.map((name) => attribute(OID.organization, name)), attribute(OID.commonName, commonName)]);
}

function publicKeyInfo(key: KeyObject): SubjectPublicKeyInfo {
  return AsnConvert.parse(createPublicKey(key).export({ type: "spki", format: "der" }), SubjectPublicKeyInfo);
}

/** SHA-1 of the key's bits, as RFC 5280 4.2.1.2 (1). */
function keyId(publicKey: SubjectPublicKeyInfo): ArrayBuffer {
  return bytesOf(createHash("sha1").update(Buffer.from(publicKey.subjectPublicKey)).digest());
}

function serialNumber(): ArrayBuffer {
  const serial = randomBytes(16);
  // Positive and never zero in its first byte: some parsers insist on a fixed length.
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return bytesOf(serial);
}

/** A Buffer may be a window on a larger ArrayBuffer. */
function bytesOf(buffer: Buffer): ArrayBuffer {
  return new Uint8Array(buffer).buffer;
}
