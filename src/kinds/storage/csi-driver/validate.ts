import type { CSIDriver, CSIDriverSpec, TokenRequest } from "#kinds/api/storage-v1.gen.ts";
import { checkImmutable, checkOneOf, type Errors } from "#kinds/shared/checks.ts";
import { equal } from "#lib/equal.ts";
import { field, type FieldError } from "#meta/errors.ts";
import type { DeepReadonly } from "#meta/object.ts";

const POLICIES = ["File", "None", "ReadWriteOnceWithFSType"];
const MODES = ["Persistent", "Ephemeral"];
const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;
const MIN_UPDATE_SECONDS = 10;
const TOKENS_IN_SECRETS =
  "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes";

export function validateCsiDriver(next: DeepReadonly<CSIDriver>, previous: DeepReadonly<CSIDriver> | undefined): FieldError[] {
  const errors: Errors = [];
  const spec: DeepReadonly<CSIDriverSpec> = next.spec ?? {};
  if (spec.fsGroupPolicy !== undefined) checkOneOf(errors, "spec.fsGroupPolicy", spec.fsGroupPolicy, POLICIES);
  validateTokens(errors, "spec.tokenRequests", spec.tokenRequests ?? []);
  for (const mode of spec.volumeLifecycleModes ?? []) {
    if (!MODES.includes(mode)) errors.push(field.notSupported("spec.volumeLifecycleModes", mode, MODES, "given"));
  }
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (period !== undefined && period < MIN_UPDATE_SECONDS) {
    errors.push(field.invalid("spec.nodeAllocatableUpdatePeriodSeconds", period, "must be greater than or equal to 10 seconds"));
  }
  const inSecrets = spec.serviceAccountTokenInSecrets;
  if (inSecrets !== undefined && !spec.tokenRequests?.length) {
    const detail = "serviceAccountTokenInSecrets is set but no tokenRequests are specified";
    errors.push(field.invalid("spec.serviceAccountTokenInSecrets", inSecrets, detail));
  }
  if (previous) {
    checkImmutable(errors, "spec.attachedRequired", spec.attachRequired, previous.spec?.attachRequired);
    checkImmutable(errors, "spec.volumeLifecycleModes", spec.volumeLifecycleModes, previous.spec?.volumeLifecycleModes);
  }
  return errors;
}

function validateTokens(errors: Errors, path: string, requests: readonly DeepReadonly<TokenRequest>[]): void {
  const seen = new Set<string>();
  for (const [index, { audience = "", expirationSeconds: seconds }] of requests.entries()) {
    const at = `${path}[${index}]`;
    if (seen.has(audience)) {
      errors.push(field.duplicate(`${at}.audience`, audience));
      continue;
    }
    seen.add(audience);
    if (seconds === undefined) continue;
    const refuse = (detail: string) => errors.push(field.invalid(`${at}.expirationSeconds`, seconds, detail));
    if (seconds < MIN_TOKEN_SECONDS) refuse("may not specify a duration less than 10 minutes");
    if (seconds > MAX_TOKEN_SECONDS) refuse("may not specify a duration larger than 2^32 seconds");
  }
}

export function csiDriverWarnings(next: DeepReadonly<CSIDriver>, previous: DeepReadonly<CSIDriver> | undefined): string[] {
  const requests = next.spec?.tokenRequests ?? [];
  const changed = !previous || !equal(requests, previous.spec?.tokenRequests ?? []);
  return changed && requests.length > 0 && next.spec?.serviceAccountTokenInSecrets === undefined ? [TOKENS_IN_SECRETS] : [];
}
