import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, describe, it } from "node:test";
import { realClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/log.ts";
import { logLines, runtimeContract } from "../runtime-contract.ts";
import type { ContainerSpec, Mount, Runtime } from "../runtime.ts";
import { createProcessRuntime } from "./process-runtime.ts";

const create = (dataDir: string, podCidr: string, more: { isolation?: "none" } = {}, hostAddress = "127.0.0.1") =>
  createProcessRuntime({ dataDir, podCidr, hostAddress, clock: realClock, log: silentLogger, ...more });

const plainSpec = (podUid: string, logPath: string): ContainerSpec => ({
  podUid,
  name: "main",
  image: "any",
  env: [],
  mounts: [],
  stdin: false,
  stdinOnce: false,
  tty: false,
  attempt: 0,
  logPath,
  annotations: {},
});

/** A program that runs one container with a child and prints its id. */
const OWNER = `
import { createProcessRuntime } from "./process-runtime.ts";
import { realClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/log.ts";
const dataDir = process.argv.at(-1);
const runtime = await createProcessRuntime({ dataDir, podCidr: "127.92.5.0/24", clock: realClock, log: silentLogger });
const sandbox = await runtime.createSandbox({ namespace: "d", name: "p", uid: "owned", hostname: "p", labels: {}, annotations: {}, hostNetwork: false });
const spec = { podUid: "owned", name: "main", image: "any", env: [], mounts: [], stdin: false, stdinOnce: false, tty: false, attempt: 0, annotations: {} };
const command = ["sh", "-c", "sleep 331 & exec sleep 332"];
console.log(await runtime.startContainer(sandbox.id, { ...spec, logPath: dataDir + "/0.log", command }));
setInterval(() => {}, 1000);
`;

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await done())) {
    if (Date.now() > deadline) assert.fail(`not within 10 s: ${what}`);
    await realClock.sleep(10);
  }
}

