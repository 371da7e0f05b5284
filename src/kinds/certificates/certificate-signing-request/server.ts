// Admission of CertificateSigningRequests: a good signature, and the right to approve or sign for the signer.

import { createPublicKey, verify } from "node:crypto";
import type { Authorizer } from "#apiserver/access.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "#apiserver/admission.ts";
import type { ServerExtension } from "#apiserver/extension.ts";
import { CertificateSigningRequest } from "#kinds/api/certificates-v1.gen.ts";
import { type CertificateRequest, parseCertificateRequest } from "#kinds/certificates/pem.ts";
import { decodeBase64 } from "#kinds/shared/base64.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import { field, forbidden, invalid, quote } from "#meta/errors.ts";

export const certificateExtension: ServerExtension = {
  name: "certificates",
  start: ({ authorizer }) =>
    Promise.resolve({
      admission: [
        signerPlugin("CertificateApproval", authorizer, "approval", "approve"),
        signerPlugin("CertificateSigning", authorizer, "status", "sign"),
        requestPlugin,
      ],
    }),
};

const isRequest = ({ group, plural }: { readonly group: string; readonly plural: string }): boolean =>
  group === CertificateSigningRequest.group && plural === CertificateSigningRequest.plural;

const requestOf = (object: unknown): CertificateSigningRequest | undefined => object as CertificateSigningRequest | undefined; // only asked of this resource

/** Upstream's rule: the verb on the resource `signers`, named by the signer or by its domain and a star. */
function signerPlugin(name: string, authorizer: Authorizer, subresource: string, verb: "approve" | "sign"): AdmissionPlugin {
  return {
    name,
    handles: (operation, resource, door) => operation === "UPDATE" && door === subresource && isRequest(resource),
    async validate(attributes) {
      const [before, after] = [requestOf(attributes.oldObject), requestOf(attributes.object)];
      if (verb === "sign" && semanticEqual(before?.status ?? {}, after?.status ?? {})) return;
      const signer = before?.spec?.signerName ?? "";
      for (const wanted of [signer, `${signer.split("/", 1)[0] ?? ""}/*`]) {
        const decision = await authorizer.authorize({
          user: attributes.user,
          verb,
          isResourceRequest: true,
          apiGroup: CertificateSigningRequest.group,
          apiVersion: "*",
          resource: "signers",
          subresource: "",
          namespace: "",
          name: wanted,
          path: "",
        });
        if (decision.allowed) return;
      }
      throw forbidden(
        CertificateSigningRequest,
        attributes.name,
        `user not permitted to ${verb} requests with signerName ${quote(signer)}`,
      );
    },
  };
}

const CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client";

const requestPlugin: AdmissionPlugin = {
  name: "CertificateSubjectRestriction",
  handles: (operation, resource, subresource) => operation === "CREATE" && subresource === "" && isRequest(resource),
  validate(attributes: AdmissionAttributes) {
    const object = requestOf(attributes.object);
    const request = parseCertificateRequest(decodeBase64(object?.spec?.request ?? "") ?? "");
    if (typeof request === "string") return; // validation has said so
    const wrong = wrongSignature(request);
    if (wrong !== undefined) {
      throw invalid(CertificateSigningRequest, attributes.name, [field.invalid("spec.request", object?.spec?.request, wrong)]);
    }
    if (object?.spec?.signerName === CLIENT_SIGNER && request.organizations.includes("system:masters")) {
      const cause = `use of ${CLIENT_SIGNER} signer with system:masters group is not allowed`;
      throw forbidden(CertificateSigningRequest, attributes.name, cause);
    }
  },
};

/** Digests by the signature algorithm's object identifier; Ed25519 has none of its own. */
const DIGESTS: Readonly<Record<string, string | undefined>> = {
  "2a864886f70d01010b": "sha256",
  "2a864886f70d01010c": "sha384",
  "2a864886f70d01010d": "sha512",
  "2a8648ce3d040302": "sha256",
  "2a8648ce3d040303": "sha384",
  "2a8648ce3d040304": "sha512",
};
const ED25519 = "2b6570";

function wrongSignature(request: CertificateRequest): string | undefined {
  const digest = DIGESTS[request.signatureAlgorithm];
  if (digest === undefined && request.signatureAlgorithm !== ED25519) {
    return "x509: cannot verify signature: algorithm unimplemented";
  }
  try {
    const key = createPublicKey({ key: Buffer.from(request.publicKey), format: "der", type: "spki" });
    if (verify(digest ?? null, request.signed, key, request.signature)) return undefined;
    return key.asymmetricKeyType === "rsa" ? "crypto/rsa: verification error" : "x509: signature verification failure";
  } catch {
    return "x509: failed to parse public key";
  }
}
