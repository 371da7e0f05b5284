import assert from "node:assert/strict";
import { test } from "node:test";
import { imageNameProblem } from "./image-name.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;

void test("image names that can be", () => {
  for (const name of [
    "nginx",
    "a/b",
    "a__b/c-d.e",
    "localhost/x",
    "host:5000/a/b:v1.2-x_y",
    `x@${DIGEST}`,
    `r.io/x:1@${DIGEST}`,
    "[::1]:80/x",
  ])
    assert.equal(imageNameProblem(name), undefined, name);
});

void test("image names that cannot be, in the words of container runtimes", () => {
  const cases: [name: string, problem: string][] = [
    ["a b", "invalid reference format"],
    ["x:", "invalid reference format"],
    ["x//y", "invalid reference format"],
    ["-x", "invalid reference format"],
    ["x@sha256:12", "invalid reference format"],
    ["Nginx", "invalid reference format: repository name (library/Nginx) must be lowercase"],
    ["r.io/App", "invalid reference format: repository name (App) must be lowercase"],
    ["a".repeat(64), `invalid repository name (${"a".repeat(64)}), cannot specify 64-byte hexadecimal strings`],
  ];
  for (const [name, problem] of cases) assert.equal(imageNameProblem(name), problem, name);
});