runtimeContract("the process runtime", {
  create: (dataDir) => create(dataDir, "127.91.1.0/24"),
  until,
  runs: { command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"] },
  ends: (exitCode) => ({ command: ["sh", "-c", `exit ${exitCode}`] }),
});

describe("the process runtime", () => {
  let dataDir: string;
  let runtime: Runtime;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "kobune-process-"));
    runtime = await create(dataDir, "127.92.1.0/24");
  });
  after(async () => {
    await runtime[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  });

  let count = 0;
  const start = async (over: Partial<ContainerSpec>, on: Runtime = runtime) => {
    const uid = `uid-${++count}`;
    const sandbox = await on.createSandbox({
      namespace: "default",
      name: `pod-${count}`,
      uid,
      hostname: `pod-${count}`,
      labels: {},
      annotations: {},
      hostNetwork: false,
    });
    const logPath = join(dataDir, "logs", uid, "0.log");
    const id = await on.startContainer(sandbox.id, { ...plainSpec(uid, logPath), ...over });
    const state = async () => (await on.listContainers(uid)).find((container) => container.id === id);
    return {
      id,
      uid,
      logPath,
      state,
      sandbox,
      ip: sandbox.ips[0] ?? "",
      ended: () => until("ended", async () => (await state())?.phase === "exited"),
    };
  };
  const mount = async (name: string, containerPath: string, text = "hello\n"): Promise<Mount> => {
    const hostPath = join(dataDir, "volumes", name);
    await mkdir(hostPath, { recursive: true });
    await writeFile(join(hostPath, "file"), text);
    return { hostPath, containerPath, readOnly: true };
  };

  it("writes output with its stream and marks unfinished lines", async () => {
    const container = await start({ command: ["sh", "-c", "echo out; echo err >&2; printf tail"] });
    await container.ended();
    assert.deepEqual((await logLines(container.logPath)).sort(), ["stderr F err", "stdout F out", "stdout P tail"]);
  });

  it("shows mounts at their container paths, whether or not these exist on the host", async () => {
    const mounts = [
      await mount("config", "/etc/kobune-test/config"),
      await mount("token", "/var/run/secrets/kubernetes.io/serviceaccount"),
      await mount("top", "/kobune-test-top"),
      await mount("shadow", "/mnt"),
      await mount("inner", "/kobune-test-top/inner"),
    ];
    const command = [
      "node",
      "-e",
      `for (const p of ${JSON.stringify(mounts.map((item) => item.containerPath))}) console.log(require("fs").readFileSync(p + "/file", "utf8").trim(), p)`,
    ];
    const container = await start({ command, mounts });
    await container.ended();
    assert.deepEqual(
      await logLines(container.logPath),
      mounts.map((item) => `stdout F hello ${item.containerPath}`),
    );
    await assert.rejects(stat("/kobune-test-top"), "the host's own tree is untouched");
  });

  it("keeps read-only mounts read-only and gives writable ones through", async () => {
    const readOnly = await mount("ro", "/kobune-ro");
    const writable = { ...(await mount("rw", "/kobune-rw")), readOnly: false };
    const container = await start({
      command: ["sh", "-c", "echo x > /kobune-ro/new; echo y > /kobune-rw/new; exit 0"],
      mounts: [readOnly, writable],
    });
    await container.ended();
    assert.equal((await stat(join(writable.hostPath, "new"))).isFile(), true);
    // User namespaces may not be allowed to set the flag; docs/process-runtime.md says so.
    if (process.getuid?.() === 0) await assert.rejects(stat(join(readOnly.hostPath, "new")));
  });

  it("offers mounts under KOBUNE_ROOT where no namespace can be had", async () => {
    await using plain = await create(join(dataDir, "plain"), "127.92.2.0/24", { isolation: "none" });
    const container = await start(
      { command: ["sh", "-c", "cat $KOBUNE_ROOT/etc/config/file"], mounts: [await mount("plain", "/etc/config")] },
      plain,
    );
    await container.ended();
    assert.deepEqual(await logLines(container.logPath), ["stdout F hello"]);
  });

  it("lets unmodified Node programs with one port live side by side, each on its pod's address", async () => {
    const script = `require("http").createServer((q, s) => s.end(process.env.POD_IP)).listen(Number(process.env.PORT))`;
    const pods = await Promise.all([1, 2].map(() => start({ command: ["node", "-e", script], env: [{ name: "PORT", value: "18080" }] })));
    for (const pod of pods) await until("answers", async () => (await fetchText(pod.ip, 18080)) === pod.ip);
    const socket = await runtime.connect(pods[0]?.sandbox.id ?? "", 18080);
    socket.destroy();
    for (const pod of pods) await runtime.stopContainer(pod.id, 5000);
    assert.equal((await pods[0]?.state())?.signal, 15);
  });

  it("lets a Node program reach its own pod under localhost", async () => {
    const script = `const h = require("http"); const s = h.createServer((q, r) => r.end("me")).listen(18081, () => fetch("http://localhost:18081").then((r) => r.text()).then((t) => { console.log(t); process.exit(0); }))`;
    const container = await start({ command: ["node", "-e", script] });
    await container.ended();
    assert.deepEqual(await logLines(container.logPath), ["stdout F me"]);
  });

  it("says what is missing when there is no command, or no such program", async () => {
    await assert.rejects(start({}), { reason: "CreateContainerError", message: /no command specified.*set command or args/ });
    await assert.rejects(start({ command: ["no-such-program"] }), {
      reason: "RunContainerError",
      message: /exec: "no-such-program": executable file not found in \$PATH/,
    });
    const [state] = await runtime.listContainers(`uid-${count}`);
    assert.deepEqual([state?.phase, state?.exitCode, state?.reason], ["exited", 128, "StartError"]);
  });

  it("runs a program that lies in a volume", async () => {
    const tool = await mount("tool", "/kobune-tool", "#!/bin/sh\necho ran $0\n");
    await chmod(join(tool.hostPath, "file"), 0o755);
    const container = await start({ command: ["/kobune-tool/file"], mounts: [tool] });
    await container.ended();
    assert.deepEqual(await logLines(container.logPath), ["stdout F ran /kobune-tool/file"]);
  });

  it("kills what ignores SIGTERM when the grace period is over, with its children", async () => {
    const container = await start({ command: ["sh", "-c", "trap '' TERM; setsid sleep 321 & echo ready; sleep 322; sleep 323"] });
    await until("the trap is set", async () => (await logLines(container.logPath)).length === 1);
    await runtime.stopContainer(container.id, 300);
    const state = await container.state();
    assert.deepEqual([state?.exitCode, state?.signal], [137, 9]);
    await until("nothing is left", async () => (await processesMarked(container.id)) === 0);
  });

  it("executes commands beside the program, with its environment, mounts and host name", async () => {
    const container = await start({
      command: ["sleep", "100"],
      env: [{ name: "COLOR", value: "blue" }],
      mounts: [await mount("exec", "/kobune-exec")],
    });
    const run = async (command: string[], stdin?: string, tty = false) => {
      const [input, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
      const out = text(stdout);
      const err = text(stderr);
      if (stdin !== undefined) input.end(stdin);
      const io = { ...(stdin === undefined ? {} : { stdin: input }), stdout, stderr, tty, signal: new AbortController().signal };
      const code = await runtime.exec(container.id, command, io);
      stdout.end();
      stderr.end();
      return { code, out: await out, err: await err };
    };
    assert.deepEqual(await run(["sh", "-c", "echo $COLOR; cat /kobune-exec/file; echo oops >&2; exit 7"]), {
      code: 7,
      out: "blue\nhello\n",
      err: "oops\n",
    });
    assert.deepEqual(await run(["cat"], "through"), { code: 0, out: "through", err: "" });
    if (process.getuid?.() === 0) assert.equal((await run(["hostname"])).out, `pod-${count}\n`);
    assert.match((await run(["tty"], "", true)).out, /^\/dev\/pts\/\d+\r\n/);
    await assert.rejects(run(["nope"]), { message: /executable file not found in \$PATH/ });
    await runtime.stopContainer(container.id, 0);
  });

  it("attaches to the running program", async () => {
    const container = await start({ command: ["sh", "-c", "read line; echo got $line"], stdin: true, stdinOnce: true });
    const [stdin, stdout] = [new PassThrough(), new PassThrough()];
    const out = text(stdout);
    const attached = runtime.attach(container.id, { stdin, stdout, tty: false, signal: new AbortController().signal });
    stdin.write("word\n");
    await attached;
    stdout.end();
    assert.equal(await out, "got word\n");
  });

  it("measures a container's memory", async () => {
    const container = await start({ command: ["sleep", "100"] });
    await until("it uses memory", async () => ((await runtime.stats(container.id))?.memoryBytes ?? 0) > 0);
    await runtime.stopContainer(container.id, 0);
  });

  it(
    "tells the programs on a terminal of its size, and when it changes",
    { skip: process.platform !== "linux" && "needs util-linux's script" },
    async () => {
      const container = await start({ command: ["sleep", "100"] });
      const [stdin, stdout] = [new PassThrough(), new PassThrough()];
      let seen = "";
      stdout.on("data", (chunk) => (seen += String(chunk)));
      const sizes = Promise.withResolvers<void>();
      async function* resize() {
        yield { width: 111, height: 22 };
        await sizes.promise;
        yield { width: 99, height: 33 };
      }
      const stop = new AbortController();
      const command = ["sh", "-c", "trap 'stty size' WINCH; echo ready; while :; do sleep 0.02; stty size; done"];
      const done = runtime.exec(container.id, command, { stdin, stdout, tty: true, resize: resize(), signal: stop.signal });
      await until("the first size", async () => /\b22 111\r/.test(seen));
      sizes.resolve();
      await until("the second size", async () => /\b33 99\r/.test(seen));
      stop.abort();
      await done;
      await runtime.stopContainer(container.id, 0);
    },
  );

  it("leads ports of the node to the pod, over TCP and UDP, as long as it is there", async () => {
    await using server = await create(join(dataDir, "ports"), "127.92.4.0/24", {}, "127.92.4.1");
    const script = `require("net").createServer((s) => s.end("tcp")).listen(7000);
      const u = require("dgram").createSocket("udp4"); u.on("message", (m, r) => u.send("udp " + m, r.port, r.address)); u.bind(7001);`;
    const spec = { namespace: "default", labels: {}, annotations: {}, hostNetwork: false };
    const ports = [
      { hostPort: 17_000, containerPort: 7000, protocol: "TCP" as const },
      { hostPort: 17_001, containerPort: 7001, protocol: "UDP" as const },
    ];
    const sandbox = await server.createSandbox({ ...spec, name: "p", uid: "ports", hostname: "p", ports });
    await server.startContainer(sandbox.id, { ...plainSpec("ports", join(dataDir, "ports.log")), command: ["node", "-e", script] });
    await until("TCP answers", async () => (await readTcp("127.92.4.1", 17_000)) === "tcp");
    assert.equal(await askUdp("127.92.4.1", 17_001, "x"), "udp x");
    await assert.rejects(server.createSandbox({ ...spec, name: "q", uid: "other", hostname: "q", ports }), { code: "EADDRINUSE" });
    await server.removeSandbox(sandbox.id);
    assert.equal(await readTcp("127.92.4.1", 17_000), undefined);
  });

  for (const setpriv of [true, false]) {
    it(`leaves nothing behind when its process is killed, ${setpriv ? "at once" : "where there is no setpriv after the next start"}`, async () => {
      const folder = join(dataDir, `killed-${setpriv}`);
      // A real process of its own, since kill -9 is the point.
      const path = setpriv ? (process.env["PATH"] ?? "") : await pathWithout("setpriv", join(dataDir, "bin"));
      const main = spawn(
        process.execPath,
        ["--disable-warning=ExperimentalWarning", "--input-type=module-typescript", "-e", OWNER, folder],
        {
          stdio: ["ignore", "pipe", "inherit"],
          env: { ...process.env, PATH: path },
          cwd: import.meta.dirname,
        },
      );
      let line = "";
      main.stdout.on("data", (chunk) => (line += String(chunk)));
      await until("the container runs", async () => line.includes("\n"));
      const id = line.trim();
      await until("with its child", async () => (await processesMarked(id)) >= 2);
      main.kill("SIGKILL");
      if (setpriv) await until("the program is gone", async () => !(await isAlive(folder, id)));
      await using next = await create(folder, "127.92.5.0/24");
      const [state] = await next.listContainers("owned");
      assert.deepEqual([state?.id, state?.phase, state?.exitCode], [id, "exited", 137]);
      await until("nothing is left", async () => (await processesMarked(id)) === 0);
    });
  }

  it("ends what an earlier runtime left running and keeps its pods' addresses", async () => {
    const folder = join(dataDir, "recovery");
    const first = await create(folder, "127.92.3.0/24");
    const container = await start({ command: ["sleep", "100"] }, first);
    // No dispose: as after kill -9.
    await using second = await create(folder, "127.92.3.0/24");
    const [state] = await second.listContainers(container.uid);
    assert.deepEqual([state?.phase, state?.exitCode], ["exited", 137]);
    assert.deepEqual((await second.listSandboxes())[0]?.ips, [container.ip]);
    await container.ended();
  });
});

