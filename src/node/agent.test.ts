import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Client } from "#client/client.ts";
import { startAgentServer, type AgentServer } from "#harness/agent-server.ts";
import { ConfigMap, Event, Node, Pod, Secret, type Container } from "#kinds/api/core-v1.gen.ts";
import { realClock } from "#lib/clock.ts";
import { createLogger } from "#lib/log.ts";
import { isNotFound } from "#meta/errors.ts";
import { startNodeAgent, type NodeAgent } from "./agent.ts";
import { createProcessRuntime } from "./process-runtime/process-runtime.ts";
import type { Runtime } from "./runtime.ts";

const log = createLogger({
  level: process.env["KOBUNE_TEST_LOG"] ? "debug" : "error",
  write: (line) => process.stderr.write(`${line}\n`),
  now: Date.now,
});

async function until<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) assert.fail(`not within 15 s: ${what}`);
    await realClock.sleep(10);
  }
}

describe("a node agent with the process runtime", () => {
  let dataDir: string;
  let server: AgentServer;
  let client: Client;
  let runtime: Runtime;
  let agent: NodeAgent;
  const drained: string[] = [];
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "kobune-agent-"));
    server = await startAgentServer(realClock);
    ({ client } = server);
    runtime = await createProcessRuntime({ dataDir: join(dataDir, "runtime"), podCidr: "127.93.1.0/24", clock: realClock, log });
    agent = await startNodeAgent({
      nodeName: "boat",
      client: server.nodeClient("boat"),
      runtime,
      clock: realClock,
      log,
      random: Math.random,
      dataDir,
      apiServerAddress: { host: "127.0.0.1", port: 6443 },
      waitForEndpointRemoval: async (pod) => void drained.push(pod.metadata?.name ?? ""),
    });
    await agent.registered;
  });
  after(async () => {
    await agent?.stop({ killPods: true });
    await runtime?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true, force: true });
  });

  const run = async (name: string, container: Partial<Container>, spec: Partial<NonNullable<Pod["spec"]>> = {}) => {
    await client.create(Pod, {
      metadata: { name, namespace: "default" },
      spec: {
        nodeName: "boat",
        containers: [{ name: "main", image: "any", ...container }],
        terminationGracePeriodSeconds: 5,
        automountServiceAccountToken: false,
        ...spec,
      },
    });
  };
  const pod = (name: string) => client.get(Pod, `default/${name}`);
  const phase = (name: string, wanted: string) =>
    until(`${name} is ${wanted}`, async () => {
      const found = await pod(name);
      return found.status?.phase === wanted && found;
    });
  const gone = (name: string) =>
    until(`${name} is gone`, () =>
      pod(name).then(
        () => false,
        (error: unknown) => isNotFound(error),
      ),
    );
  const output = async (name: string) => {
    const path = await agent.logPath("default", name, "main");
    return (await readFile(path ?? "", "utf8"))
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split(" ").slice(3).join(" "));
  };
  const reasons = async (name: string) =>
    (await client.list(Event, { namespace: "default" })).items
      .filter((event) => event.involvedObject.name === name)
      .map((event) => event.reason);

  it("registers the node as ready, with a lease", async () => {
    const node = await client.get(Node, "/boat");
    assert.equal(node.status?.conditions?.find((condition) => condition.type === "Ready")?.status, "True");
    assert.equal(node.metadata?.labels?.["kubernetes.io/hostname"], "boat");
    assert.match(node.status?.nodeInfo?.containerRuntimeVersion ?? "", /^process:\/\//);
  });

  it("runs a web server until it is deleted, taking it out of the balancers before SIGTERM", async () => {
    const script = `const s = require("http").createServer((q, r) => r.end("hello")).listen(8080); process.on("SIGTERM", () => { console.log("bye"); s.close(); })`;
    await run("web", { command: ["node", "-e", script], readinessProbe: { httpGet: { path: "/", port: 8080 }, periodSeconds: 1 } });
    const ready = await until("web is ready", async () => {
      const found = await pod("web");
      return found.status?.conditions?.find((condition) => condition.type === "Ready")?.status === "True" && found;
    });
    assert.equal(ready.status?.phase, "Running");
    assert.match(ready.status?.podIP ?? "", /^127\.93\.1\./);
    const [status] = ready.status?.containerStatuses ?? [];
    assert.equal(status?.ready, true);
    assert.equal(status?.started, true);
    assert.match(status?.containerID ?? "", /^process:\/\/[0-9a-f]{64}$/);
    assert.equal(await fetchText(ready.status?.podIP ?? "", 8080), "hello");
    await client.delete(Pod, "default/web");
    await gone("web");
    assert.deepEqual(drained, ["web"]);
    assert.deepEqual(await runtime.listContainers(ready.metadata?.uid), []);
    const told = await until("events", async () => (await reasons("web")).includes("Killing") && reasons("web"));
    assert.deepEqual(
      [...told].sort(),
      ["Created", "Killing", "Pulled", "Started", ...told.filter((reason) => reason === "Unhealthy")].sort(),
    );
  });

  it("fills environment and volumes from ConfigMaps, Secrets and the pod itself", async () => {
    await client.create(ConfigMap, { metadata: { name: "settings", namespace: "default" }, data: { color: "blue", "app.conf": "x=1\n" } });
    await client.create(Secret, {
      metadata: { name: "keys", namespace: "default" },
      data: { key: Buffer.from("s3cret").toString("base64") },
    });
    const print = `const fs = require("fs"); const e = process.env;
      console.log([e.COLOR, e.KEY, e.NAME, e.JOINED, e.P_color, e.KUBERNETES_SERVICE_PORT, e.POD_IP === e.MY_IP, process.argv[1]].join());
      console.log(fs.readFileSync("/etc/settings/app.conf", "utf8").trim(), fs.readFileSync("/etc/keys/key", "utf8"), fs.readFileSync("/etc/info/labels", "utf8"));
      fs.writeFileSync("/scratch/f", "1"); fs.writeFileSync("/dev/termination-log", "all is well");`;
    await run(
      "full",
      {
        command: ["node", "-e", print],
        args: ["$(COLOR)-$$(COLOR)"],
        envFrom: [{ prefix: "P_", configMapRef: { name: "settings" } }],
        env: [
          { name: "COLOR", valueFrom: { configMapKeyRef: { name: "settings", key: "color" } } },
          { name: "KEY", valueFrom: { secretKeyRef: { name: "keys", key: "key" } } },
          { name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
          { name: "MY_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
          { name: "JOINED", value: "$(NAME)/$(COLOR)/$(NONE)" },
          { name: "MAYBE", valueFrom: { secretKeyRef: { name: "nope", key: "x", optional: true } } },
        ],
        volumeMounts: [
          { name: "settings", mountPath: "/etc/settings" },
          { name: "keys", mountPath: "/etc/keys", readOnly: true },
          { name: "info", mountPath: "/etc/info" },
          { name: "scratch", mountPath: "/scratch" },
        ],
      },
      {
        restartPolicy: "Never",
        volumes: [
          { name: "settings", configMap: { name: "settings" } },
          { name: "keys", secret: { secretName: "keys" } },
          { name: "info", downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.uid" } }] } },
          { name: "scratch", emptyDir: {} },
        ],
      },
    );
    const ended = await phase("full", "Succeeded");
    assert.deepEqual(await output("full"), [
      "blue,s3cret,full,full/blue/$(NONE),blue,6443,true,blue-$(COLOR)",
      `x=1 s3cret ${ended.metadata?.uid}`,
    ]);
    const terminated = ended.status?.containerStatuses?.[0]?.state?.terminated;
    assert.deepEqual([terminated?.exitCode, terminated?.reason, terminated?.message], [0, "Completed", "all is well"]);
    assert.equal(ended.status?.conditions?.find((condition) => condition.type === "Ready")?.reason, "PodCompleted");
  });

  it("waits for a missing ConfigMap and goes on when it comes", async () => {
    await run(
      "late",
      { command: ["sh", "-c", "echo $VALUE"], env: [{ name: "VALUE", valueFrom: { configMapKeyRef: { name: "later", key: "v" } } }] },
      { restartPolicy: "Never" },
    );
    await until("the error shows", async () => {
      const waiting = (await pod("late")).status?.containerStatuses?.[0]?.state?.waiting;
      return waiting?.reason === "CreateContainerConfigError" && waiting.message === 'configmap "later" not found';
    });
    await client.create(ConfigMap, { metadata: { name: "later", namespace: "default" }, data: { v: "here" } });
    await phase("late", "Succeeded");
    assert.deepEqual(await output("late"), ["here"]);
  });

  it("waits for a missing volume source, says so, and goes on when it comes", async () => {
    await run(
      "mount",
      { command: ["cat", "/in/v"], volumeMounts: [{ name: "in", mountPath: "/in" }] },
      { restartPolicy: "Never", volumes: [{ name: "in", configMap: { name: "later-still" } }] },
    );
    await until("FailedMount", async () => (await reasons("mount")).includes("FailedMount"));
    const waiting = async () => (await pod("mount")).status?.containerStatuses?.[0]?.state?.waiting?.reason;
    await until("it waits", async () => (await waiting()) === "ContainerCreating");
    await client.create(ConfigMap, { metadata: { name: "later-still", namespace: "default" }, data: { v: "now" } });
    await phase("mount", "Succeeded");
  });

  it("brings changed ConfigMaps into running containers", async () => {
    await client.create(ConfigMap, { metadata: { name: "live", namespace: "default" }, data: { v: "one" } });
    await run(
      "watcher",
      {
        command: ["sh", "-c", "until grep -q two /live/v; do sleep 0.02; done; echo seen"],
        volumeMounts: [{ name: "live", mountPath: "/live" }],
      },
      { restartPolicy: "Never", volumes: [{ name: "live", configMap: { name: "live" } }] },
    );
    await phase("watcher", "Running");
    await client.patch(ConfigMap, "default/live", { data: { v: "two" } });
    await phase("watcher", "Succeeded");
  });

  it("runs init containers in order, a sidecar beside the rest, and stops the sidecar last", async () => {
    const sh = (name: string, script: string, more: Partial<Container> = {}): Container => ({
      name,
      image: "any",
      command: ["sh", "-c", script],
      volumeMounts: [{ name: "log", mountPath: "/log" }],
      ...more,
    });
    await run(
      "order",
      { command: ["sh", "-c", "echo main >> /log/f; sort -c /dev/null; cat /log/f"], volumeMounts: [{ name: "log", mountPath: "/log" }] },
      {
        restartPolicy: "Never",
        volumes: [{ name: "log", emptyDir: {} }],
        initContainers: [
          sh("first", "sleep 0.1; echo first >> /log/f"),
          sh("side", "echo side >> /log/f; trap 'exit 0' TERM; while :; do sleep 0.05; done", {
            restartPolicy: "Always",
            startupProbe: { exec: { command: ["grep", "-q", "side", "/log/f"] }, periodSeconds: 1 },
          }),
          sh("third", "echo third >> /log/f"),
        ],
      },
    );
    const ended = await phase("order", "Succeeded");
    assert.deepEqual(await output("order"), ["first", "side", "third", "main"]);
    await until("sidecar ended", async () => (await pod("order")).status?.initContainerStatuses?.[1]?.state?.terminated?.exitCode === 0);
    assert.equal(ended.status?.initContainerStatuses?.[0]?.state?.terminated?.reason, "Completed");
  });

  it("restarts what crashes, then backs off", async () => {
    await run("crash", { command: ["sh", "-c", "echo oops; exit 3"], terminationMessagePolicy: "FallbackToLogsOnError" });
    const found = await until("backs off", async () => {
      const now = await pod("crash");
      return now.status?.containerStatuses?.[0]?.state?.waiting?.reason === "CrashLoopBackOff" && now;
    });
    const [status] = found.status?.containerStatuses ?? [];
    assert.equal(status?.restartCount, 1);
    assert.equal(
      status?.state?.waiting?.message,
      `back-off 10s restarting failed container=main pod=crash_default(${found.metadata?.uid})`,
    );
    assert.deepEqual([status?.lastState?.terminated?.exitCode, status?.lastState?.terminated?.message], [3, "oops\n"]);
    assert.equal(found.status?.phase, "Running");
    assert.ok(await agent.logPath("default", "crash", "main", { previous: true }));
    await client.delete(Pod, "default/crash");
    await gone("crash");
  });

  it("restarts what fails its liveness probe", async () => {
    await run("sick", {
      command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"],
      livenessProbe: { exec: { command: ["false"] }, periodSeconds: 1, failureThreshold: 1 },
    });
    await until("restarted", async () => ((await pod("sick")).status?.containerStatuses?.[0]?.restartCount ?? 0) > 0);
    await until("events", async () => (await reasons("sick")).includes("Unhealthy"));
    await client.delete(Pod, "default/sick", { gracePeriodSeconds: 0 });
    await gone("sick");
  });

  it("runs hooks: postStart before it counts as started, preStop before SIGTERM", async () => {
    await run(
      "hooks",
      {
        command: ["sh", "-c", "trap 'echo term >> /h/f; cat /h/f > /keep/f; exit 0' TERM; while :; do sleep 0.02; done"],
        lifecycle: {
          postStart: { exec: { command: ["sh", "-c", "echo post >> /h/f"] } },
          preStop: { exec: { command: ["sh", "-c", "echo pre >> /h/f"] } },
        },
        volumeMounts: [
          { name: "h", mountPath: "/h" },
          { name: "keep", mountPath: "/keep" },
        ],
      },
      {
        volumes: [
          { name: "h", emptyDir: {} },
          { name: "keep", hostPath: { path: join(dataDir, "keep"), type: "DirectoryOrCreate" } },
        ],
      },
    );
    await phase("hooks", "Running");
    await realClock.sleep(100);
    await client.delete(Pod, "default/hooks");
    await gone("hooks");
    assert.equal(await readFile(join(dataDir, "keep/f"), "utf8"), "post\npre\nterm\n");
  });

  it("ends a pod that is over its deadline", async () => {
    await run("slow", { command: ["sleep", "100"] }, { activeDeadlineSeconds: 1, terminationGracePeriodSeconds: 1 });
    const failed = await phase("slow", "Failed");
    assert.deepEqual(
      [failed.status?.reason, failed.status?.message],
      ["DeadlineExceeded", "Pod was active on the node longer than the specified deadline"],
    );
    await until("its program is ended", async () =>
      (await runtime.listContainers(failed.metadata?.uid)).every((state) => state.phase === "exited"),
    );
  });

  it("gives pods a ServiceAccount token that is bound to them", async () => {
    const path = "/var/run/secrets/kubernetes.io/serviceaccount";
    await run(
      "token",
      {
        command: ["sh", "-c", `cat ${path}/token; echo; cat ${path}/namespace`],
        volumeMounts: [{ name: "api", mountPath: path, readOnly: true }],
      },
      {
        restartPolicy: "Never",
        volumes: [
          {
            name: "api",
            projected: {
              sources: [
                { serviceAccountToken: { path: "token", expirationSeconds: 3607 } },
                { downwardAPI: { items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }] } },
              ],
            },
          },
        ],
      },
    );
    const ended = await phase("token", "Succeeded");
    const [token = "", namespace] = await output("token");
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
    assert.equal(claims.sub, "system:serviceaccount:default:default");
    assert.equal(claims["kubernetes.io"].pod.uid, ended.metadata?.uid);
    assert.equal(namespace, "default");
  });

  it("says what is wrong with a pod that cannot start: no command, or no image name", async () => {
    const messages = async (name: string) =>
      (await client.list(Event, { namespace: "default" })).items
        .filter((event) => event.involvedObject.name === name)
        .map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
    const cases: [name: string, container: Partial<Container>, waiting: string, events: RegExp[]][] = [
      [
        "bare",
        { image: "nginx" },
        "CreateContainerError",
        [
          /^Warning Failed: Error: no command specified: the process runtime runs programs of this host and does not pull nginx; set command or args of container "main"$/,
        ],
      ],
      [
        "misnamed",
        { image: "Nginx", command: ["true"] },
        "InvalidImageName",
        [
          /^Warning InspectFailed: Failed to apply default image tag "Nginx": couldn't parse image name "Nginx": invalid reference format: repository name \(library\/Nginx\) must be lowercase$/,
          /^Warning Failed: Error: InvalidImageName$/,
        ],
      ],
    ];
    for (const [name, container, reason, events] of cases) {
      await run(name, container);
      const found = await until(`${name} waits`, async () => {
        const now = await pod(name);
        return now.status?.containerStatuses?.[0]?.state?.waiting?.reason === reason && now;
      });
      assert.equal(found.status?.phase, "Pending");
      for (const event of events)
        await until(`event of ${name}: ${event}`, async () => (await messages(name)).some((text) => event.test(text)));
      await client.delete(Pod, `default/${name}`, { gracePeriodSeconds: 0 });
    }
  });

  it("says when a program is missing", async () => {
    await run("nothing", { command: ["no-such-program"] }, { restartPolicy: "Never" });
    const failed = await phase("nothing", "Failed");
    const terminated = failed.status?.containerStatuses?.[0]?.state?.terminated;
    assert.equal(terminated?.reason, "StartError");
    assert.match(terminated?.message ?? "", /exec: "no-such-program": executable file not found in \$PATH/);
  });
});

function fetchText(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    get({ host, port, agent: false }, (response) => {
      let body = "";
      response.on("data", (chunk) => (body += String(chunk)));
      response.on("end", () => resolve(body));
    }).on("error", () => resolve(undefined));
  });
}
