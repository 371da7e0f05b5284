// What holds for every runtime. Called from the test file of each implementation.

import assert from "node:assert/strict";
import { readFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { ContainerSpec, ContainerState, Runtime } from "./runtime.ts";

/** How a suite gets a runtime and containers that behave in a given way on it. */
export interface RuntimeFixture {
  readonly create: (dataDir: string) => Promise<Runtime>;
  /** Waits until `done` holds, or fails; on a virtual clock it moves time. */
  readonly until: (what: string, done: () => Promise<boolean>) => Promise<void>;
  /** What makes a container run until stopped (ending with 0 on SIGTERM), or end by itself with a code. */
  readonly runs: Partial<ContainerSpec>;
  readonly ends: (exitCode: number) => Partial<ContainerSpec>;
}

export function runtimeContract(name: string, fixture: RuntimeFixture): void {
  describe(`${name} keeps the runtime contract`, () => {
    let dataDir: string;
    let runtime: Runtime;
    before(async () => {
      dataDir = await mkdtemp(join(tmpdir(), "kobune-runtime-"));
      runtime = await fixture.create(dataDir);
    });
    after(async () => {
      await runtime[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true, force: true });
    });

    let pods = 0;
    const sandbox = async () => {
      const podUid = `uid-${++pods}`;
      const made = await runtime.createSandbox({
        namespace: "default",
        name: `pod-${pods}`,
        uid: podUid,
        hostname: `pod-${pods}`,
        labels: {},
        annotations: {},
        hostNetwork: false,
      });
      return { podUid, ...made };
    };
    const spec = (podUid: string, over: Partial<ContainerSpec>): ContainerSpec => ({
      podUid,
      name: "main",
      image: "example:1",
      env: [],
      mounts: [],
      stdin: false,
      stdinOnce: false,
      tty: false,
      attempt: 0,
      logPath: join(dataDir, "logs", podUid, "main", "0.log"),
      annotations: {},
      ...over,
    });
    const stateOf = async (podUid: string, id: string): Promise<ContainerState> => {
      const state = (await runtime.listContainers(podUid)).find((container) => container.id === id);
      assert.ok(state, `container ${id} is listed`);
      return state;
    };

    it("gives each sandbox its own address and finds the sandbox again by its pod", async () => {
      const [one, two] = [await sandbox(), await sandbox()];
      assert.notEqual(one.ips[0], two.ips[0]);
      const listed = await runtime.listSandboxes();
      assert.equal(listed.find((item) => item.podUid === one.podUid)?.id, one.id);
      await runtime.removeSandbox(one.id);
      await runtime.removeSandbox(one.id);
      assert.equal(
        (await runtime.listSandboxes()).some((item) => item.id === one.id),
        false,
      );
    });

    it("frees the address of a sandbox that is stopped once, and keeps the sandbox until it is removed", async () => {
      const first = await sandbox();
      await runtime.stopSandbox(first.id);
      assert.ok((await runtime.listSandboxes()).some((item) => item.id === first.id));
      // Addresses are handed out in turn: one round is enough to see whether it is free.
      const next = async () => {
        for (let count = 0; count < 260; count++) {
          const other = await sandbox();
          if (other.ips[0] === first.ips[0]) return other;
          await runtime.removeSandbox(other.id);
        }
        return undefined;
      };
      const heir = await next();
      assert.ok(heir, "never handed out again");
      await runtime.stopSandbox(first.id);
      await runtime.removeSandbox(first.id);
      assert.equal(await next(), undefined, "freed though another has it");
      await runtime.removeSandbox(heir.id);
    });

    it("runs a container until it is stopped, and tells of each change", async () => {
      const { podUid, id: sandboxId } = await sandbox();
      let told = 0;
      using _listener = runtime.onChange((uid) => {
        if (uid === podUid) told++;
      });
      const id = await runtime.startContainer(sandboxId, spec(podUid, fixture.runs));
      await fixture.until("container runs", async () => (await stateOf(podUid, id)).phase === "running" && told > 0);
      const beforeStop = told;
      let stopped = false;
      const stopping = runtime.stopContainer(id, 10_000).then(() => {
        stopped = true;
      });
      await fixture.until("container is stopped", async () => stopped);
      await stopping;
      const state = await stateOf(podUid, id);
      assert.equal(state.phase, "exited");
      assert.ok(state.finishedAt !== undefined && state.startedAt !== undefined && state.finishedAt >= state.startedAt);
      assert.ok(told > beforeStop);
      await runtime.stopContainer(id, 10_000);
      await runtime.removeContainer(id);
      await runtime.removeContainer(id);
      assert.deepEqual(await runtime.listContainers(podUid), []);
    });

    it("reports the exit code and reason of a container that ends", async () => {
      const { podUid, id: sandboxId } = await sandbox();
      for (const [exitCode, reason] of [
        [0, "Completed"],
        [3, "Error"],
      ] as const) {
        const id = await runtime.startContainer(sandboxId, spec(podUid, { ...fixture.ends(exitCode), attempt: exitCode }));
        await fixture.until("container ended", async () => (await stateOf(podUid, id)).phase === "exited");
        const state = await stateOf(podUid, id);
        assert.deepEqual([state.exitCode, state.reason, state.attempt], [exitCode, reason, exitCode]);
      }
    });

    it("kills at once when the grace period is zero, also if a longer one runs", async () => {
      const { podUid, id: sandboxId } = await sandbox();
      const id = await runtime.startContainer(sandboxId, spec(podUid, fixture.runs));
      await runtime.stopContainer(id, 0);
      const state = await stateOf(podUid, id);
      assert.deepEqual([state.phase, state.exitCode], ["exited", 137]);
    });

    it("refuses unknown sandboxes and containers", async () => {
      await assert.rejects(runtime.startContainer("none", spec("none", fixture.runs)), { name: "RuntimeError" });
      await assert.rejects(runtime.exec("none", ["true"], { tty: false, signal: new AbortController().signal }), { name: "RuntimeError" });
    });
  });
}

/** The lines of a log file, without time stamps. */
export async function logLines(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.slice(line.indexOf(" ") + 1));
}
