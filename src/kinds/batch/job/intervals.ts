// Sets of completion indexes as sorted intervals, and their text form in a Job's status: `1,3-5,7`.

export interface Interval {
  readonly first: number;
  readonly last: number;
}

/** In rising order; no two overlap or touch. */
export type Intervals = readonly Interval[];

/** Reads what a status holds: what is no number is passed over, what is beyond `completions` is cut off. */
export function parseIntervals(text: string | undefined, completions: number): Intervals {
  const intervals: Interval[] = [];
  if (!text) return intervals;
  for (const part of text.split(",")) {
    const [first = Number.NaN, last = first] = part.split("-").map((limit) => (/^[+]?\d+$/.test(limit) ? Number(limit) : Number.NaN));
    if (Number.isNaN(first) || Number.isNaN(last)) continue;
    if (first >= completions) break;
    intervals.push({ first, last: Math.min(last, completions - 1) });
  }
  return merge(intervals, []);
}

export function formatIntervals(intervals: Intervals): string {
  return intervals
    .map(({ first, last }) => (last === first ? `${first}` : last === first + 1 ? `${first},${last}` : `${first}-${last}`))
    .join(",");
}

/** How many indexes are in the set. */
export function sizeOf(intervals: Intervals): number {
  let size = 0;
  for (const { first, last } of intervals) size += last - first + 1;
  return size;
}

export function hasIndex(intervals: Intervals, index: number): boolean {
  let low = 0;
  let high = intervals.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((intervals[middle]?.last ?? 0) >= index) high = middle;
    else low = middle + 1;
  }
  const found = intervals[low];
  return found !== undefined && found.first <= index;
}

/** The union. */
export function merge(a: Intervals, b: Intervals): Intervals {
  const merged: { first: number; last: number }[] = [];
  for (const { first, last } of [...a, ...b].toSorted((x, y) => x.first - y.first)) {
    const previous = merged.at(-1);
    if (previous && first <= previous.last + 1) previous.last = Math.max(previous.last, last);
    else merged.push({ first, last });
  }
  return merged;
}

/** The set with more indexes, in any order. */
export function withIndexes(intervals: Intervals, indexes: Iterable<number>): Intervals {
  const more = Array.from(indexes, (index) => ({ first: index, last: index }));
  return more.length === 0 ? intervals : merge(intervals, more);
}

/** How many indexes are in both. */
export function overlap(a: Intervals, b: Intervals): number {
  let count = 0;
  for (let i = 0, j = 0; ;) {
    const [x, y] = [a[i], b[j]];
    if (!x || !y) return count;
    count += Math.max(0, Math.min(x.last, y.last) - Math.max(x.first, y.first) + 1);
    if (x.last <= y.last) i++;
    if (y.last <= x.last) j++;
  }
}

/** The first `count` indexes below `completions` that are not in the set. */
export function firstMissing(taken: Intervals, count: number, completions: number): number[] {
  const missing: number[] = [];
  let candidate = 0;
  for (const { first, last } of [...taken, { first: completions, last: completions }]) {
    for (; candidate < Math.min(first, completions) && missing.length < count; candidate++) missing.push(candidate);
    candidate = Math.max(candidate, last + 1);
  }
  return missing;
}