async function processesMarked(id: string): Promise<number> {
  const { processesWithEnv } = await import("./proc.ts");
  return (await processesWithEnv("KOBUNE_CONTAINER", id)).length;
}

/** Whether the container's main process still runs, by what the runtime wrote down. */
async function isAlive(dataDir: string, id: string): Promise<boolean> {
  const { pid } = JSON.parse(await readFile(join(dataDir, "containers", id, "state.json"), "utf8")) as { pid: number };
  const { processStat } = await import("./proc.ts");
  return (await processStat(pid)) !== undefined;
}

/** A PATH that has everything but one program. */
async function pathWithout(program: string, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const part of (process.env["PATH"] ?? "").split(":").toReversed()) {
    for (const name of await readdir(part).catch(() => [])) {
      if (name === program) continue;
      await rm(join(folder, name), { force: true });
      await symlink(join(part, name), join(folder, name));
    }
  }
  return folder;
}

function readTcp(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect({ host, port });
    socket.on("data", (chunk) => (text += String(chunk)));
    socket.on("error", () => resolve(undefined));
    socket.on("close", () => resolve(text));
  });
}

async function askUdp(host: string, port: number, question: string): Promise<string> {
  const socket = createSocket("udp4");
  const answer = new Promise<string>((resolve) => socket.once("message", (message) => resolve(String(message))));
  // Packets may be lost before the program listens.
  const timer = setInterval(() => socket.send(question, port, host), 20);
  try {
    return await answer;
  } finally {
    clearInterval(timer);
    socket.close();
  }
}

async function text(stream: PassThrough): Promise<string> {
  let all = "";
  for await (const chunk of stream) all += String(chunk);
  return all;
}

function fetchText(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    get({ host, port, agent: false }, (response) => {
      let body = "";
      response.on("data", (chunk) => (body += String(chunk)));
      response.on("end", () => resolve(body));
    }).on("error", () => resolve(undefined));
  });
}
