// The entry of the worker thread that owns the database file: it appends, compacts and syncs, so that no other thread waits for the disk.
import { closeSync, openSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { StatementSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import type { LogRecord } from "./log-store.ts";
import { decodeRecords, encodeRecords } from "./record-codec.ts";
import type { StoreErrorCode } from "./store.ts";

export interface SqliteWorkerData {
  readonly path: string;
  /** The file may not grow beyond this; 0: no limit. */
  readonly maxBytes: number;
}

export type SqliteRequest =
  | { readonly type: "append"; readonly id: number; readonly records: ArrayBuffer }
  | { readonly type: "compact"; readonly id: number; readonly revision: number; readonly dead: Float64Array }
  | { readonly type: "close"; readonly id: number };

/** First the contents in pieces, then `loaded`; or `refused`. Then one `done` or `failed` for each request. */
export type SqliteReply =
  | { readonly type: "contents"; readonly compacted: number; readonly records: ArrayBuffer }
  | { readonly type: "loaded" }
  | { readonly type: "refused"; readonly code: StoreErrorCode; readonly message: string }
  | { readonly type: "done"; readonly id: number }
  | { readonly type: "failed"; readonly id: number; readonly code: StoreErrorCode; readonly message: string };

/** Marks the file as ours ("Kobu"). */
const APPLICATION_ID = 0x4b6f6275;
const FORMAT_VERSION = 1;
const PAGE_BYTES = 8192;
/** Values live as views of the piece they came in: small pieces, so that a survivor does not hold much that is dead. */
const PIECE_BYTES = 64 * 1024;
/** Rows deleted in one transaction of a compaction: a few milliseconds, for which a commit may have to wait. */
const COMPACT_ROWS = 256;
/** SQLite's primary result codes. */
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/** A file that is not what it should be. */
class CorruptError extends Error {}

/** A compaction whose rows are being deleted. */
interface Deletion {
  readonly id: number;
  readonly dead: Float64Array;
  next: number;
}

function openDatabase({ path, maxBytes }: SqliteWorkerData): DatabaseSync {
  createFile(path);
  const db = new DatabaseSync(path, { timeout: 0 });
  db.exec(`PRAGMA page_size=${PAGE_BYTES}; PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
    PRAGMA journal_size_limit=${64 * 1024 * 1024}; PRAGMA wal_autocheckpoint=4000;`);
  if (maxBytes > 0) db.exec(`PRAGMA max_page_count=${Math.max(1, Math.floor(maxBytes / PAGE_BYTES))}`);
  // Takes the lock, which the kernel drops when the process ends, however it ends.
  db.exec("BEGIN EXCLUSIVE");
  const application = pragma(db, "application_id");
  if (application === 0 && db.prepare("SELECT count(*) AS n FROM sqlite_schema").get()?.["n"] === 0) {
    db.exec(`PRAGMA application_id=${APPLICATION_ID}; PRAGMA user_version=${FORMAT_VERSION};
      CREATE TABLE kv(rev INTEGER PRIMARY KEY, created INTEGER NOT NULL, k TEXT NOT NULL, v BLOB) STRICT;
      CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
      INSERT INTO meta VALUES('compacted', 0);`);
  } else if (application !== APPLICATION_ID) throw new CorruptError("the file is a database of another application");
  else if (pragma(db, "user_version") !== FORMAT_VERSION) throw new CorruptError("the file has a format of another version");
  db.exec("COMMIT");
  return db;
}

/**
 * Makes the file if it is missing. The store holds secrets: nobody else may read it; SQLite gives its side files the same
 * rights. A file that is there must not even be opened: closing it would drop the lock that another store of this process has on it.
 */
function createFile(path: string): void {
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
  }
}

function pragma(db: DatabaseSync, name: string): unknown {
  return db.prepare(`PRAGMA ${name}`).get()?.[name];
}

/** Sends all records in revision order. */
function load(db: DatabaseSync, port: MessagePort): void {
  const compacted = Number(db.prepare("SELECT value FROM meta WHERE name='compacted'").get()?.["value"] ?? NaN);
  if (!Number.isSafeInteger(compacted)) throw new CorruptError("the revision of the last compaction is missing");
  const rows = db.prepare("SELECT rev, created, k, v FROM kv ORDER BY rev");
  rows.setReturnArrays(true);
  let piece: LogRecord[] = [];
  let size = 0;
  const send = () => {
    const records = encodeRecords(piece);
    reply(port, { type: "contents", compacted, records }, [records]);
    piece = [];
    size = 0;
  };
  // The types of the columns are those of the table, which is STRICT.
  for (const row of rows.iterate() as Iterable<unknown> as Iterable<[number, number, string, Uint8Array | null]>) {
    const [revision, createRevision, key, value] = row;
    piece.push({ revision, createRevision, key, value: value ?? undefined });
    size += key.length + (value?.length ?? 0);
    if (size >= PIECE_BYTES) send();
  }
  send();
  reply(port, { type: "loaded" });
}

/** Runs `work` in one transaction: durable when this returns, and none of it if this throws. */
function transaction(db: DatabaseSync, work: () => void): void {
  db.exec("BEGIN IMMEDIATE");
  try {
    work();
    db.exec("COMMIT");
  } catch (error) {
    // Some errors, such as a full disk, have rolled back already.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function serve(db: DatabaseSync, port: MessagePort): void {
  const insert = db.prepare("INSERT INTO kv VALUES(?, ?, ?, ?)");
  const remove = db.prepare("DELETE FROM kv WHERE rev=?");
  const setCompacted = db.prepare("UPDATE meta SET value=? WHERE name='compacted'");
  const deletions: Deletion[] = [];
  const attempt = (id: number, work: () => boolean) => {
    try {
      if (work()) reply(port, { type: "done", id });
      return true;
    } catch (error) {
      reply(port, { type: "failed", id, ...explain(error) });
      return false;
    }
  };
  /** Deletes some rows, then lets requests that have arrived go first. */
  const step = () => {
    const current = deletions[0];
    if (!current) return;
    const goesOn = attempt(current.id, () => {
      const until = Math.min(current.next + COMPACT_ROWS, current.dead.length);
      if (until > current.next) transaction(db, () => removeRows(remove, current.dead.subarray(current.next, until)));
      current.next = until;
      return until === current.dead.length;
    });
    if (!goesOn || current.next === current.dead.length) deletions.shift();
    if (deletions.length > 0) setImmediate(step);
  };
  port.on("message", (request: SqliteRequest) => {
    switch (request.type) {
      case "append":
        attempt(request.id, () => {
          transaction(db, () => insertRows(insert, decodeRecords(request.records)));
          return true;
        });
        break;
      case "compact": {
        const noted = attempt(request.id, () => {
          transaction(db, () => setCompacted.run(request.revision));
          return false;
        });
        if (noted && deletions.push({ id: request.id, dead: request.dead, next: 0 }) === 1) setImmediate(step);
        break;
      }
      case "close":
        // Rows that are still to be deleted are found again at the next opening.
        deletions.length = 0;
        attempt(request.id, () => {
          db.close();
          return true;
        });
        port.close();
    }
  });
}

function insertRows(insert: StatementSync, records: readonly LogRecord[]): void {
  for (const { revision, createRevision, key, value } of records) insert.run(revision, createRevision, key, value ?? null);
}

function removeRows(remove: StatementSync, revisions: Float64Array): void {
  for (const revision of revisions) remove.run(revision);
}

function explain(error: unknown): { code: StoreErrorCode; message: string } {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof CorruptError) return { code: "corrupt", message };
  const result = error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : 0;
  if (result === SQLITE_BUSY) return { code: "locked", message: "another process or store has it open" };
  return { code: result === SQLITE_CORRUPT || result === SQLITE_NOTADB ? "corrupt" : "io", message };
}

function reply(port: MessagePort, message: SqliteReply, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

function main(port: MessagePort, data: SqliteWorkerData): void {
  try {
    const db = openDatabase(data);
    load(db, port);
    serve(db, port);
  } catch (error) {
    reply(port, { type: "refused", ...explain(error) });
  }
}

if (parentPort) main(parentPort, workerData as SqliteWorkerData); // As sqlite-store.ts starts it.
