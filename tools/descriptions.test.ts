import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { builtinStructure } from "#kinds/structure.ts";

const folder = mkdtempSync(join(tmpdir(), "descriptions-"));
after(() => rmSync(folder, { recursive: true }));

/** Upstream itself has no words for these (or, of options, at their operations only). */
const UNSAID = /\.(?:JSONSchemaProps|ExternalDocumentation|\w+Options|WatchEvent)$/;
const UNSAID_FIELDS = new Set([
  "ListMeta.shardInfo",
  "CertificateSigningRequest.metadata",
  "CertificateSigningRequestList.metadata",
  "IngressRule.http",
]);

test("every field of every kind is described", () => {
  const out = join(folder, "texts.gz");
  execFileSync(process.execPath, [join(import.meta.dirname, "descriptions.ts"), "--out", out]);
  const texts = JSON.parse(gunzipSync(readFileSync(out)).toString("utf8")) as Record<string, Record<string, string>>;
  const structure = builtinStructure();
  const silent: string[] = [];
  for (const [definition, fields] of Object.entries(texts)) {
    if (!structure.has(definition) || UNSAID.test(definition)) continue;
    for (const field of structure.schema(definition).fields?.keys() ?? []) {
      const name = `${definition.slice(definition.lastIndexOf(".") + 1)}.${field}`;
      if (fields[field] === undefined && !UNSAID_FIELDS.has(name)) silent.push(`${definition}.${field}`);
    }
  }
  assert.deepEqual(silent, []);
  assert.match(texts["io.k8s.api.core.v1.Pod"]?.["spec"] ?? "", /^Specification of the desired behavior of the pod\./);
});
