import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Client } from "#client/client.ts";
import type { Pod, VolumeMount } from "#kinds/api/core-v1.gen.ts";
import { createVirtualClock } from "#lib/clock.ts";
import type { References } from "../references.ts";
import { writeAtomically } from "./atomic-writer.ts";
import { setUpHostPath } from "./host-path.ts";
import { containerMounts } from "./mounts.ts";
import { createPodVolumes } from "./pod-volumes.ts";

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "kobune-volumes-"));
});
after(() => rm(dir, { recursive: true, force: true }));

describe("hostPath", () => {
  const outcome = (path: string, type?: string) =>
    setUpHostPath({ path, ...(type === undefined ? {} : { type }) }).then(
      () => "ok",
      (error: Error) => error.message.replace(dir, ""),
    );

  it("checks what is there", async () => {
    const [folder, file, socket] = [join(dir, "folder"), join(dir, "file"), join(dir, "socket")];
    await mkdir(folder);
    await writeFile(file, "");
    const server = createServer().listen(socket);
    await new Promise((resolve) => server.once("listening", resolve));
    const cases: [path: string, type: string, wanted: string][] = [
      [folder, "Directory", "ok"],
      [file, "Directory", "hostPath type check failed: /file is not a directory"],
      [file, "DirectoryOrCreate", "hostPath type check failed: /file is not a directory"],
      [join(dir, "none"), "Directory", "hostPath type check failed: /none is not a directory"],
      [file, "File", "ok"],
      [folder, "FileOrCreate", "hostPath type check failed: /folder is not a file"],
      [join(dir, "none"), "File", "hostPath type check failed: /none is not a file"],
      [socket, "Socket", "ok"],
      [file, "Socket", "hostPath type check failed: /file is not a socket file"],
      ["/dev/null", "CharDevice", "ok"],
      [file, "CharDevice", "hostPath type check failed: /file is not a character device"],
      [file, "BlockDevice", "hostPath type check failed: /file is not a block device"],
    ];
    for (const [path, type, wanted] of cases) assert.equal(await outcome(path, type), wanted, `${type} ${path}`);
    await new Promise((resolve) => server.close(resolve));
  });

  it("makes what may be made", async () => {
    assert.equal(await outcome(join(dir, "made/folder"), "DirectoryOrCreate"), "ok");
    assert.equal((await stat(join(dir, "made/folder"))).mode & 0o777, 0o755);
    assert.equal(await outcome(join(dir, "made/file"), "FileOrCreate"), "ok");
    assert.equal((await stat(join(dir, "made/file"))).isFile(), true);
    assert.equal(await outcome(join(dir, "made/any")), "ok");
    assert.equal((await stat(join(dir, "made/any"))).isDirectory(), true);
  });
});

describe("mounts", () => {
  const mountsOf = async (mount: Partial<VolumeMount>, volume: object = { emptyDir: {} }) => {
    const path = join(dir, "volume");
    await mkdir(join(path, "sub"), { recursive: true });
    const container = { name: "c", volumeMounts: [{ name: "v", mountPath: "/v", ...mount }] };
    const pod: Pod = { metadata: { name: "p" }, spec: { containers: [container], volumes: [{ name: "v", ...volume }] } };
    const environment = new Map([["POD_NAME", "web-1"]]);
    return (await containerMounts(pod, container, new Map([["v", path]]), environment))[0];
  };

  it("mounts a part of a volume, and makes it if it is missing", async () => {
    assert.deepEqual(await mountsOf({ subPath: "sub" }), { hostPath: join(dir, "volume/sub"), containerPath: "/v", readOnly: false });
    const made = await mountsOf({ subPath: "new/deep" });
    assert.equal((await stat(made?.hostPath ?? "")).isDirectory(), true);
  });

  it("fills a part's name from the environment", async () => {
    const mount = await mountsOf({ subPathExpr: "logs/$(POD_NAME)" });
    assert.equal(mount?.hostPath, join(dir, "volume/logs/web-1"));
  });

  it("does not leave the volume, whatever the part's name or links in it say", async () => {
    await mkdir(join(dir, "volume"), { recursive: true });
    await symlink("/etc", join(dir, "volume/link"));
    for (const subPath of ["../outside", "link", "link/ssl"]) {
      await assert.rejects(mountsOf({ subPath }), {
        reason: "CreateContainerConfigError",
        message: `failed to prepare subPath for volumeMount "v" of container "c": subpath ${subPath} leaves the volume`,
      });
    }
  });

  it("makes what is written from objects read-only", async () => {
    assert.equal((await mountsOf({}, { configMap: { name: "m" } }))?.readOnly, true);
    assert.equal((await mountsOf({ readOnly: true }))?.readOnly, true);
  });
});

describe("volumes from objects", () => {
  it("swaps all files at once, and leaves equal ones alone", async () => {
    const folder = join(dir, "atomic");
    const payload = (entries: Record<string, string>) =>
      new Map(Object.entries(entries).map(([path, text]) => [path, { data: Buffer.from(text), mode: 0o640 }]));
    assert.equal(await writeAtomically(folder, payload({ a: "1", "deep/b": "2" }), 1000), true);
    assert.equal(await readFile(join(folder, "deep/b"), "utf8"), "2");
    assert.equal((await stat(join(folder, "a"))).mode & 0o777, 0o640);
    assert.equal(await writeAtomically(folder, payload({ a: "1", "deep/b": "2" }), 2000), false);
    assert.equal(await writeAtomically(folder, payload({ a: "3" }), 3000), true);
    assert.equal(await readFile(join(folder, "a"), "utf8"), "3");
    await assert.rejects(stat(join(folder, "deep")));
    await chmod(join(folder, "a"), 0o600);
    assert.equal(await writeAtomically(folder, payload({ a: "3" }), 4000), true, "a changed mode is put right");
  });

  it("renews tokens when 80 % of their time is over, and keeps the old one while that fails", async () => {
    const clock = createVirtualClock();
    let made = 0;
    let isDown = false;
    const client = {
      async createSubresource() {
        if (isDown) throw new Error("no server");
        return { status: { token: `token-${++made}`, expirationTimestamp: new Date(clock.now() + 3_600_000).toISOString() } };
      },
    } as unknown as Client; // all that tokens ask of it
    const pod: Pod = {
      metadata: { name: "p", namespace: "default", uid: "u" },
      spec: {
        containers: [],
        volumes: [{ name: "api", projected: { sources: [{ serviceAccountToken: { path: "token", expirationSeconds: 3600 } }] } }],
      },
    };
    const volumes = createPodVolumes({ pod, folder: join(dir, "pod"), references: {} as References, client, clock });
    const token = async () => {
      const paths = await volumes.sync(pod, { podIps: [], hostIps: [], allocatable: {} });
      return readFile(join(paths.get("api") ?? "", "token"), "utf8");
    };
    assert.equal(await token(), "token-1");
    assert.equal(volumes.renewAt, clock.now() + 2_880_000);
    await clock.advance(2_879_000);
    assert.equal(await token(), "token-1");
    isDown = true;
    await clock.advance(1000);
    assert.equal(await token(), "token-1");
    assert.equal(volumes.renewAt, clock.now() + 60_000, "not at once again");
    isDown = false;
    await clock.advance(60_000);
    assert.equal(await token(), "token-2");
    assert.equal(volumes.renewAt, clock.now() + 2_880_000);
  });
});
