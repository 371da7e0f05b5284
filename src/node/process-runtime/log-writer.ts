// Writes a container's output in CRI's log format, `time stream F|P text`, and rotates the file.

import { mkdir, open, readdir, rename, unlink, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

export type LogStream = "stdout" | "stderr";

export interface LogWriter {
  /** Takes a chunk. A promise means: the disk is behind, wait for it before sending more. */
  write(stream: LogStream, chunk: Uint8Array): Promise<void> | undefined;
  /** Writes what is left, unfinished lines as partial ones, and closes the file. */
  close(): Promise<void>;
}

export interface LogWriterOptions {
  readonly path: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The file is rotated once it is larger; default 10 MiB. */
  readonly maxBytes?: number;
  /** Files kept, the current one included; default 5. */
  readonly maxFiles?: number;
}

/** Longest text of one entry; longer lines become several partial ones, as containerd does. */
const MAX_LINE = 16 * 1024;
/** Bytes that may wait for the disk before the writer asks to be waited for. */
const HIGH_WATER = 1024 * 1024;
const NEWLINE = 10;

export async function openLog(options: LogWriterOptions): Promise<LogWriter> {
  const { path, now, maxBytes = 10 * 1024 * 1024, maxFiles = 5 } = options;
  await mkdir(dirname(path), { recursive: true });
  let file: FileHandle = await open(path, "a", 0o640);
  let size = (await file.stat()).size;
  let waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let flushing: Promise<void> | undefined;
  /** Beginnings of lines whose end has not come yet. */
  const rest: Record<LogStream, Uint8Array> = { stdout: new Uint8Array(0), stderr: new Uint8Array(0) };
  let stampAt = -1;
  let stamp = "";

  const entry = (stream: LogStream, tag: "F" | "P", text: Uint8Array) => {
    const at = now();
    if (at !== stampAt) {
      stampAt = at;
      stamp = new Date(at).toISOString().replace("Z", "000000Z");
    }
    const head = Buffer.from(`${stamp} ${stream} ${tag} `);
    const line = Buffer.allocUnsafe(head.length + text.length + 1);
    head.copy(line);
    line.set(text, head.length);
    line[line.length - 1] = NEWLINE;
    waiting.push(line);
    waitingBytes += line.length;
  };

  const rotate = async () => {
    await file.close();
    const suffix = new Date(now()).toISOString().replace(/[-:]/g, "").replace("T", "-").replace(".", "").slice(0, 18);
    await rename(path, `${path}.${suffix}`);
    file = await open(path, "a", 0o640);
    size = 0;
    const name = basename(path);
    const old = (await readdir(dirname(path))).filter((entryName) => entryName.startsWith(`${name}.`)).sort();
    for (const extra of old.slice(0, Math.max(0, old.length - (maxFiles - 1)))) await unlink(join(dirname(path), extra));
  };

  const flush = async () => {
    while (waiting.length > 0) {
      const batch = Buffer.concat(waiting);
      waiting = [];
      waitingBytes = 0;
      await file.appendFile(batch);
      size += batch.length;
      if (size > maxBytes) await rotate();
    }
  };
  /** At most one flush runs; output that comes meanwhile is part of its next round. */
  const startFlush = (): Promise<void> => {
    flushing ??= flush().finally(() => {
      flushing = undefined;
    });
    return flushing;
  };

  return {
    write(stream, chunk) {
      let data = rest[stream].length === 0 ? chunk : Buffer.concat([rest[stream], chunk]);
      for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE)) {
        let line = data.subarray(0, end);
        for (; line.length > MAX_LINE; line = line.subarray(MAX_LINE)) entry(stream, "P", line.subarray(0, MAX_LINE));
        entry(stream, "F", line);
        data = data.subarray(end + 1);
      }
      for (; data.length > MAX_LINE; data = data.subarray(MAX_LINE)) entry(stream, "P", data.subarray(0, MAX_LINE));
      // A copy: the chunk's memory belongs to the stream.
      rest[stream] = data.slice();
      const flushed = startFlush();
      if (waitingBytes > HIGH_WATER) return flushed;
      // A full disk must not end the process; the loss shows in close().
      flushed.catch(() => {});
      return undefined;
    },
    async close() {
      for (const stream of ["stdout", "stderr"] as const) if (rest[stream].length > 0) entry(stream, "P", rest[stream]);
      try {
        await startFlush();
        // A flush that was under way may have taken its last batch before the lines above.
        if (waiting.length > 0) await startFlush();
      } finally {
        await file.close();
      }
    },
  };
}
