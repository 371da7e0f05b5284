import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { until } from "#harness/until.ts";
import { processStart, readRunRecord, type RunRecord, writeRunRecord } from "./run-file.ts";

const folder = mkdtempSync(join(tmpdir(), "kobune-run-file-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const record = (pid: number, start: string): RunRecord => ({
  pid,
  processStart: start,
  url: "https://127.0.0.1:1",
  version: "0",
  nodes: 1,
  runtime: "process",
  store: "sqlite",
  kubeconfig: "",
  context: "kobune",
  startedAt: "",
});

test("the record of a live process is found again", () => {
  writeRunRecord(folder, record(process.pid, processStart(process.pid)));
  assert.equal(readRunRecord(folder)?.pid, process.pid);
});

test("a process that only has the pid of the one recorded is not taken for it", () => {
  writeRunRecord(folder, record(process.pid, "1"));
  assert.equal(readRunRecord(folder), undefined);
});

test("a killed process that nobody has reaped yet does not count as running", async () => {
  // The shell's child is killed and stays a zombie for as long as the shell does not wait for it.
  const shell = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const pid = Number(
      await new Promise<string>((resolve) => shell.stdout.once("data", (data: Buffer) => resolve(data.toString().trim()))),
    );
    writeRunRecord(folder, record(pid, processStart(pid)));
    assert.equal(readRunRecord(folder)?.pid, pid);
    process.kill(pid, "SIGKILL");
    await until("no longer running", () => Promise.resolve(readRunRecord(folder) === undefined));
    process.kill(pid, 0); // still in the process table
  } finally {
    shell.kill("SIGKILL");
  }
});
