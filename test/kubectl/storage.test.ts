// Storage as people use it: claims of the default class on a node that runs programs, their data, and what kubectl tells of them.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Kubectl, startTestCluster, type TestCluster } from "#harness/cluster.ts";
import { until } from "#harness/until.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;
const dataDir = mkdtempSync(join(tmpdir(), "kobune-storage-"));
const folder = join(dataDir, "nodes", "kobune", "local-path");

before(async () => {
  testCluster = await startTestCluster({ dataDir, store: "memory" });
  kubectl = testCluster.kubectl;
});
after(async () => {
  await testCluster[Symbol.asyncDispose]();
  rmSync(dataDir, { recursive: true, force: true });
});

const CLAIM_SPEC = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };

const claim = (name: string): object => ({ apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name }, spec: CLAIM_SPEC });

interface Use {
  readonly readOnly?: boolean;
  readonly mount?: object;
}

/** Runs the script with the claim at $DIR. */
const pod = (name: string, claimName: string, script: string, { readOnly = false, mount = {} }: Use = {}): object => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name },
  spec: {
    restartPolicy: "Never",
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: "c",
        image: "any",
        command: ["sh", "-c", script],
        env: [{ name: "DIR", value: "/mnt/data" }],
        volumeMounts: [{ name: "data", mountPath: "/mnt/data", ...mount }],
      },
    ],
    volumes: [{ name: "data", persistentVolumeClaim: { claimName, readOnly } }],
  },
});

const apply = (name: string, object: object) => kubectl("apply", "-f", kubectl.file(`${name}.json`, object));
/** What the pod has said when it has ended. */
async function run(name: string, object: object): Promise<string> {
  await apply(name, object);
  const phase = () => kubectl("get", "pod", name, "-o", "jsonpath={.status.phase}");
  await until(`${name} ended`, async () => ["Succeeded", "Failed"].includes(await phase()));
  const output = await kubectl("logs", name);
  await kubectl("delete", "pod", name);
  return output;
}

const at = '"${KOBUNE_ROOT}$DIR"';

void test("what one pod writes another reads, read-only and below a sub-path too; the folder goes with the claim", async () => {
  const classes = await kubectl("get", "sc");
  assert.match(classes, /^local-path \(default\) +kobune\.dev\/local-path +Delete +WaitForFirstConsumer +true +\d+m?s$/m);
  await apply("claim", claim("data"));
  await until("it waits", async () => /WaitForFirstConsumer/.test(await kubectl("describe", "pvc", "data")));
  assert.match(await kubectl("get", "pvc", "data", "--no-headers"), /^data +Pending +local-path +<unset> +\d+s$/m);

  await run("writer", pod("writer", "data", `mkdir -p ${at}/sub && echo written > ${at}/sub/file`));
  assert.equal(await run("reader", pod("reader", "data", `cat ${at}/sub/file`)), "written\n");
  const refused = await run("keeper", pod("keeper", "data", `echo no > ${at}/sub/other || cat ${at}/sub/file`, { readOnly: true }));
  if (process.getuid?.() === 0) assert.match(refused, /Read-only.*\nwritten\n/s);
  const below = pod("below", "data", `cat ${at}/file`, { mount: { subPath: "sub" } });
  assert.equal(await run("below", below), "written\n");

  const volume = await kubectl("get", "pvc", "data", "-o", "jsonpath={.spec.volumeName}");
  assert.match(
    await kubectl("get", "pv", volume, "--no-headers"),
    new RegExp(`^${volume} +1Gi +RWO +Delete +Bound +default/data +local-path +<unset> +\\d+s$`, "m"),
  );
  const described = await kubectl("describe", "pvc", "data");
  assert.match(described, /Normal +ExternalProvisioning .*persistentvolume-controller .*external provisioner 'kobune\.dev\/local-path'/);
  assert.match(
    described,
    new RegExp(`Normal +ProvisioningSucceeded .* kobune\\.dev/local-path +Successfully provisioned volume ${volume}`),
  );
  assert.deepEqual(readdirSync(folder), [`${volume}_default_data`]);
  await kubectl("delete", "pvc", "data");
  await until("the volume is gone", async () => (await kubectl("get", "pv", "-o", "name")) === "");
  assert.deepEqual(readdirSync(folder), []);
});

