// The part that all embedded stores share: the current state and the recent history in memory, in front of a log that
// makes writes durable. What is in memory is durable: a write enters it when the log has it.
import { History } from "./history.ts";
import { SortedKeys } from "./sorted-keys.ts";
import { StoreError } from "./store.ts";
import type { Entry, ListOptions, ListResult, Store, StoreEvent, WatchOptions } from "./store.ts";
import { deliver, WatchHub } from "./watch-hub.ts";
import type { Watch } from "./watch-hub.ts";

/** A line of the log: a write of `value`, or without one the deletion of the key. An Entry is one. */
export interface LogRecord {
  readonly revision: number;
  readonly createRevision: number;
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

/** Where writes become durable. Calls to `append` never overlap. */
export interface Log {
  /** Makes records durable, all or none. Rejects with a StoreError if none is, and then goes on working if it can. */
  append(records: readonly LogRecord[]): Promise<void>;
  /** Notes durably that history below `revision` is gone, then drops the records of the revisions `dead`, in that order. */
  compact(revision: number, dead: Float64Array<ArrayBuffer>): Promise<void>;
  close(): Promise<void>;
}

/** A piece of what a log holds when it is opened. */
export interface LogContents {
  /** The revision of the last compaction; 0 if there was none. */
  readonly compacted: number;
  /** In revision order, and after those of the piece before. */
  readonly records: Iterable<LogRecord>;
}

export interface LogStoreOptions {
  /** Runs a callback soon: the writes accepted until then share a commit. */
  readonly defer: (callback: () => void) => void;
}

/** A write that was accepted and is not durable yet. */
interface PendingWrite {
  readonly record: LogRecord;
  readonly entry: Entry | undefined;
  readonly done: PromiseWithResolvers<void>;
}

/** A new store is at this revision, so that every version a client sees is positive. */
const FIRST_REVISION = 1;
/** Greater than every key that goes on after a prefix: keys are ASCII. */
// Not a literal: the bundle would hold the raw character, and one such character doubles the memory its text takes.
const END = String.fromCharCode(0xffff);

/** A store in memory over a log. */
export class LogStore implements Store {
  readonly #log: Log;
  readonly #defer: (callback: () => void) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new SortedKeys();
  readonly #history = new History();
  readonly #watches = new WatchHub();
  /** The last accepted write of each key that has one which is not durable. */
  readonly #pending = new Map<string, PendingWrite>();
  #queue: PendingWrite[] = [];
  #flushing = false;
  #committing: Promise<void> | undefined;
  /** The last revision given out, durable or not. */
  #assigned = FIRST_REVISION;
  #revision = FIRST_REVISION;
  #closing: Promise<void> | undefined;

  constructor(log: Log, options: LogStoreOptions) {
    this.#log = log;
    this.#defer = options.defer;
  }

  /** Takes in what the log held, before anything else is done with the store. */
  replay({ compacted, records }: LogContents): void {
    const dead: number[] = [];
    this.#history.compact(compacted);
    for (const record of records) {
      const event = this.#apply(record, isEntry(record) ? record : undefined);
      if (record.revision > compacted) this.#history.push(event);
      else noteDead(event, dead);
    }
    this.#revision = Math.max(this.#revision, compacted);
    this.#assigned = this.#revision;
    // A crash left these in the middle of a compaction. Best effort: what stays is found again at the next opening.
    if (dead.length > 0) this.#log.compact(compacted, Float64Array.from(dead)).catch(() => {});
  }

  get revision(): number {
    return this.#revision;
  }

  get compactedRevision(): number {
    return this.#history.compacted;
  }

  get(key: string): Entry | undefined {
    this.#checkOpen();
    return this.#entries.get(key);
  }

