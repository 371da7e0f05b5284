import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFile } from "./check-layers.ts";

const cases: readonly { readonly name: string; readonly file: string; readonly text: string; readonly problems: number }[] = [
  { name: "a component may import the client", file: "src/node/agent.ts", text: 'import { x } from "#client/client.ts";', problems: 0 },
  { name: "a component may not import another", file: "src/node/agent.ts", text: 'import { x } from "#network/x.ts";', problems: 1 },
  {
    name: "a component may not import the store",
    file: "src/scheduler/x.ts",
    text: 'import type { S } from "#store/store.ts";',
    problems: 1,
  },
  {
    name: "the API server may not name kinds",
    file: "src/apiserver/x.ts",
    text: 'import { Pod } from "#kinds/api/core-v1.gen.ts";',
    problems: 1,
  },
  {
    name: "a kind's server part may import the API server",
    file: "src/kinds/core/pod/server.ts",
    text: 'import { x } from "#apiserver/extension.ts";',
    problems: 0,
  },
  { name: "a kind itself may not", file: "src/kinds/core/pod/kind.ts", text: 'import { x } from "#apiserver/extension.ts";', problems: 1 },
  {
    name: "pure layers may not touch the machine",
    file: "src/meta/x.ts",
    text: 'import { readFile } from "node:fs/promises";',
    problems: 1,
  },
  { name: "a test in a pure layer may", file: "src/meta/x.test.ts", text: 'import { test } from "node:test";', problems: 0 },
  {
    name: "relative and dynamic imports count",
    file: "src/lib/x.ts",
    text: `const y = await ${"import"}("../meta/object.ts");`,
    problems: 1,
  },
  { name: "a re-export counts", file: "src/lib/x.ts", text: 'export { y } from "#meta/object.ts";', problems: 1 },
  { name: "a string is no import", file: "src/lib/x.ts", text: 'export const folder = join("..", "meta");', problems: 0 },
  { name: "a file in no layer fails", file: "src/elsewhere/x.ts", text: "", problems: 1 },
];

for (const { name, file, text, problems } of cases) {
  test(name, () => assert.equal(checkFile(file, text).length, problems, checkFile(file, text).join("\n")));
}
