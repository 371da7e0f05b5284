// Times on the wire: RFC 3339 in UTC, whole seconds, or microseconds where the API has them (leases, events).

const RFC3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;

/** A canonical time on a day that every month has: nearly all there are. */
const CANONICAL = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\dZ$/;

/** `2026-01-02T03:04:05Z`. */
export function formatTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** `2026-01-02T03:04:05.678000Z`. */
export function formatMicroTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 23)}000Z`;
}

/** The time in UTC, cut to seconds; undefined if the text is no RFC 3339 time. */
export function canonicalTime(text: string): string | undefined {
  if (CANONICAL.test(text)) return text;
  const parts = RFC3339.exec(text);
  const ms = parts === null ? undefined : epochMs(parts);
  return ms === undefined ? undefined : formatTime(ms);
}

/** The time in UTC with six digits of fraction; undefined if the text is no RFC 3339 time with just those. */
export function canonicalMicroTime(text: string): string | undefined {
  const parts = RFC3339.exec(text);
  const fraction = parts?.[2];
  if (!parts || fraction?.length !== 6) return undefined;
  const ms = epochMs(parts);
  return ms === undefined ? undefined : `${new Date(ms).toISOString().slice(0, 19)}.${fraction}Z`;
}

/** Milliseconds since the epoch of the whole second; undefined for dates that do not exist. */
function epochMs([, local = "", , sign, hours = "0", minutes = "0"]: readonly (string | undefined)[]): number | undefined {
  const ms = Date.parse(`${local}Z`);
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== local) return undefined;
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return sign === "+" ? ms - offsetMs : ms + offsetMs;
}