  list(prefix: string, options: ListOptions = {}): ListResult {
    this.#checkOpen();
    const revision = options.revision || this.#revision;
    this.#checkRevision(revision);
    const limit = options.limit || Infinity;
    // A key's successor is the key with the least character added.
    const from = options.after !== undefined && options.after >= prefix ? `${options.after}\0` : prefix;
    if (revision < this.#revision) return this.#listPast(prefix, from, limit, revision);
    const keys = this.#keys.range(from, prefix + END, limit);
    const last = keys.at(-1);
    const entries: Entry[] = [];
    for (const key of keys) {
      const entry = this.#entries.get(key);
      if (entry) entries.push(entry);
    }
    const remaining = last !== undefined && keys.length === limit ? this.#keys.count(`${last}\0`, prefix + END) : 0;
    return { entries, revision, remaining };
  }

  count(prefix: string): number {
    this.#checkOpen();
    return this.#keys.count(prefix, prefix + END);
  }

  put(key: string, value: Uint8Array, expected: number): Promise<Entry> {
    if (this.#closing) return Promise.reject(closedError());
    const pending = this.#pending.get(key);
    const current = pending ? pending.entry : this.#entries.get(key);
    if ((current?.revision ?? 0) !== expected) return refuse(key, expected, pending, current, false);
    const revision = ++this.#assigned;
    const entry: Entry = { key, value, revision, createRevision: current?.createRevision ?? revision };
    return this.#accept({ record: entry, entry, done: Promise.withResolvers() }).then(() => entry);
  }

  delete(key: string, expected: number): Promise<number> {
    if (this.#closing) return Promise.reject(closedError());
    const pending = this.#pending.get(key);
    const current = pending ? pending.entry : this.#entries.get(key);
    if (!current || current.revision !== expected) return refuse(key, expected, pending, current, true);
    const revision = ++this.#assigned;
    const record: LogRecord = { key, value: undefined, revision, createRevision: current.createRevision };
    return this.#accept({ record, entry: undefined, done: Promise.withResolvers() }).then(() => revision);
  }

  watch(prefix: string, options: WatchOptions): Disposable {
    this.#checkOpen();
    if (options.after < this.#history.compacted) throw compactedError(options.after, this.#history.compacted);
    const watch: Watch = { prefix, options, live: false, ended: false };
    this.#watches.add(watch);
    // What happened before comes once the caller has the watch in hand.
    queueMicrotask(() => {
      if (watch.ended) return;
      if (options.after < this.#history.compacted) {
        this.#watches.endOne(watch, compactedError(options.after, this.#history.compacted));
        return;
      }
      watch.live = true;
      deliver(watch, this.#history.after(options.after, prefix), this.#revision);
    });
    return { [Symbol.dispose]: () => this.#watches.remove(watch) };
  }

  async compact(revision: number): Promise<void> {
    this.#checkOpen();
    if (revision > this.#revision) throw futureError(revision, this.#revision);
    if (revision <= this.#history.compacted) return;
    const dead: number[] = [];
    for (const event of this.#history.compact(revision)) noteDead(event, dead);
    await this.#log.compact(revision, Float64Array.from(dead));
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      while (this.#queue.length > 0 || this.#committing) {
        this.#flush();
        await this.#committing;
      }
      this.#watches.end(closedError());
      await this.#log.close();
    })();
    return this.#closing;
  }

  #checkOpen(): void {
    if (this.#closing) throw closedError();
  }

  #checkRevision(revision: number): void {
    if (revision > this.#revision) throw futureError(revision, this.#revision);
    if (revision < this.#history.compacted) throw compactedError(revision, this.#history.compacted);
  }

  /** Makes a durable record part of the current state. */
  #apply(record: LogRecord, after: Entry | undefined): StoreEvent {
    const { key, revision } = record;
    const before = this.#entries.get(key);
    this.#revision = revision;
    if (!after) {
      this.#entries.delete(key);
      this.#keys.delete(key);
      return before ? { revision, key, before } : { revision, key };
    }
    this.#entries.set(key, after);
    if (before) return { revision, key, before, after };
    this.#keys.add(key);
    return { revision, key, after };
  }

  #listPast(prefix: string, from: string, limit: number, revision: number): ListResult {
    const past = this.#history.at(revision, prefix);
    const changed = Array.from(past.keys()).filter((key) => key >= from);
    // Enough of today's keys: each is either listed or one that changed.
    const keys = this.#keys.range(from, prefix + END, limit + changed.length);
    const entries: Entry[] = [];
    let last = from;
    for (let now = 0, then = 0; entries.length < limit && (now < keys.length || then < changed.length);) {
      const [key, other] = [keys[now] ?? END, changed[then] ?? END];
      last = key < other ? key : other;
      const entry = other <= key ? past.get(other) : this.#entries.get(key);
      if (key === last) now++;
      if (other === last) then++;
      if (entry) entries.push(entry);
    }
    if (entries.length < limit) return { entries, revision, remaining: 0 };
    let remaining = this.#keys.count(`${last}\0`, prefix + END);
    for (const [key, entry] of past) {
      if (key > last) remaining += (entry ? 1 : 0) - (this.#entries.has(key) ? 1 : 0);
    }
    return { entries, revision, remaining };
  }

  #accept(write: PendingWrite): Promise<void> {
    this.#pending.set(write.record.key, write);
    this.#queue.push(write);
    if (!this.#flushing && !this.#committing) {
      this.#flushing = true;
      this.#defer(() => {
        this.#flushing = false;
        this.#flush();
      });
    }
    return write.done.promise;
  }

  /** Starts the commit of all that was accepted, unless one is under way: its end starts the next. */
  #flush(): void {
    if (this.#committing || this.#queue.length === 0) return;
    const writes = this.#queue;
    this.#queue = [];
    this.#committing = this.#log.append(writes.map(({ record }) => record)).then(
      () => this.#committed(writes),
      (error: unknown) => this.#failed(writes, error),
    );
  }

  #committed(writes: readonly PendingWrite[]): void {
    this.#committing = undefined;
    this.#flush();
    const events: StoreEvent[] = [];
    for (const write of writes) {
      const event = this.#apply(write.record, write.entry);
      events.push(event);
      this.#history.push(event);
      if (this.#pending.get(event.key) === write) this.#pending.delete(event.key);
      write.done.resolve();
    }
    this.#watches.dispatch(events, this.#revision);
  }

  /** A failed commit takes all accepted writes with it, since the later ones were checked against the earlier ones. */
  #failed(writes: readonly PendingWrite[], error: unknown): void {
    this.#committing = undefined;
    const lost = writes.concat(this.#queue);
    this.#queue = [];
    this.#pending.clear();
    for (const write of lost) write.done.reject(error);
  }
}

/** Adds the revisions that an event leaves behind. A deletion goes after what it deleted, or a crash in between would bring that back. */
function noteDead({ revision, before, after }: StoreEvent, dead: number[]): void {
  if (before) dead.push(before.revision);
  if (!after) dead.push(revision);
}

function isEntry(record: LogRecord): record is Entry {
  return record.value !== undefined;
}

/** Refuses a write because of `current`, once that is durable: if it is pending and fails, nobody can say what is there. */
function refuse(
  key: string,
  expected: number,
  pending: PendingWrite | undefined,
  current: Entry | undefined,
  isDelete: boolean,
): Promise<never> {
  const error =
    isDelete && !current
      ? new StoreError("notFound", `key not found: ${key}`)
      : new StoreError("conflict", `key ${key} is at revision ${current?.revision ?? 0}, not ${expected}`, { current });
  return pending ? pending.done.promise.then(() => Promise.reject(error)) : Promise.reject(error);
}

function closedError(): StoreError {
  return new StoreError("closed", "the store is closed");
}

function compactedError(revision: number, compacted: number): StoreError {
  return new StoreError("compacted", `revision ${revision} is gone: history starts at ${compacted}`);
}

function futureError(revision: number, head: number): StoreError {
  return new StoreError("future", `revision ${revision} is in the future: the store is at ${head}`);
}
