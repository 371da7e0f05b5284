// The store: a revisioned key-value log with watch and compaction. It speaks bytes, keys and revisions and nothing else.
// One contract suite (store-contract.ts) holds for every implementation: memory, SQLite, later etcd.

/** One key at one revision. Shared: callers must not change the value's bytes. */
export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  /** The revision of the write that made this entry: a positive safe integer, rising over the whole store. */
  readonly revision: number;
  /** The revision at which the key was created last. */
  readonly createRevision: number;
}

/** A change, in revision order. A delete has no entry after; a create none before. */
export interface StoreEvent {
  readonly revision: number;
  readonly key: string;
  readonly before?: Entry;
  readonly after?: Entry;
}

export interface ListOptions {
  /** Read the past: the state as of this revision. Throws `compacted` below the compaction, `future` above the head. 0 or absent: now. */
  readonly revision?: number;
  /** At most this many entries; 0 or absent: all. */
  readonly limit?: number;
  /** Only keys strictly greater than this one (for continuing a limited list). */
  readonly after?: string;
}

export interface ListResult {
  /** In byte order of their keys (UTF-16 code unit order; keys are ASCII). */
  readonly entries: readonly Entry[];
  /** The revision the list shows. */
  readonly revision: number;
  /** How many more keys of the prefix follow when limit cut the list; 0 otherwise. */
  readonly remaining: number;
}

export interface WatchOptions {
  /** Deliver events with a revision greater than this one; throws `compacted` if they are gone. */
  readonly after: number;
  /** Called in revision order, with all events of the prefix that became durable together (at least one). Must not throw or block. */
  readonly onEvents: (events: readonly StoreEvent[]) => void;
  /** Called as the store makes durable progress past `revision` with nothing for this watch; at most once per commit. Feeds bookmarks. */
  readonly onProgress?: (revision: number) => void;
  /** The watch has ended on the store's side (closed, or it fell behind a compaction). Called at most once. */
  readonly onEnd?: (error: StoreError) => void;
}

/**
 * A store. All revisions come from one counter. A promise of a write resolves only when the write is durable as the
 * implementation promises, and watchers and readers see no write before that. Writes to one key are applied in call order.
 */
export interface Store {
  /** The last durable revision; a new store is at 1, so that every version a client sees is positive. */
  readonly revision: number;
  /** History below this revision is gone. */
  readonly compactedRevision: number;
  /** The durable entry of a key; undefined if there is none. Synchronous implementations answer from memory. */
  get(key: string): Entry | undefined | Promise<Entry | undefined>;
  /** The entries whose key starts with `prefix`. */
  list(prefix: string, options?: ListOptions): ListResult | Promise<ListResult>;
  /** How many keys start with `prefix`. */
  count(prefix: string): number | Promise<number>;
  /**
   * Writes a key if it is at `expected` (0: must not exist), counting writes that are accepted but not yet durable.
   * Throws `conflict` if it is not; its `current` holds what is there (once durable).
   */
  put(key: string, value: Uint8Array, expected: number): Promise<Entry>;
  /** Deletes a key if it is at `expected`. Resolves to the revision of the deletion. Throws `conflict`, or `notFound`. */
  delete(key: string, expected: number): Promise<number>;
  /** Starts a watch; dispose to stop. No event is delivered before this returns or after it is disposed. */
  watch(prefix: string, options: WatchOptions): Disposable;
  /** Forgets history below `revision` (the current state always stays). Watches behind it end. */
  compact(revision: number): Promise<void>;
  /** Makes accepted writes durable, ends watches, frees everything. Idempotent. */
  close(): Promise<void>;
}

export type StoreErrorCode = "conflict" | "notFound" | "compacted" | "future" | "closed" | "corrupt" | "locked" | "io";

/** The only error a store throws. apiserver/store-errors.ts alone translates it. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;
  /** With `conflict`: the entry that is there, undefined if the key does not exist. */
  readonly current?: Entry | undefined;
  constructor(code: StoreErrorCode, message: string, options: ErrorOptions & { current?: Entry | undefined } = {}) {
    super(message, options);
    this.code = code;
    this.current = options.current;
  }
}
