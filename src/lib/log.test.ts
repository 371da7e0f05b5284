import assert from "node:assert/strict";
import { test } from "node:test";
import { createLogger } from "./log.ts";

test("a line has time, level, message and fields; lines below the level are dropped", () => {
  const lines: string[] = [];
  const log = createLogger({ level: "info", write: (line) => lines.push(line), now: () => 0 }).with({ component: "api" });
  log.debug("unseen");
  log.warn("slow request", { ms: 12, uri: "/a b" });
  assert.deepEqual(lines, ['1970-01-01T00:00:00.000Z WARN  slow request component=api ms=12 uri="/a b"']);
});

test("in JSON a line is one object, errors with their stack", () => {
  const lines: string[] = [];
  const log = createLogger({ level: "debug", write: (line) => lines.push(line), now: () => 1000, format: "json" });
  log.with({ component: "api" }).error("failed", { error: new Error("why"), code: 500 });
  const { error, ...rest } = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  assert.deepEqual(rest, { ts: "1970-01-01T00:00:01.000Z", level: "error", msg: "failed", component: "api", code: 500 });
  assert.match(String(error), /^Error: why\n {4}at /);
});
