// Cron schedules as upstream's library (robfig/cron v3, standard form) reads them, with its words for what is wrong.

/** The minutes at which something is due: sets as bits, or a fixed interval. */
export type Schedule = CronFields | { readonly everyMs: number };

export interface CronFields {
  readonly minute: bigint;
  readonly hour: bigint;
  readonly dayOfMonth: bigint;
  readonly month: bigint;
  readonly dayOfWeek: bigint;
  /** Names the zone in the schedule itself (`CRON_TZ=...`); old objects may have one. */
  readonly timeZone?: string;
}

export type ParsedSchedule = { readonly schedule: Schedule; readonly wrong?: undefined } | { readonly wrong: string };

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MINUTE: Bounds = { min: 0, max: 59 };
const HOUR: Bounds = { min: 0, max: 23 };
const DAY_OF_MONTH: Bounds = { min: 1, max: 31 };
const MONTH: Bounds = { min: 1, max: 12, names: MONTHS };
const DAY_OF_WEEK: Bounds = { min: 0, max: 6, names: DAYS };
const FIELDS = [MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK] as const;

/** Set where a field was given as `*`: the two day fields are then joined by "and", else by "or". */
const STAR = 1n << 63n;

const DESCRIPTORS: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};

/** Ends parsing; its message is what is wrong. Never leaves this file. */
class Malformed extends Error {}

export function parseSchedule(text: string): ParsedSchedule {
  try {
    return { schedule: parse(text) };
  } catch (error) {
    if (error instanceof Malformed) return { wrong: error.message };
    throw error;
  }
}

function parse(text: string): Schedule {
  if (text === "") throw new Malformed("empty spec string");
  let spec = text;
  let timeZone: string | undefined;
  if (spec.startsWith("TZ=") || spec.startsWith("CRON_TZ=")) {
    const space = spec.indexOf(" ");
    // The library fails without one; the API server turns that into these words.
    if (space < 0) throw new Malformed("invalid schedule format: runtime error: slice bounds out of range [:-1]");
    const name = spec.slice(spec.indexOf("=") + 1, space);
    timeZone = name === "" ? "UTC" : name;
    if (!isTimeZone(timeZone)) throw new Malformed(`provided bad location ${name}: unknown time zone ${name}`);
    spec = spec.slice(space).trim();
  }
  if (spec.startsWith("@every ")) return { everyMs: parseInterval(spec.slice("@every ".length)) };
  if (spec.startsWith("@")) {
    const fields = DESCRIPTORS[spec];
    if (fields === undefined) throw new Malformed(`unrecognized descriptor: ${spec}`);
    return parseFields(fields.split(" "), timeZone);
  }
  const fields = spec.split(/\s+/).filter((field) => field !== "");
  if (fields.length !== FIELDS.length) {
    throw new Malformed(`expected exactly ${FIELDS.length} fields, found ${fields.length}: [${fields.join(" ")}]`);
  }
  return parseFields(fields, timeZone);
}

function parseFields(fields: readonly string[], timeZone: string | undefined): CronFields {
  const [minute = 0n, hour = 0n, dayOfMonth = 0n, month = 0n, dayOfWeek = 0n] = FIELDS.map((bounds, index) =>
    parseField(fields[index] ?? "", bounds),
  );
  return { minute, hour, dayOfMonth, month, dayOfWeek, ...(timeZone === undefined ? {} : { timeZone }) };
}

function parseField(field: string, bounds: Bounds): bigint {
  let bits = 0n;
  for (const range of field.split(",")) if (range !== "") bits |= parseRange(range, bounds);
  return bits;
}

function parseRange(text: string, { min, max, names }: Bounds): bigint {
  const [range = "", stepText, ...moreSlashes] = text.split("/");
  const [low = "", high, ...moreHyphens] = range.split("-");
  const isStar = low === "*" || low === "?";
  let start = min;
  let end = max;
  if (!isStar) {
    start = parseNumber(low, names, min);
    if (moreHyphens.length > 0) throw new Malformed(`too many hyphens: ${text}`);
    end = high === undefined ? start : parseNumber(high, names, min);
  }
  if (moreSlashes.length > 0) throw new Malformed(`too many slashes: ${text}`);
  let step = 1;
  if (stepText !== undefined) {
    step = parseNumber(stepText);
    // `N/step` is `N-max/step`.
    if (high === undefined) end = max;
  }
  if (start < min) throw new Malformed(`beginning of range (${start}) below minimum (${min}): ${text}`);
  if (end > max) throw new Malformed(`end of range (${end}) above maximum (${max}): ${text}`);
  if (start > end) throw new Malformed(`beginning of range (${start}) beyond end of range (${end}): ${text}`);
  if (step === 0) throw new Malformed(`step of range should be a positive number: ${text}`);
  let bits = isStar && step === 1 ? STAR : 0n;
  for (let value = start; value <= end; value += step) bits |= 1n << BigInt(value);
  return bits;
}

