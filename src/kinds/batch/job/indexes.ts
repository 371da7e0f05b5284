// The text form of sets of completion indexes: `1,3-5,7`.

/** What is wrong with the text, or how many indexes it names. */
type Parsed = { readonly count: number; readonly wrong?: undefined } | { readonly wrong: string };
type Interval = { readonly from: number; readonly to: number; readonly wrong?: undefined } | { readonly wrong: string };

/** Larger numbers are none to upstream. */
const MAX_INT64 = 2 ** 63;

/** Checks that the indexes grow and are below `completions`. */
export function parseIndexes(text: string, completions: number): Parsed {
  if (text === "") return { count: 0 };
  let last: number | undefined;
  let count = 0;
  for (const part of text.split(",")) {
    const interval = parseInterval(part, completions);
    if (interval.wrong !== undefined) return interval;
    if (last !== undefined && last >= interval.from) return { wrong: `non-increasing order, previous: ${last}, current: ${interval.from}` };
    count += interval.to - interval.from + 1;
    last = interval.to;
  }
  return { count };
}

function parseInterval(text: string, completions: number): Interval {
  const limits = text.split("-");
  if (limits.length > 2) {
    return {
      wrong: `the fragment ${JSON.stringify(text)} violates the requirement that an index interval can have at most two parts separated by '-'`,
    };
  }
  const numbers: number[] = [];
  for (const limit of limits) {
    if (!/^[+-]?\d+$/.test(limit) || Math.abs(Number(limit)) >= MAX_INT64)
      return { wrong: `cannot convert string to integer for index: ${JSON.stringify(limit)}` };
    const index = Number(limit);
    if (index >= completions) return { wrong: `too large index: ${JSON.stringify(limit)}` };
    numbers.push(index);
  }
  const [from = 0, to = from] = numbers;
  if (numbers.length > 1 && from >= to) return { wrong: `non-increasing order, previous: ${from}, current: ${to}` };
  return { from, to };
}

/** The first index that both name; fragments that are no intervals are skipped, as they are reported on their own. */
export function firstOverlap(completed: string, failed: string, completions: number): number | undefined {
  if (completed === "" || failed === "") return undefined;
  const intervals = (text: string) =>
    text
      .split(",")
      .map((part) => parseInterval(part, completions))
      .filter((interval) => interval.wrong === undefined);
  const [done, lost] = [intervals(completed), intervals(failed)];
  for (let i = 0, j = 0; ;) {
    const [a, b] = [done[i], lost[j]];
    if (!a || !b) return undefined;
    if (a.from <= b.to && b.from <= a.to) return Math.max(a.from, b.from);
    if (a.from <= b.from) i++;
    else j++;
  }
}
