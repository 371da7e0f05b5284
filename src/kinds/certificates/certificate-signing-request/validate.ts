// What a CertificateSigningRequest may hold and how it may change, with upstream's paths and words. Whether the
// request's signature is good is checked at admission.

import type { CertificateSigningRequest, CertificateSigningRequestCondition } from "#kinds/api/certificates-v1.gen.ts";
import { parseCertificateRequest, wrongCertificates } from "#kinds/certificates/pem.ts";
import { checkSignerName } from "#kinds/certificates/signer-name.ts";
import { decodeBase64 } from "#kinds/shared/base64.ts";
import { checkOneOf, checkRequired, checkRequiredOneOf, duplicates, type Errors } from "#kinds/shared/checks.ts";
import { CONDITION_STATUSES } from "#kinds/shared/conditions.ts";
import { semanticEqual } from "#kinds/shared/semantic-equal.ts";
import { field, type FieldError, quote } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

type Request = DeepReadonly<CertificateSigningRequest>;

const USAGES = [
  "any",
  "cert sign",
  "client auth",
  "code signing",
  "content commitment",
  "crl sign",
  "data encipherment",
  "decipher only",
  "digital signature",
  "email protection",
  "encipher only",
  "ipsec end system",
  "ipsec tunnel",
  "ipsec user",
  "key agreement",
  "key encipherment",
  "microsoft sgc",
  "netscape sgc",
  "ocsp signing",
  "s/mime",
  "server auth",
  "signing",
  "timestamping",
];
const DECISIONS = ["Approved", "Denied"];
const FINAL = [...DECISIONS, "Failed"];
const LEGACY_SIGNER = "kubernetes.io/legacy-unknown";
const MIN_EXPIRATION_SECONDS = 600;
const CONDITIONS = "status.conditions";

export function validateRequest(next: Request, previous: Request | undefined, subresource: string): FieldError[] {
  const errors: Errors = [];
  checkSpec(errors, next, previous);
  checkConditions(errors, next, previous);
  checkCertificate(errors, next, previous);
  if (previous) checkChange(errors, next, previous, subresource);
  return errors;
}

/** What was wrong before may stay wrong. */
function checkSpec(errors: Errors, { spec }: Request, previous: Request | undefined): void {
  const request = parseCertificateRequest(decodeBase64(spec?.request ?? "") ?? "");
  if (typeof request === "string") errors.push(field.invalid("spec.request", spec?.request ?? null, request));
  const usages = spec?.usages ?? [];
  if (usages.length === 0) errors.push(field.required("spec.usages"));
  const before = previous?.spec?.usages ?? [];
  if (before.every((usage) => USAGES.includes(usage))) {
    for (const [index, usage] of usages.entries()) checkOneOf(errors, `spec.usages[${index}]`, usage, USAGES);
  }
  if (new Set(before).size === before.length) {
    const isDuplicate = duplicates(errors);
    for (const [index, usage] of usages.entries()) isDuplicate(`spec.usages[${index}]`, usage);
  }
  const signer = spec?.signerName ?? "";
  if (signer === LEGACY_SIGNER && previous?.spec?.signerName !== LEGACY_SIGNER) {
    errors.push(field.invalid("spec.signerName", signer, "the legacy signerName is not allowed via this API version"));
  } else checkSignerName(errors, "spec.signerName", signer);
  const seconds = spec?.expirationSeconds;
  if (seconds !== undefined && seconds < MIN_EXPIRATION_SECONDS) {
    errors.push(field.invalid("spec.expirationSeconds", seconds, "may not specify a duration less than 600 seconds (10 minutes)"));
  }
}

function checkConditions(errors: Errors, { status }: Request, previous: Request | undefined): void {
  const before = previous?.status?.conditions ?? [];
  const allowsEmpty = before.some(({ type }) => !type);
  const allowsDuplicates = new Set(before.map(({ type }) => type)).size < before.length;
  const allowsBoth = DECISIONS.every((decision) => before.some(({ type }) => type === decision));
  const isDuplicate = duplicates(errors);
  const decided = new Set<string>();
  for (const [index, { type = "", status: value }] of (status?.conditions ?? []).entries()) {
    const at = `${CONDITIONS}[${index}]`;
    if (!allowsEmpty) checkRequired(errors, `${at}.type`, type);
    checkRequiredOneOf(errors, `${at}.status`, value, FINAL.includes(type) ? ["True"] : CONDITION_STATUSES);
    if (!allowsBoth && DECISIONS.includes(type)) {
      decided.add(type);
      if (decided.size > 1) errors.push(field.invalid(CONDITIONS, type, "Approved and Denied conditions are mutually exclusive"));
    }
    if (!allowsDuplicates) isDuplicate(`${at}.type`, type);
  }
}

const certificateOf = (request: Request | undefined): string => decodeBase64(request?.status?.certificate ?? "") ?? "";

function checkCertificate(errors: Errors, next: Request, previous: Request | undefined): void {
  if (previous) {
    const same = (next.status?.certificate ?? "") === (previous.status?.certificate ?? "");
    if (same || wrongCertificates(certificateOf(previous)) !== undefined) return;
  }
  const wrong = wrongCertificates(certificateOf(next));
  if (wrong !== undefined) errors.push(field.invalid("status.certificate", "<certificate data>", wrong));
}

const ofType = (request: Request, wanted: string): readonly DeepReadonly<CertificateSigningRequestCondition>[] =>
  (request.status?.conditions ?? []).filter(({ type }) => type === wanted);

function checkChange(errors: Errors, next: Request, previous: Request, subresource: string): void {
  for (const type of FINAL) {
    if (ofType(next, type).length < ofType(previous, type).length) {
      errors.push(field.forbidden(CONDITIONS, `updates may not remove a condition of type ${quote(type)}`));
    }
  }
  if (subresource !== "approval") {
    for (const type of DECISIONS) {
      const [before, after] = [ofType(previous, type), ofType(next, type)];
      if (after.length > before.length) errors.push(field.forbidden(CONDITIONS, `updates may not add a condition of type ${quote(type)}`));
      else if (after.length === before.length && !semanticEqual(before, after)) {
        errors.push(field.forbidden(CONDITIONS, `updates may not modify a condition of type ${quote(type)}`));
      }
    }
  }
  const before = previous.status?.certificate ?? "";
  if ((next.status?.certificate ?? "") === before) return;
  if (subresource !== "status") errors.push(field.forbidden("status.certificate", "updates may not set certificate content"));
  else if (before !== "") errors.push(field.forbidden("status.certificate", "updates may not modify existing certificate content"));
}