function parseNumber(text: string, names?: readonly string[], first = 0): number {
  const index = names?.indexOf(text.toLowerCase()) ?? -1;
  if (index >= 0) return index + first;
  if (!/^[+-]?\d+$/.test(text)) {
    throw new Malformed(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
  }
  const value = Number(text);
  if (value > 2 ** 63 || value < -(2 ** 63)) {
    throw new Malformed(`failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: value out of range`);
  }
  if (value < 0) throw new Malformed(`negative number (${value}) not allowed: ${text}`);
  return value;
}

const UNIT_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Whole seconds, at least one. */
function parseInterval(text: string): number {
  const fail = (cause: string): never => {
    throw new Malformed(`failed to parse duration ${text}: time: ${cause} ${JSON.stringify(text)}`);
  };
  const unsigned = text.replace(/^[+-]/, "");
  if (unsigned === "") fail("invalid duration");
  let total = 0;
  let rest = unsigned === "0" ? "" : unsigned;
  while (rest !== "") {
    const [whole, number = "", unit = ""] = /^(\d+\.?\d*|\.\d+)([^\d.]*)/.exec(rest) ?? [];
    if (whole === undefined) return fail("invalid duration");
    if (unit === "") return fail("missing unit in duration");
    const scale = UNIT_MS[unit];
    if (scale === undefined) return fail(`unknown unit ${JSON.stringify(unit)} in duration`);
    total += Number(number) * scale;
    rest = rest.slice(whole.length);
  }
  const seconds = Math.floor(total / 1000);
  return Math.max(text.startsWith("-") ? 0 : seconds, 1) * 1000;
}

/** Whether the machine's zone database has the zone. */
export function isTimeZone(name: string): boolean {
  try {
    // Offsets such as `+01:00` are zones to Intl but not in the database.
    return /^[A-Za-z]/.test(name) && new Intl.DateTimeFormat("en-US", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

/** Years to look ahead before a schedule counts as never due (30 February). */
const HORIZON_YEARS = 5;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/**
 * The first time after `afterMs` at which the schedule is due, in ms of UTC; undefined: never. Hours that a zone skips
 * are not due on that day, those that it has twice are due twice, as upstream's library has it.
 */
export function nextTime(schedule: Schedule, afterMs: number, timeZone = "UTC"): number | undefined {
  if ("everyMs" in schedule) return Math.floor(afterMs / 1000) * 1000 + schedule.everyMs;
  const wall = wallClock(schedule.timeZone ?? timeZone);
  let time = (Math.floor(afterMs / MINUTE_MS) + 1) * MINUTE_MS;
  const lastYear = new Date(wall(time)).getUTCFullYear() + HORIZON_YEARS;
  for (;;) {
    const shown = wall(time);
    const date = new Date(shown);
    if (date.getUTCFullYear() > lastYear) return undefined;
    if (!has(schedule.month, date.getUTCMonth() + 1) || !isDay(schedule, date)) time = nextDay(time, shown, wall);
    else if (!has(schedule.hour, date.getUTCHours())) time += HOUR_MS - (shown % HOUR_MS);
    else if (!has(schedule.minute, date.getUTCMinutes())) time += MINUTE_MS;
    else return time;
  }
}

const has = (bits: bigint, value: number): boolean => (bits & (1n << BigInt(value))) !== 0n;

function isDay({ dayOfMonth, dayOfWeek }: CronFields, date: Date): boolean {
  const [inMonth, inWeek] = [has(dayOfMonth, date.getUTCDate()), has(dayOfWeek, date.getUTCDay())];
  return (dayOfMonth & STAR) !== 0n || (dayOfWeek & STAR) !== 0n ? inMonth && inWeek : inMonth || inWeek;
}

/** The first instant of the next day, where days may have 23 or 25 hours and need not begin at midnight. */
function nextDay(time: number, shown: number, wall: (ms: number) => number): number {
  const midnight = (Math.floor(shown / DAY_MS) + 1) * DAY_MS;
  const guess = time + midnight - shown;
  const exact = guess + midnight - wall(guess);
  return wall(exact) < midnight ? guess : exact;
}

/** What clocks on the wall show at an instant, written as if it were UTC. */
export function wallClock(timeZone: string): (ms: number) => number {
  if (timeZone === "UTC") return (ms) => ms;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (ms) => {
    const parts: Record<string, number> = {};
    for (const { type, value } of format.formatToParts(ms)) parts[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, second);
  };
}
