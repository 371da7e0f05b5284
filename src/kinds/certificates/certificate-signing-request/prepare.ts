// What each way to write a CertificateSigningRequest may change.

import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
  CertificateSigningRequestSpec,
} from "#kinds/api/certificates-v1.gen.ts";
import { clone } from "#lib/clone.ts";
import type { WriteContext } from "#meta/kind.ts";
import type { DeepReadonly } from "#meta/object.ts";

export function prepareRequest(
  next: CertificateSigningRequest,
  previous: DeepReadonly<CertificateSigningRequest> | undefined,
  { user, subresource, now }: WriteContext,
): void {
  if (previous === undefined) {
    // Who asks is a fact, not a claim.
    // What the client left out stays absent: validation tells of it.
    const { username: _name, uid: _uid, groups: _groups, extra: _extra, ...spec } = next.spec ?? ({} as CertificateSigningRequestSpec);
    const extra = Object.entries(user.extra ?? {}).map(([key, values]) => [key, [...values]]);
    next.spec = {
      ...spec,
      username: user.name,
      ...(user.uid ? { uid: user.uid } : {}),
      groups: [...user.groups],
      ...(extra.length > 0 ? { extra: Object.fromEntries(extra) } : {}),
    };
    next.status = {};
    return;
  }
  next.spec = clone(previous.spec);
  if (subresource === "status") {
    keepDecision(next, previous, "Approved");
    keepDecision(next, previous, "Denied");
  }
  if (subresource !== "") stampConditions(next, previous, now);
}

/** The door `approval`: the conditions and nothing else of the request. */
export function throughApproval(next: CertificateSigningRequest, previous: DeepReadonly<CertificateSigningRequest>): void {
  const { conditions } = next.status ?? {};
  const { conditions: _before, ...status } = clone(previous.status ?? {});
  next.spec = clone(previous.spec);
  next.status = { ...status, ...(conditions ? { conditions } : {}) };
}

const indexesOf = (object: DeepReadonly<CertificateSigningRequest>, type: string): number[] =>
  (object.status?.conditions ?? []).flatMap((condition, index) => (condition.type === type ? [index] : []));

/** As many decisions as before stay what they were; more or fewer are refused by validation. */
function keepDecision(next: CertificateSigningRequest, previous: DeepReadonly<CertificateSigningRequest>, type: string): void {
  const [before, after] = [indexesOf(previous, type), indexesOf(next, type)];
  if (before.length !== after.length) return;
  for (const [position, index] of after.entries()) {
    const kept = previous.status?.conditions?.[before[position] ?? 0];
    if (kept && next.status?.conditions) next.status.conditions[index] = clone(kept);
  }
}

function stampConditions(next: CertificateSigningRequest, previous: DeepReadonly<CertificateSigningRequest>, now: string): void {
  for (const condition of next.status?.conditions ?? []) {
    condition.lastUpdateTime ??= now;
    condition.lastTransitionTime ??= transitionOf(condition, previous) ?? now;
  }
}

function transitionOf(
  condition: CertificateSigningRequestCondition,
  previous: DeepReadonly<CertificateSigningRequest>,
): string | undefined {
  return previous.status?.conditions?.find(
    ({ type, status, lastTransitionTime }) => type === condition.type && status === condition.status && lastTransitionTime !== undefined,
  )?.lastTransitionTime;
}
