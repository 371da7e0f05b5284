// When a store forgets: what is older than some time, or sooner if it would be too much to keep in memory.
import type { Clock, Timer } from "#lib/clock.ts";
import type { Store } from "./store.ts";

export interface AutoCompactOptions {
  /** How long a change can be read and watched after the fact, at least, unless there are too many. Default: 5 minutes, as upstream. */
  readonly keepMs?: number;
  /** At most about this many changes are kept. Default: 200,000. */
  readonly maxEvents?: number;
  /** At most about this many bytes of replaced and deleted values are kept. Default: 64 MiB. */
  readonly maxBytes?: number;
  /** Told when a compaction failed; the next one covers what it should have. */
  readonly onError?: (error: unknown) => void;
}

/** A stretch of history, up to and including `revision`. */
interface Stretch {
  readonly since: number;
  revision: number;
  events: number;
  bytes: number;
}

/** History is forgotten in stretches of this share of what is kept. */
const SHARE = 1 / 10;

/** Compacts a store as it changes, until disposed. Does nothing, not even wake up, while there is nothing to forget. */
export function autoCompact(store: Store, clock: Pick<Clock, "now" | "after">, options: AutoCompactOptions = {}): Disposable {
  const { keepMs = 5 * 60_000, maxEvents = 200_000, maxBytes = 64 * 2 ** 20, onError = () => {} } = options;
  const stretches: Stretch[] = [];
  const total: Omit<Stretch, "since"> = { revision: 0, events: 0, bytes: 0 };
  let timer: Timer | undefined;
  let ended = false;

  const isFull = (size: Omit<Stretch, "since">, share: number) => size.events > maxEvents * share || size.bytes > maxBytes * share;

  /** The stretch that takes what happens now. */
  const current = (now: number): Stretch => {
    const last = stretches.at(-1);
    if (last && now - last.since < keepMs * SHARE && !isFull(last, SHARE)) return last;
    const next = { since: now, revision: 0, events: 0, bytes: 0 };
    stretches.push(next);
    return next;
  };

  /** Forgets the stretches that are too old or too much, and sets the alarm for the next. */
  const forget = () => {
    const now = clock.now();
    let upTo = 0;
    for (let first = stretches[0]; first && (isFull(total, 1) || isOver(first, now)); first = stretches[0]) {
      stretches.shift();
      total.events -= first.events;
      total.bytes -= first.bytes;
      upTo = first.revision;
    }
    if (upTo > 0) store.compact(upTo).catch((error: unknown) => ended || onError(error));
    const first = stretches[0];
    if (!first || timer) return;
    timer = clock.after(endOf(first) + keepMs - now, () => {
      timer = undefined;
      forget();
    });
  };
  const endOf = (stretch: Stretch) => stretch.since + keepMs * SHARE;
  const isOver = (stretch: Stretch, now: number) => now >= endOf(stretch) + keepMs;

  const note = (revision: number, events: number, bytes: number) => {
    const stretch = current(clock.now());
    stretch.revision = revision;
    stretch.events += events;
    stretch.bytes += bytes;
    total.events += events;
    total.bytes += bytes;
    if (!timer || isFull(total, 1)) forget();
  };

  const stop = () => {
    ended = true;
    timer?.cancel();
    watch[Symbol.dispose]();
  };
  const watch = store.watch("", {
    after: store.revision,
    onEvents: (events) => {
      let bytes = 0;
      for (const { before } of events) bytes += before?.value.length ?? 0;
      note(events.at(-1)?.revision ?? 0, events.length, bytes);
    },
    onEnd: () => stop(),
  });
  // What the store brought along from before.
  if (store.revision > store.compactedRevision) note(store.revision, 0, 0);
  return { [Symbol.dispose]: stop };
}
