// docs/api.md says what is served.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { servedTable, withTable } from "../../tools/api-table.ts";

void test("the table of docs/api.md is what discovery tells; tools/api-table.ts writes it anew", async () => {
  const page = readFileSync(join(import.meta.dirname, "../../docs/api.md"), "utf8");
  assert.equal(withTable(page, await servedTable()), page);
});
