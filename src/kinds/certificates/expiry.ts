// When a CertificateSigningRequest has served its time. Pure.

import type { CertificateSigningRequest } from "#kinds/api/certificates-v1.gen.ts";
import type { DeepReadonly } from "#meta/object.ts";
import { endOfCertificate } from "./request.ts";

const HOUR_MS = 3_600_000;
const DECIDED_MS = HOUR_MS;
const WAITING_MS = 24 * HOUR_MS;

/** Requests that were decided are kept for an hour, those that wait for anybody for a day. `now`: milliseconds since the epoch. */
export function isPast({ metadata, status }: DeepReadonly<CertificateSigningRequest>, now: number): boolean {
  const isOlder = (time: string | undefined, than: number) => time !== undefined && now - Date.parse(time) > than;
  const conditions = status?.conditions ?? [];
  const isIssued = (status?.certificate ?? "") !== "";
  if (conditions.length === 0 && isOlder(metadata?.creationTimestamp, WAITING_MS)) return true;
  return conditions.some(({ type, lastUpdateTime }) => {
    if (type === "Denied" || type === "Failed") return isOlder(lastUpdateTime, DECIDED_MS);
    if (type !== "Approved") return false;
    if (!isIssued) return isOlder(lastUpdateTime, WAITING_MS);
    return isOlder(lastUpdateTime, DECIDED_MS) || now > (endOfCertificate(status?.certificate) ?? Infinity);
  });
}
