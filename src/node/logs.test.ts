import assert from "node:assert/strict";
import { appendFile, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { readLogs, type LogOptions } from "./logs.ts";
import { openLog } from "./process-runtime/log-writer.ts";

const at = (second: number) => `2026-01-01T00:00:0${second}.000000000Z`;

describe("readLogs", () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "kobune-logs-"));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  const TEXT = `${at(1)} stdout F one\n${at(2)} stderr F two\n${at(3)} stdout P thr\n${at(3)} stdout F ee\n${at(4)} stdout F \n${at(5)} stdout P end\n`;
  const cases: [name: string, options: LogOptions, wanted: string][] = [
    ["all", {}, "one\ntwo\nthree\n\nend"],
    ["the last lines", { tailLines: 2 }, "\nend"],
    ["no lines", { tailLines: 0 }, ""],
    ["more lines than there are", { tailLines: 99 }, "one\ntwo\nthree\n\nend"],
    ["since a time", { sinceMs: Date.parse(at(3)) }, "three\n\nend"],
    ["with times", { timestamps: true, tailLines: 3 }, `${at(3)} ee\n${at(4)} \n${at(5)} end`],
    ["with times, one for a split line", { timestamps: true, sinceMs: Date.parse(at(3)) }, `${at(3)} three\n${at(4)} \n${at(5)} end`],
    ["so many bytes", { limitBytes: 5 }, "one\nt"],
    ["one stream", { stream: "stderr" }, "two\n"],
  ];
  for (const [name, options, wanted] of cases) {
    it(`gives ${name}`, async () => {
      const path = join(dir, "table.log");
      await writeFile(path, TEXT);
      assert.equal(await collect(readLogs(path, options)), wanted);
    });
  }

  it("follows through rotation until the container has ended", async () => {
    const path = join(dir, "follow.log");
    await writeFile(path, `${at(1)} stdout F one\n`);
    let ended = false;
    const text = collect(readLogs(path, { follow: true, ended: () => ended }));
    await appendFile(path, `${at(2)} stdout F two\n`);
    await rename(path, `${path}.1`);
    await writeFile(path, `${at(3)} stdout F three\n`);
    ended = true;
    assert.equal(await text, "one\ntwo\nthree\n");
  });

  it("stops following when told", async () => {
    const path = join(dir, "abort.log");
    await writeFile(path, `${at(1)} stdout F one\n`);
    const stop = new AbortController();
    const text = collect(readLogs(path, { follow: true, signal: stop.signal }), () => stop.abort());
    assert.equal(await text, "one\n");
  });

  it("reads what the log writer wrote, long lines and rotation included", async () => {
    const path = join(dir, "written.log");
    const writer = await openLog({ path, now: () => Date.parse(at(1)), maxBytes: 200_000, maxFiles: 3 });
    const long = "x".repeat(40_000);
    await writer.write("stdout", Buffer.from(`${long}\nshort`));
    await writer.write("stdout", Buffer.from(" line\n"));
    await writer.close();
    assert.equal(await collect(readLogs(path)), `${long}\nshort line\n`);
  });

  it("rotates at the limit, keeps the newest files, and reads on over the seam", async () => {
    const path = join(dir, "rotated", "0.log");
    let now = Date.parse(at(1));
    // A line is 40 bytes of head and 60 of text: ten make a file full.
    const writer = await openLog({ path, now: () => (now += 1000), maxBytes: 1000, maxFiles: 3 });
    const line = (number: number) => `${String(number).padStart(3, "0")}${"x".repeat(60)}`;
    const followed = new AbortController();
    let seen = "";
    const following = (async () => {
      for await (const chunk of readLogs(path, { follow: true, signal: followed.signal })) seen += Buffer.from(chunk).toString();
    })();
    const wanted = Array.from({ length: 60 }, (_, index) => line(index));
    for (const [index, text] of wanted.entries()) {
      await writer.write("stdout", Buffer.from(`${text}\n`));
      // Followers are told by the file system; each part must be seen before its file is gone.
      if (index % 5 === 4) await waitFor(() => seen.split("\n").length > index + 1);
    }
    await writer.close();
    followed.abort();
    await following;
    assert.deepEqual(seen.trimEnd().split("\n"), wanted);
    const files = (await readdir(join(dir, "rotated"))).sort();
    assert.equal(files.length, 3, files.join());
    assert.equal(files[0], "0.log");
    for (const file of files) assert.ok((await stat(join(dir, "rotated", file))).size <= 1200, file);
    const kept = await collect(readLogs(path));
    assert.ok(wanted.join("\n").endsWith(kept.trimEnd()), "what is left is the end");
  });
});

async function waitFor(done: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!done()) {
    if (Date.now() > deadline) assert.fail("not within 5 s");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function collect(chunks: AsyncIterable<Uint8Array>, onChunk?: () => void): Promise<string> {
  let text = "";
  for await (const chunk of chunks) {
    text += Buffer.from(chunk).toString();
    onChunk?.();
  }
  return text;
}
