// The embedded default: everything that is read lies in memory, everything that is written goes to SQLite, in a worker thread.
import { Worker } from "node:worker_threads";
import { LogStore } from "./log-store.ts";
import type { Log, LogContents, LogRecord } from "./log-store.ts";
import { decodeRecords, encodeRecords } from "./record-codec.ts";
import type { SqliteReply, SqliteRequest, SqliteWorkerData } from "./sqlite-worker.ts";
import { StoreError } from "./store.ts";
import type { Store } from "./store.ts";

export interface SqliteStoreOptions {
  /** The database file; made if it does not exist, in a folder that does. SQLite keeps `-wal` beside it. */
  readonly path: string;
  /** The file may not grow beyond this: writes that need more fail with `io`. Absent: no limit. */
  readonly maxBytes?: number;
}

/** Opens a store. Rejects with `locked` if another process or store has the file open, `corrupt` if it is damaged. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const log = new SqliteLog(options);
  const store = new LogStore(log, { defer: setImmediate });
  await log.load((contents) => store.replay(contents));
  return store;
}

/** The log in a SQLite file. */
export class SqliteLog implements Log {
  readonly #path: string;
  readonly #worker: Worker;
  readonly #requests = new Map<number, PromiseWithResolvers<void>>();
  #lastId = 0;
  #broken: StoreError | undefined;
  /** Ends when the worker has exited. */
  readonly #exited = Promise.withResolvers<void>();
  readonly #loaded = Promise.withResolvers<void>();
  #onContents: (contents: LogContents) => void = () => {};

  constructor(options: SqliteStoreOptions) {
    this.#path = options.path;
    const workerData: SqliteWorkerData = { path: options.path, maxBytes: options.maxBytes ?? 0 };
    this.#worker = new Worker(workerUrl(import.meta.url), {
      workerData,
      name: "kobune-sqlite",
      // node:sqlite still warns that it is new under Node 24.
      execArgv: ["--disable-warning=ExperimentalWarning"],
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 },
    });
    this.#loaded.promise.catch(() => {}); // Also told to whoever calls load().
    this.#worker.on("message", (reply: SqliteReply) => this.#onReply(reply));
    this.#worker.on("error", (error) => this.#break("io", `its thread failed: ${String(error)}`, error));
    this.#worker.on("exit", () => {
      this.#break("io", "its thread has ended");
      this.#exited.resolve();
    });
  }

  /** Hands over what the file holds, piece by piece. To be called once, first, and at once. */
  async load(onContents: (contents: LogContents) => void): Promise<void> {
    this.#onContents = onContents;
    try {
      await this.#loaded.promise;
    } catch (error) {
      await this.#worker.terminate();
      throw error;
    }
  }

  append(records: readonly LogRecord[]): Promise<void> {
    const encoded = encodeRecords(records);
    return this.#request((id) => ({ type: "append", id, records: encoded }), [encoded]);
  }

  compact(revision: number, dead: Float64Array<ArrayBuffer>): Promise<void> {
    return this.#request((id) => ({ type: "compact", id, revision, dead }), [dead.buffer]);
  }

  async close(): Promise<void> {
    try {
      if (!this.#broken) await this.#request((id) => ({ type: "close", id }));
    } finally {
      await this.#exited.promise;
    }
  }

  #request(make: (id: number) => SqliteRequest, transfer: ArrayBuffer[] = []): Promise<void> {
    if (this.#broken) return Promise.reject(this.#broken);
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<void>();
    this.#requests.set(id, answer);
    this.#worker.postMessage(make(id), transfer);
    return answer.promise;
  }

  #onReply(reply: SqliteReply): void {
    switch (reply.type) {
      case "contents":
        this.#take(reply);
        break;
      case "loaded":
        this.#loaded.resolve();
        break;
      case "refused":
        this.#break(reply.code, reply.message);
        break;
      case "done":
        this.#requests.get(reply.id)?.resolve();
        this.#requests.delete(reply.id);
        break;
      case "failed":
        this.#requests.get(reply.id)?.reject(this.#error(reply.code, reply.message));
        this.#requests.delete(reply.id);
    }
  }

  #take(contents: { readonly compacted: number; readonly records: ArrayBuffer }): void {
    try {
      this.#onContents({ compacted: contents.compacted, records: decodeRecords(contents.records) });
    } catch (error) {
      this.#break("corrupt", "its records make no sense", error);
    }
  }

  /** The first reason why nothing works any more. */
  #break(code: StoreError["code"], message: string, cause?: unknown): void {
    this.#broken ??= this.#error(code, message, cause);
    this.#loaded.reject(this.#broken);
    for (const answer of this.#requests.values()) answer.reject(this.#broken);
    this.#requests.clear();
  }

  #error(code: StoreError["code"], message: string, cause?: unknown): StoreError {
    return new StoreError(code, `store ${this.#path}: ${message}`, { cause });
  }
}

/** The worker's file: beside this one in the sources; in a build it is an entry, and this module may be in a chunk one folder down. */
function workerUrl(self: string): URL {
  if (self.endsWith(".ts")) return new URL("./sqlite-worker.ts", self);
  return new URL(/\/chunks\/[^/]+$/.test(self) ? "../sqlite-worker.js" : "./sqlite-worker.js", self);
}
