import assert from "node:assert/strict";
import { test } from "node:test";
import { isTimeZone, nextTime, parseSchedule, type Schedule } from "./schedule.ts";

const WRONG: readonly (readonly [string, string])[] = [
  ["", "empty spec string"],
  ["* * * *", "expected exactly 5 fields, found 4: [* * * *]"],
  ["60 * * * *", "end of range (60) above maximum (59): 60"],
  ["* * 0 * *", "beginning of range (0) below minimum (1): 0"],
  ["5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"],
  ["*/0 * * * *", "step of range should be a positive number: */0"],
  ["1-2-3 * * * *", "too many hyphens: 1-2-3"],
  ["1/2/3 * * * *", "too many slashes: 1/2/3"],
  ["a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'],
  ["@never", "unrecognized descriptor: @never"],
  ["@every 1x", 'failed to parse duration 1x: time: unknown unit "x" in duration "1x"'],
  ["CRON_TZ=Mars/Olympus 0 0 * * *", "provided bad location Mars/Olympus: unknown time zone Mars/Olympus"],
];
for (const [text, wrong] of WRONG) {
  test(`the schedule ${JSON.stringify(text)} is refused`, () => assert.deepEqual(parseSchedule(text), { wrong }));
}

function next(text: string, after: string, zone?: string): string | undefined {
  const parsed = parseSchedule(text);
  assert.equal(parsed.wrong, undefined);
  const { schedule } = parsed as { schedule: Schedule }; // it is not wrong
  const time = nextTime(schedule, Date.parse(after), zone);
  return time === undefined ? undefined : new Date(time).toISOString().replace(".000Z", "Z");
}

const DUE: readonly (readonly [string, string, string | undefined, string?])[] = [
  ["* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"],
  ["*/15 * * * *", "2026-01-01T00:46:10Z", "2026-01-01T01:00:00Z"],
  ["30 2 * * 1-5", "2026-01-02T03:00:00Z", "2026-01-05T02:30:00Z"],
  ["0 0 29 feb ?", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z"],
  ["0 0 30 2 *", "2026-01-01T00:00:00Z", undefined],
  // Both day fields given: either will do.
  ["0 0 13 * fri", "2026-01-10T00:00:00Z", "2026-01-13T00:00:00Z"],
  ["0 0 */1 * fri", "2026-01-10T00:00:00Z", "2026-01-16T00:00:00Z"],
  ["@monthly", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z"],
  ["@every 90s", "2026-01-01T00:00:00Z", "2026-01-01T00:01:30Z"],
  ["0 9 * * *", "2026-07-01T12:00:00Z", "2026-07-02T00:00:00Z", "Asia/Tokyo"],
  // New York skips 02:00-03:00 on 8 March 2026, and has 01:00-02:00 twice on 1 November.
  ["30 2 * * *", "2026-03-08T05:00:00Z", "2026-03-09T06:30:00Z", "America/New_York"],
  ["30 1 * * *", "2026-11-01T05:00:00Z", "2026-11-01T05:30:00Z", "America/New_York"],
  ["30 1 * * *", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "America/New_York"],
  ["30 1 * * *", "2026-11-01T06:30:00Z", "2026-11-02T06:30:00Z", "America/New_York"],
  // Days of 23 and of 25 hours begin at midnight all the same.
  ["0 0 * * *", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z", "America/New_York"],
  ["0 0 * * *", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z", "America/New_York"],
  ["CRON_TZ=Europe/Berlin 0 6 * * *", "2026-06-01T00:00:00Z", "2026-06-01T04:00:00Z", "Asia/Tokyo"],
];
for (const [text, after, expected, zone] of DUE) {
  test(`${text} after ${after} in ${zone ?? "UTC"}`, () => assert.equal(next(text, after, zone), expected));
}

test("zones are those of the database, not offsets", () => {
  assert.equal(isTimeZone("Europe/Rome"), true);
  assert.equal(isTimeZone("+01:00"), false);
  assert.equal(isTimeZone("Nowhere"), false);
});
