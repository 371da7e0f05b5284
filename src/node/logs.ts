// Reads container logs back from CRI's format: for `kubectl logs`, with all its options.

import { watch } from "node:fs";
import { open, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";

export interface LogOptions {
  /** Goes on as the container writes, until `signal` aborts or `ended` says that nothing more will come. */
  readonly follow?: boolean;
  /** Only so many lines from the end. */
  readonly tailLines?: number;
  /** Only lines written at or after this time (ms since the epoch). */
  readonly sinceMs?: number;
  /** Each line starts with its time. */
  readonly timestamps?: boolean;
  /** Stops after so many bytes of output. */
  readonly limitBytes?: number;
  /** Only this stream; default: both. */
  readonly stream?: "stdout" | "stderr";
  /** When following: whether the container has ended. Asked when the end of the file is reached. */
  readonly ended?: () => boolean | Promise<boolean>;
  readonly signal?: AbortSignal;
}

const CHUNK = 64 * 1024;
const NEWLINE = 10;
const SPACE = 32;
/** While following, the file is looked at this often even when the system tells of no change. */
const POLL_MS = 500;

/** The log's text in chunks. Ends early, without an error, when the signal aborts. Rejects if there is no such file. */
export async function* readLogs(path: string, options: LogOptions = {}): AsyncGenerator<Uint8Array, void, void> {
  let left = options.limitBytes ?? Infinity;
  let file = await open(path, "r");
  /** What has taken the file's place. */
  let next: FileHandle | undefined;
  try {
    let position = options.tailLines === undefined ? 0 : await tailStart(file, options.tailLines);
    const reader = createLineReader();
    const waiter = options.follow ? createWaiter(path, options.signal) : undefined;
    try {
      let sawEnd = false;
      while (!options.signal?.aborted && left > 0) {
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, position);
        if (bytesRead > 0) {
          position += bytesRead;
          sawEnd = false;
          const text = reader.add(buffer.subarray(0, bytesRead), options);
          if (text.length === 0) continue;
          const part = text.subarray(0, left);
          left -= part.length;
          yield part;
          continue;
        }
        if (waiter === undefined) return;
        if (next !== undefined) {
          await file.close();
          file = next;
          next = undefined;
          position = 0;
          continue;
        }
        // Rotated: the old file may have got more since its end was seen, so it is read once more.
        next = await reopened(path, file);
        if (next !== undefined) continue;
        // One more look after the end, for what was written before it.
        if (sawEnd) return;
        if (await options.ended?.()) sawEnd = true;
        else await waiter.wait();
      }
    } finally {
      waiter?.close();
    }
  } finally {
    await file.close();
    await next?.close();
  }
}

/** The file that has taken the path's place, or undefined if it is the same. */
async function reopened(path: string, file: FileHandle): Promise<FileHandle | undefined> {
  const [now, held] = await Promise.all([stat(path).catch(() => undefined), file.stat()]);
  return now === undefined || now.ino === held.ino ? undefined : open(path, "r").catch(() => undefined);
}

interface LineReader {
  /** What of the chunk is to be put out. */
  add(chunk: Uint8Array, options: LogOptions): Uint8Array;
}

function createLineReader(): LineReader {
  let rest: Uint8Array = new Uint8Array(0);
  /** The entry before was partial: the line goes on, its time was printed. */
  let inLine = false;
  return {
    add(chunk, options) {
      let data = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      const out: Uint8Array[] = [];
      for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE)) {
        const entry = parseEntry(data.subarray(0, end));
        data = data.subarray(end + 1);
        if (entry === undefined) continue;
        if (options.stream !== undefined && entry.stream !== options.stream) continue;
        if (options.sinceMs !== undefined && Date.parse(entry.time) < options.sinceMs) continue;
        if (options.timestamps && !inLine) out.push(Buffer.from(`${entry.time} `));
        out.push(entry.text);
        if (!entry.partial) out.push(Buffer.from("\n"));
        inLine = entry.partial;
      }
      rest = data.slice();
      return Buffer.concat(out);
    },
  };
}

interface LogEntry {
  readonly time: string;
  readonly stream: string;
  readonly partial: boolean;
  readonly text: Uint8Array;
}

/** `time stream tag text`; undefined for what is no entry. */
export function parseEntry(line: Uint8Array): LogEntry | undefined {
  const first = line.indexOf(SPACE);
  const second = line.indexOf(SPACE, first + 1);
  const third = line.indexOf(SPACE, second + 1);
  if (first < 0 || second < 0 || third < 0) return undefined;
  const head = Buffer.from(line.buffer, line.byteOffset, third).toString("latin1");
  const [time = "", stream = "", tags = ""] = head.split(" ");
  return { time, stream, partial: tags.split(":")[0] === "P", text: line.subarray(third + 1) };
}

/** Where the last `lines` lines begin, found from the end. */
async function tailStart(file: FileHandle, lines: number): Promise<number> {
  let end = (await file.stat()).size;
  if (lines <= 0) return end;
  let found = 0;
  // The newline at the very end closes the last line and begins none.
  let isLast = true;
  while (end > 0) {
    const start = Math.max(0, end - CHUNK);
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(end - start), 0, end - start, start);
    for (let index = bytesRead - 1; index >= 0; index--) {
      if (buffer[index] !== NEWLINE) {
        isLast = false;
      } else if (isLast) {
        isLast = false;
      } else if (++found === lines) {
        return start + index + 1;
      }
    }
    end = start;
  }
  return 0;
}

/** Waits for a change of the file or its folder (rotation). */
function createWaiter(path: string, signal: AbortSignal | undefined): { wait(): Promise<void>; close(): void } {
  let changed = false;
  let wake: (() => void) | undefined;
  const notify = () => {
    changed = true;
    wake?.();
  };
  let watcher: { close(): void } | undefined;
  try {
    watcher = watch(dirname(path), { persistent: false }, notify).on("error", () => {});
  } catch {
    // Polling does it, too.
  }
  signal?.addEventListener("abort", notify, { once: true });
  return {
    async wait() {
      if (!changed && !signal?.aborted) {
        await new Promise<void>((resolve) => {
          // Logs are files of the real world, whatever clock the cluster runs on.
          const timer = setTimeout(resolve, POLL_MS);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        wake = undefined;
      }
      changed = false;
    },
    close() {
      watcher?.close();
      signal?.removeEventListener("abort", notify);
    },
  };
}
