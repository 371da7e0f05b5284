// Users by client certificate: the common name is the user, organizations are groups. The TLS layer has checked the chain.

import type { Authenticator } from "../access.ts";

/** Knows users by their verified client certificate. */
export const clientCertificateAuthenticator: Authenticator = {
  authenticate({ peerCertificate }) {
    if (!peerCertificate || peerCertificate.commonName === "") return undefined;
    const { commonName: name, organizations: groups, sha256 } = peerCertificate;
    return { name, groups, ...(sha256 ? { extra: { "authentication.kubernetes.io/credential-id": [`X509SHA256=${sha256}`] } } : {}) };
  },
};
