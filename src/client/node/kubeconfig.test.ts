import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  connectionOf,
  kubeconfigOf,
  mergeIntoKubeconfig,
  parseKubeconfig,
  readKubeconfig,
  removeEntry,
  type Kubeconfig,
} from "./kubeconfig.ts";

const entry = { name: "kobune", server: "https://127.0.0.1:6443", ca: "CA", cert: "CERT", key: "KEY" };

async function folder() {
  const path = await mkdtemp(join(tmpdir(), "kubeconfig-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

const OTHERS = `# mine
apiVersion: v1
kind: Config
current-context: work
preferences: {}
clusters:
- name: work
  cluster: { server: "https://work.example:443", certificate-authority: ca.crt, extensions: [{ name: x, extension: { a: 1 } }] }
contexts:
- name: work
  context: { cluster: work, user: me, namespace: team }
users:
- name: me
  user: { token: secret }
`;

test("an entry is merged in and all others stay as they are", async () => {
  await using dir = await folder();
  const path = join(dir.path, "config");
  await writeFile(path, OTHERS);
  await mergeIntoKubeconfig(path, entry, { makeCurrent: false });
  await mergeIntoKubeconfig(path, { ...entry, server: "https://127.0.0.1:7443" }, { makeCurrent: false });
  const before = await parseKubeconfig(OTHERS, "test");
  const after = await readKubeconfig(path);
  assert.equal(after?.["current-context"], "work");
  assert.deepEqual(after?.clusters?.[0], before.clusters?.[0]);
  assert.deepEqual(after?.users?.[0], before.users?.[0]);
  assert.deepEqual(
    after?.clusters?.map(({ name, cluster }) => [name, cluster.server]),
    [
      ["work", "https://work.example:443"],
      ["kobune", "https://127.0.0.1:7443"],
    ],
  );
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(removeEntry(after ?? {}, "kobune").contexts, before.contexts);
});

test("a file that is no kubeconfig is refused and left alone", async () => {
  await using dir = await folder();
  const path = join(dir.path, "config");
  for (const text of ["- a\n- b\n", "clusters: yes\n", "a: [\n"]) {
    await writeFile(path, text);
    await assert.rejects(mergeIntoKubeconfig(path, entry, { makeCurrent: true }), /cannot read kubeconfig/);
    assert.equal(await readFile(path, "utf8"), text);
  }
});

test("a missing file and its folder are made; a symbolic link is followed", async () => {
  await using dir = await folder();
  const path = join(dir.path, "new", "config");
  await mergeIntoKubeconfig(path, entry, { makeCurrent: true });
  assert.deepEqual(await readKubeconfig(path), JSON.parse(JSON.stringify(kubeconfigOf(entry))));
  const link = join(dir.path, "link");
  await symlink(path, link);
  await mergeIntoKubeconfig(link, { ...entry, name: "second" }, { makeCurrent: true });
  assert.equal((await readKubeconfig(path))?.["current-context"], "second");
});

test("a context's connection comes from data or files, and what is missing is named", async () => {
  await using dir = await folder();
  await writeFile(join(dir.path, "ca.crt"), "WORK CA");
  const config = await parseKubeconfig(OTHERS, "test");
  assert.deepEqual(await connectionOf(config, { baseFolder: dir.path }), {
    server: "https://work.example:443",
    namespace: "team",
    ca: "WORK CA",
    token: "secret",
  });
  assert.deepEqual(await connectionOf(kubeconfigOf(entry), { baseFolder: "/" }), {
    server: entry.server,
    namespace: "default",
    ca: "CA",
    cert: "CERT",
    key: "KEY",
  });
  await assert.rejects(connectionOf(config, { context: "home", baseFolder: "/" }), /context "home" does not exist/);
  await assert.rejects(connectionOf({} satisfies Kubeconfig, { baseFolder: "/" }), /no context is current/);
});
