// Certificate requests: nodes' own are approved, approved ones signed with the cluster's CA, and old ones deleted.

import { SubjectAccessReview } from "#kinds/api/authorization-v1.gen.ts";
import { CertificateSigningRequest, type CertificateSigningRequestCondition } from "#kinds/api/certificates-v1.gen.ts";
import { isPast } from "#kinds/certificates/expiry.ts";
import { outlineOf, type RequestOutline } from "#kinds/certificates/request.ts";
import { isBuiltinSigner, KUBELET_CLIENT, wrongForSigner, wrongKubeletClient } from "#kinds/certificates/signers.ts";
import { clone } from "#lib/clone.ts";
import { isConditionTrue } from "#meta/conditions.ts";
import { isConflict, isNotFound } from "#meta/errors.ts";
import { type DeepReadonly, keyOf } from "#meta/object.ts";
import { formatTime } from "#meta/time.ts";
import { type ControllerDefinition, type LoopDefinition, type ReconcileContext, terminal } from "#reconcile/controller.ts";

type AnyRequest = DeepReadonly<CertificateSigningRequest>;

/** What is signed: the request's own subject, key and names, for these usages. Gives PEM. */
export type SignCertificate = (
  request: RequestOutline & { readonly usages: readonly string[]; readonly seconds: number | undefined },
) => Promise<string>;

const has = (request: AnyRequest, type: string): boolean =>
  request.status?.conditions?.some((condition) => condition.type === type) ?? false;

/** A node may have its client certificate if it is allowed to ask for its own, or for any node's. */
const WAYS = [
  { subresource: "selfnodeclient", message: "Auto approving self kubelet client certificate after SubjectAccessReview." },
  { subresource: "nodeclient", message: "Auto approving kubelet client certificate after SubjectAccessReview." },
] as const;

export const certificateApprover: ControllerDefinition = {
  name: "certificatesigningrequest-approving-controller",
  for: CertificateSigningRequest,
  async reconcile(key, { cache, client, signal }) {
    const request = cache(CertificateSigningRequest).get(key);
    if (!request || request.status?.certificate || has(request, "Approved") || has(request, "Denied")) return;
    if (request.spec?.signerName !== KUBELET_CLIENT) return;
    const outline = outlineOf(request.spec.request);
    if (!outline) throw terminal("unable to parse csr");
    if (wrongKubeletClient(outline, request.spec.usages ?? []) !== undefined) return;
    for (const { subresource, message } of WAYS) {
      if (subresource === "selfnodeclient" && request.spec.username !== outline.commonName) continue;
      if (!(await isAllowed(request, subresource, client, signal))) continue;
      const next = withCondition(request, { type: "Approved", status: "True", reason: "AutoApproved", message });
      await client.updateSubresource(CertificateSigningRequest, key, "approval", next, { signal });
      return;
    }
  },
};

async function isAllowed(
  { spec }: AnyRequest,
  subresource: string,
  client: ReconcileContext["client"],
  signal: AbortSignal,
): Promise<boolean> {
  const { username, uid, groups, extra } = spec ?? {};
  const review = await client.create(
    SubjectAccessReview,
    {
      spec: {
        ...(username === undefined ? {} : { user: username }),
        ...(uid === undefined ? {} : { uid }),
        ...(groups ? { groups: [...groups] } : {}),
        ...(extra ? { extra: clone(extra) } : {}),
        resourceAttributes: {
          group: "certificates.k8s.io",
          resource: "certificatesigningrequests",
          verb: "create",
          subresource,
          version: "*",
        },
      },
    },
    { signal },
  );
  return review.status?.allowed === true;
}

function withCondition(request: AnyRequest, condition: CertificateSigningRequestCondition): CertificateSigningRequest {
  const next = clone(request) as CertificateSigningRequest; // a copy of our own
  next.status = { ...next.status, conditions: [...(next.status?.conditions ?? []), condition] };
  return next;
}

/** All built-in signers in one. */
export function certificateSigner(sign: SignCertificate): ControllerDefinition {
  return {
    name: "certificatesigningrequest-signing-controller",
    for: CertificateSigningRequest,
    async reconcile(key, { cache, client, clock, signal }) {
      const request = cache(CertificateSigningRequest).get(key);
      const { signerName = "", usages = [], expirationSeconds } = request?.spec ?? {};
      if (!request || request.status?.certificate || !isBuiltinSigner(signerName)) return;
      const isApproved = has(request, "Approved") && !has(request, "Denied");
      if (!isApproved || isConditionTrue(request.status?.conditions, "Failed")) return;
      const outline = outlineOf(request.spec?.request);
      if (!outline) throw terminal("unable to parse csr");
      const wrong = wrongForSigner(signerName, outline, usages);
      let next: CertificateSigningRequest;
      if (wrong !== undefined) {
        const lastUpdateTime = formatTime(clock.now());
        next = withCondition(request, {
          type: "Failed",
          status: "True",
          reason: "SignerValidationFailure",
          message: wrong,
          lastUpdateTime,
        });
      } else {
        const certificate = btoa(await sign({ ...outline, usages, seconds: expirationSeconds }));
        next = clone(request) as CertificateSigningRequest; // a copy of our own
        next.status = { ...next.status, certificate };
      }
      await client.updateStatus(CertificateSigningRequest, next, { signal });
    },
  };
}

const CLEAN_MS = 3_600_000;

export const certificateCleaner: LoopDefinition = {
  name: "certificatesigningrequest-cleaner-controller",
  async run({ client, clock, informers, log, signal }) {
    const requests = informers.informer(CertificateSigningRequest);
    await requests.synced;
    while (!signal.aborted) {
      for (const request of requests.list()) {
        if (!isPast(request, clock.now())) continue;
        await client.delete(CertificateSigningRequest, keyOf(request), { signal }).catch((error: unknown) => {
          if (!isNotFound(error) && !isConflict(error) && !signal.aborted)
            log.warn("a certificate request could not be deleted", { error });
        });
      }
      await clock.sleep(CLEAN_MS, signal).catch(() => {}); // only rejects when stopped, looked at next
    }
  },
};
