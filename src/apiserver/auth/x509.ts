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

const OID = { commonName: "2.5.4.3", organization: "2.5.4.10", ecdsaWithSha256: "1.2.840.10045.4.3.2" } as const;

/** Issues a certificate for `subjectKey`, signed by `issuer`; without an issuer it signs itself. PEM. */
export function issueCertificate(
  request: CertificateRequest,
  subjectKey: KeyObject,
  issuer?: { readonly commonName: string; readonly key: KeyObject },
): string {
  const subject = distinguishedName(request.commonName, request.organizations);
  const publicKey = publicKeyInfo(subjectKey);
  const signatureAlgorithm = new AlgorithmIdentifier({ algorithm: OID.ecdsaWithSha256 });
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialNumber(),
    signature: signatureAlgorithm,
    issuer: issuer ? distinguishedName(issuer.commonName) : subject,
    validity: new Validity({ notBefore: new Date(request.notBefore), notAfter: new Date(request.notAfter) }),
    subject,
    subjectPublicKeyInfo: publicKey,
    extensions: new Extensions(extensions(request, keyId(publicKey), keyId(issuer ? publicKeyInfo(issuer.key) : publicKey))),
  });
  const signature = sign("sha256", Buffer.from(AsnConvert.serialize(tbsCertificate)), issuer?.key ?? subjectKey);
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
