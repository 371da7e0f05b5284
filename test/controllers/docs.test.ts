import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type BuiltinControllersOptions, builtinControllers } from "#controllers/list.ts";
import { kindControllers } from "#kinds/controllers.ts";

test("docs/controllers.md has a row for every controller, and for no other", () => {
  // Only what they are called is looked at: nothing is run.
  const never = () => assert.fail("run");
  const options = { ca: "PEM", bootstrap: {}, signCertificate: never, signToken: never } as unknown as BuiltinControllersOptions;
  const { controllers, loops } = builtinControllers(options);
  const names = [...kindControllers(), ...controllers, ...loops].map(({ name }) => name).toSorted();
  const text = readFileSync(new URL("../../docs/controllers.md", import.meta.url), "utf8");
  const cells = Array.from(text.matchAll(/^\| ([^|]*`[^|]*) \|/gm), ([, cell = ""]) => cell.replace(/\(account: .*?\)/, ""));
  const documented = cells.flatMap((cell) => Array.from(cell.matchAll(/`([^`]+)`/g), ([, name = ""]) => name)).toSorted();
  assert.deepEqual(documented, names);
});
