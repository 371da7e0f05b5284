// Warnings of TLS secrets whose key does not belong to their certificate. They are no fault: the server keeps what it is given.

import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { AdmissionPlugin } from "#apiserver/admission.ts";
import type { ServerExtension } from "#apiserver/extension.ts";
import { Secret } from "#kinds/api/core-v1.gen.ts";
import { type PemBlock, pemBlocks } from "#kinds/certificates/pem.ts";
import { decodeBase64 } from "#kinds/shared/base64.ts";

export const secretExtension: ServerExtension = {
  name: "secret",
  start: () => Promise.resolve({ admission: [keyPairWarnings] }),
};

const keyPairWarnings: AdmissionPlugin = {
  name: "TLSSecretWarnings",
  handles: (operation, resource, subresource) =>
    (operation === "CREATE" || operation === "UPDATE") && subresource === "" && resource.plural === Secret.plural && resource.group === "",
  validate({ object, warn }) {
    const { type, data = {} } = object as Secret; // only asked of secrets
    if (type !== "kubernetes.io/tls") return;
    const text = (key: string) => [...pemBlocks(decodeBase64(data[key] ?? "") ?? "")];
    const wrong = wrongKeyPair(text("tls.crt"), text("tls.key"));
    if (wrong !== undefined) warn(wrong);
  },
};

/** What is wrong with a certificate and its key, in the words of Go's library; undefined if nothing. */
export function wrongKeyPair(certificates: readonly PemBlock[], keys: readonly PemBlock[]): string | undefined {
  const certificate = certificates.find(({ type }) => type === "CERTIFICATE");
  if (!certificate) return missingCertificate(certificates.map(({ type }) => type));
  const key = keys.find(({ type }) => isKeyType(type));
  if (!key) return missingKey(keys.map(({ type }) => type));
  const holder = parseCertificate(certificate);
  if (!holder) return "x509: malformed certificate";
  const privateKey = parseKey(key);
  if (!privateKey) return "tls: failed to parse private key";
  if (privateKey.asymmetricKeyType !== holder.publicKey.asymmetricKeyType) return "tls: private key type does not match public key type";
  return holder.checkPrivateKey(privateKey) ? undefined : "tls: private key does not match public key";
}

const isKeyType = (type: string): boolean => type === "PRIVATE KEY" || type.endsWith(" PRIVATE KEY");

function missingCertificate(found: readonly string[]): string {
  if (found.length === 0) return "tls: failed to find any PEM data in certificate input";
  if (found.length === 1 && found[0]?.endsWith("PRIVATE KEY")) {
    return "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched";
  }
  return `tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the following types: [${found.join(" ")}]`;
}

function missingKey(found: readonly string[]): string {
  if (found.length === 0) return "tls: failed to find any PEM data in key input";
  if (found.length === 1 && found[0] === "CERTIFICATE") return "tls: found a certificate rather than a key in the PEM for the private key";
  return `tls: failed to find PEM block with type ending in "PRIVATE KEY" in key input after skipping PEM blocks of the following types: [${found.join(" ")}]`;
}

function parseCertificate({ der }: PemBlock): X509Certificate | undefined {
  try {
    return new X509Certificate(Buffer.from(der));
  } catch {
    return undefined;
  }
}

/** Whatever the block is called: Go tries all three forms. */
function parseKey({ der }: PemBlock): KeyObject | undefined {
  for (const type of ["pkcs8", "pkcs1", "sec1"] as const) {
    try {
      return createPrivateKey({ key: Buffer.from(der), format: "der", type });
    } catch {
      // Another form, then.
    }
  }
  return undefined;
}
