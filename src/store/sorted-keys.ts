// The keys of a store in order. A sorted list of sorted chunks: an insert moves at most one chunk's worth of strings,
// and a range is counted by adding up chunk lengths, so 100,000 keys cost neither much to add nor to count.

/** A chunk that reaches this length is split in two. */
const MAX_CHUNK = 512;
/** A chunk that shrinks below this is joined to its neighbour. */
const MIN_CHUNK = 64;

/** An ordered set of strings (UTF-16 code unit order). */
export class SortedKeys {
  /** Never holds an empty chunk; every key of a chunk is less than every key of the next. */
  readonly #chunks: string[][] = [];

  /** Adds a key that is not there yet. */
  add(key: string): void {
    const at = Math.max(this.#chunkOf(key), 0);
    const chunk = this.#chunks[at];
    if (!chunk) {
      this.#chunks.push([key]);
      return;
    }
    chunk.splice(lowerBound(chunk, key), 0, key);
    if (chunk.length < MAX_CHUNK) return;
    // Rising keys fill the last chunk only: leaving it nearly full keeps the list dense.
    const keep = at === this.#chunks.length - 1 && chunk.at(-1) === key ? MAX_CHUNK - MIN_CHUNK : MAX_CHUNK / 2;
    this.#chunks.splice(at + 1, 0, chunk.splice(keep));
  }

  /** Removes a key that is there. */
  delete(key: string): void {
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at];
    if (!chunk) return;
    const index = lowerBound(chunk, key);
    if (chunk[index] !== key) return;
    chunk.splice(index, 1);
    if (chunk.length >= MIN_CHUNK) return;
    const next = this.#chunks[at + 1];
    if (chunk.length === 0) this.#chunks.splice(at, 1);
    else if (next && chunk.length + next.length < MAX_CHUNK / 2) this.#chunks.splice(at, 2, chunk.concat(next));
  }

  /** The keys in [from, to), in order, at most `limit` of them. */
  range(from: string, to: string, limit = Infinity): string[] {
    const found: string[] = [];
    for (let at = Math.max(this.#chunkOf(from), 0); at < this.#chunks.length && found.length < limit; at++) {
      const chunk = this.#chunks[at] ?? [];
      const first = chunk[0];
      if (first === undefined || first >= to) break;
      const end = lowerBound(chunk, to);
      for (let index = lowerBound(chunk, from); index < end && found.length < limit; index++) found.push(chunk[index] ?? "");
    }
    return found;
  }

  /** How many keys are in [from, to). */
  count(from: string, to: string): number {
    if (from >= to) return 0;
    const first = this.#chunkOf(from);
    const last = this.#chunkOf(to);
    let count = lowerBound(this.#chunks[last] ?? [], to) - lowerBound(this.#chunks[first] ?? [], from);
    for (let at = Math.max(first, 0); at < last; at++) count += this.#chunks[at]?.length ?? 0;
    return count;
  }

  /** The index of the last chunk whose first key is not above `key`; -1 if there is none. */
  #chunkOf(key: string): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#chunks[middle]?.[0] ?? "") <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** The index of the first element that is not below `key`. */
function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? "") < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