void test("kubectl patch makes a claim larger, never smaller, and only where its class allows", async () => {
  await apply("grow", claim("grow"));
  const size = (storage: string) => JSON.stringify({ spec: { resources: { requests: { storage } } } });
  assert.match(
    await kubectl.fails("patch", "pvc", "grow", "-p", size("2Gi")),
    /spec: Forbidden|Only bound persistent volume claims can be expanded/,
  );
  await run("first", pod("first", "grow", "true"));
  await kubectl("patch", "pvc", "grow", "-p", size("2Gi"));
  await until("it grew", async () => / 2Gi +RWO /.test(await kubectl("get", "pvc", "grow")));
  assert.match(await kubectl("get", "pv"), / 2Gi +RWO .*default\/grow/);
  assert.match(await kubectl.fails("patch", "pvc", "grow", "-p", size("1Gi")), /field can not be less than/);
  const described = await kubectl("describe", "pvc", "grow");
  assert.match(described, /Normal +Resizing .*External resizer is resizing volume pvc-/);
  assert.match(described, /Normal +VolumeResizeSuccessful .*Resize volume succeeded/);
});

void test("a StatefulSet's pods keep their data through a rolling update, each its own", async () => {
  const script = `echo "$VERSION" >> ${at}/$HOSTNAME; exec sleep 1000`;
  const set = (version: string) => ({
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db" },
    spec: {
      serviceName: "db",
      replicas: 2,
      selector: { matchLabels: { app: "db" } },
      persistentVolumeClaimRetentionPolicy: { whenDeleted: "Delete" },
      template: {
        metadata: { labels: { app: "db" } },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: "c",
              image: "any",
              command: ["sh", "-c", script],
              env: [
                { name: "DIR", value: "/mnt/data" },
                { name: "VERSION", value: version },
              ],
              volumeMounts: [{ name: "data", mountPath: "/mnt/data" }],
            },
          ],
        },
      },
      volumeClaimTemplates: [{ metadata: { name: "data" }, spec: CLAIM_SPEC }],
    },
  });
  await apply("db", set("one"));
  await kubectl("rollout", "status", "statefulset/db", "--timeout=30s");
  await apply("db", set("two"));
  await kubectl("rollout", "status", "statefulset/db", "--timeout=30s");
  for (const name of ["db-0", "db-1"]) {
    const read = () => kubectl("exec", name, "--", "sh", "-c", `cat ${at}/*`);
    await until(`${name} has both`, async () => (await read()) === "one\ntwo\n");
  }
  await kubectl("delete", "statefulset", "db");
  await until("the claims went with it", async () => !/data-db/.test(await kubectl("get", "pvc", "-o", "name")));
});

void test("a folder that is not the provisioner's is nobody's to remove", async () => {
  const outside = mkdtempSync(join(tmpdir(), "kobune-outside-"));
  const node = await kubectl("get", "node", "-o", "jsonpath={.items[0].metadata.name}");
  await apply("trap", {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: {
      name: "trap",
      annotations: { "pv.kubernetes.io/provisioned-by": "kobune.dev/local-path", "kobune.dev/local-path-node": node },
      finalizers: ["external-provisioner.volume.kubernetes.io/finalizer"],
    },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Delete",
      hostPath: { path: outside },
    },
  });
  await kubectl("delete", "pv", "trap");
  await until("the volume is gone", async () => !/trap/.test(await kubectl("get", "pv", "-o", "name")));
  assert.ok(existsSync(outside));
  rmSync(outside, { recursive: true });
});
