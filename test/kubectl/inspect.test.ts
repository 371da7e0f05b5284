// What kubectl tells of a cluster from outside: dumps, the proxy, raw requests, pages of lists, templates, and words for wrong questions.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startTestCluster, type Kubectl, type TestCluster } from "#harness/cluster.ts";
import { idleDeployment } from "./manifests.ts";

let testCluster: TestCluster;
let kubectl: Kubectl;

before(async () => {
  testCluster = await startTestCluster({ runtime: "simulated" });
  kubectl = testCluster.kubectl;
  await kubectl("apply", "-f", kubectl.file("crew.json", idleDeployment("crew", 1)));
  const items = [3, 1, 2].map((n) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `page-${n}`, labels: { set: "pages", rank: `${(n * 7) % 10}` } },
    data: Object.fromEntries(Array.from({ length: n }, (_, index) => [`k${index}`, "v"])),
  }));
  await kubectl("apply", "-f", kubectl.file("pages.json", { apiVersion: "v1", kind: "List", items }));
  await kubectl("rollout", "status", "deployment/crew", "--timeout=20s");
});
after(() => testCluster[Symbol.asyncDispose]());

const pages = ["get", "configmaps", "-l", "set=pages"];

void test("cluster-info dump writes the lists of each namespace", async () => {
  await kubectl("cluster-info", "dump", "--namespaces=default,kube-system", "--output-directory=dump");
  const folder = join(kubectl.home, "dump");
  assert.deepEqual(readdirSync(folder).sort(), ["default", "kube-system", "nodes.json"]);
  const lists = ["daemonsets", "deployments", "events", "pods", "replicasets", "replication-controllers", "services"].map(
    (name) => `${name}.json`,
  );
  assert.deepEqual(
    readdirSync(join(folder, "default"))
      .filter((name) => name.endsWith(".json"))
      .sort(),
    lists,
  );
  const { kind, items } = JSON.parse(readFileSync(join(folder, "default/deployments.json"), "utf8")) as {
    kind: string;
    items: { metadata: { name: string } }[];
  };
  assert.deepEqual([kind, items[0]?.metadata.name], ["DeploymentList", "crew"]);
});

void test("proxy carries requests of programs without credentials, watches too", async () => {
  await using proxy = kubectl.start("proxy", "--port=0");
  const said = await proxy.printed(/Starting to serve on 127\.0\.0\.1:\d+/);
  const url = `http://127.0.0.1:${/:(\d+)/.exec(said)?.[1]}`;
  const json = async (path: string, init?: RequestInit) => (await (await fetch(url + path, init)).json()) as Record<string, unknown>;
  assert.equal((await json("/version"))["minor"], "36");
  assert.equal((await json("/api/v1/namespaces/default/configmaps"))["kind"], "ConfigMapList");
  const body = JSON.stringify({ metadata: { name: "by-proxy" } });
  assert.equal(
    (await json("/api/v1/namespaces/default/configmaps", { method: "POST", body, headers: { "content-type": "application/json" } }))[
      "kind"
    ],
    "ConfigMap",
  );
  const abort = new AbortController();
  const watch = await fetch(`${url}/api/v1/namespaces/default/configmaps?watch=true&fieldSelector=metadata.name=by-proxy`, {
    signal: abort.signal,
  });
  const first = await watch.body?.getReader().read();
  assert.match(Buffer.from(first?.value ?? []).toString(), /^\{"type":"ADDED","object":\{.*"name":"by-proxy"/);
  abort.abort();
  assert.equal((await fetch(`${url}/api/v1/nowhere`)).status, 404);
});

void test("--chunk-size asks for pages and shows one list", async () => {
  const { stdout, stderr } = await kubectl.run([...pages, "--chunk-size=1", "-o", "name", "-v=8"]);
  assert.equal(stdout, "configmap/page-1\nconfigmap/page-2\nconfigmap/page-3\n");
  assert.equal(stderr.match(/url="[^"]*limit=1/g)?.length, 3);
  assert.equal(stderr.match(/url="[^"]*continue=/g)?.length, 2);
  const all = await kubectl.run([...pages, "--chunk-size=0", "-v=8"]);
  assert.doesNotMatch(all.stderr, /limit=/);
});

void test("--sort-by orders by fields, also of tables; -L, --show-kind, --no-headers", async () => {
  const names = async (...args: string[]) =>
    (await kubectl(...pages, "--no-headers", ...args))
      .split("\n")
      .map((line) => line.split(" ")[0])
      .filter(Boolean);
  assert.deepEqual(await names("--sort-by=.metadata.labels.rank"), ["page-3", "page-2", "page-1"]);
  assert.deepEqual(await names("--sort-by={.metadata.name}"), ["page-1", "page-2", "page-3"]);
  assert.match(await kubectl(...pages, "--show-kind", "-L", "rank"), /^NAME +DATA +AGE +RANK\nconfigmap\/page-1 +1 +\d+s +7\n/);
  assert.equal(await kubectl("get", "pods", "-n", "kube-system", "--sort-by=.metadata.name"), "", "nothing to sort");
});

void test("templates: go-template, files of templates, custom columns of files, jsonpath-as-json", async () => {
  const template = kubectl.file("names.tpl", "{{range .items}}{{.metadata.name}}:{{len .data}} {{end}}");
  assert.equal(await kubectl(...pages, `-o=go-template-file=${template}`), "page-1:1 page-2:2 page-3:3 ");
  const columns = kubectl.file("columns.txt", "NAME RANK\nmetadata.name metadata.labels.rank\n");
  assert.equal(
    await kubectl(...pages, "--sort-by=.metadata.labels.rank", `-o=custom-columns-file=${columns}`),
    "NAME     RANK\npage-3   1\npage-2   4\npage-1   7\n",
  );
  assert.deepEqual(JSON.parse(await kubectl(...pages, "-o", "jsonpath-as-json={.items[*].metadata.labels.rank}")), ["7", "4", "1"]);
  assert.match(await kubectl.fails(...pages, "-o", "nonsense"), /unable to match a printer suitable for the output format "nonsense"/);
  assert.equal(await kubectl(...pages, "-o", "kyaml").then((text) => text.startsWith('---\n{\n  apiVersion: "v1",\n')), true);
});

void test("get by file, of several kinds and of `all`; --ignore-not-found", async () => {
  assert.match(await kubectl("get", "-f", `${kubectl.home}/pages.json`, "--no-headers"), /^page-3 .*\npage-1 .*\npage-2 .*\n$/);
  assert.equal(await kubectl("get", "deployment/crew", "configmap/page-1", "-o", "name"), "deployment.apps/crew\nconfigmap/page-1\n");
  const some = await kubectl.run(["get", "configmap", "page-1", "nobody", "-o", "name"]);
  assert.deepEqual(
    [some.code, some.stdout, some.stderr],
    [1, "configmap/page-1\n", 'Error from server (NotFound): configmaps "nobody" not found\n'],
  );
  const ignored = await kubectl.run(["get", "configmap", "page-1", "nobody", "-o", "name", "--ignore-not-found"]);
  assert.deepEqual([ignored.code, ignored.stdout, ignored.stderr], [0, "configmap/page-1\n", ""]);
  assert.equal(JSON.parse(await kubectl("get", "pods", "-n", "kube-node-lease", "-o", "json")).items.length, 0); // oxlint-disable-line typescript/no-unsafe-member-access -- a List
});

void test("api-versions and api-resources in their forms", async () => {
  const versions = (await kubectl("api-versions")).trim().split("\n");
  assert.deepEqual(versions, versions.toSorted());
  assert.ok(versions.includes("resource.k8s.io/v1") && versions.includes("autoscaling/v1") && versions.includes("autoscaling/v2"));
  assert.match(
    await kubectl("api-resources", "-o", "wide", "--api-group=apps"),
    /^NAME +SHORTNAMES +APIVERSION +NAMESPACED +KIND +VERBS +CATEGORIES\ncontrollerrevisions +apps\/v1 +true +ControllerRevision +create,delete,deletecollection,get,list,patch,update,watch *\n/,
  );
  assert.match(
    await kubectl("api-resources", "--categories=all", "-o", "name", "--sort-by=name"),
    /^cronjobs\.batch\ndaemonsets\.apps\ndeployments\.apps\nhorizontalpodautoscalers\.autoscaling\njobs\.batch\npods\nreplicasets\.apps\nreplicationcontrollers\nservices\nstatefulsets\.apps\n$/,
  );
  for (const [short, name] of [
    ["netpol", "networkpolicies"],
    ["pc", "priorityclasses"],
    ["csr", "certificatesigningrequests"],
    ["sc", "storageclasses"],
    ["ds", "daemonsets"],
    ["ing", "ingresses"],
    ["limits", "limitranges"],
    ["pv", "persistentvolumes"],
  ] as const)
    assert.match(
      await kubectl("get", short, "-v=6")
        .then(() => kubectl.run(["get", short, "-v=6"]))
        .then(({ stderr }) => stderr),
      new RegExp(`/${name}\\?`),
      short,
    );
});

void test("wrong questions are answered in upstream's words", async () => {
  const server = testCluster.cluster.url;
  assert.match(
    await kubectl.fails("get", "pods", "--server=https://127.0.0.1:1"),
    /The connection to the server 127\.0\.0\.1:1 was refused - did you specify the right host or port\?/,
  );
  assert.match(
    await kubectl.fails("get", "pods", `--server=${server}`, "--certificate-authority=", "--tls-server-name=elsewhere"),
    /x509: certificate is valid for .*, not elsewhere/,
  );
  assert.match(await kubectl.fails("get", "pods", "--request-timeout=nonsense"), /Invalid timeout value/);
  assert.match(
    await kubectl.fails("get", "pod/crew", "deployment"),
    /there is no need to specify a resource type as a separate argument when passing arguments in resource\/name form/,
  );
  assert.match(await kubectl.fails("get", "pods", "-l", "a in"), /unable to parse requirement: found '' expected: '\('/);
  assert.match(
    await kubectl.fails("get", "configmaps", "--field-selector=data.k0=v"),
    /Error from server \(BadRequest\): Unable to find "\/v1, Resource=configmaps" that match label selector "", field selector "data\.k0=v": "data\.k0" is not a known field selector: only "metadata\.name", "metadata\.namespace"/,
  );
  assert.match(
    await kubectl.fails("get", "--raw", "/api/v1/pods?limit=many"),
    /Error from server \(BadRequest\): strconv\.ParseInt: parsing "many": invalid syntax|unable to decode|invalid/i,
  );
  assert.match(await kubectl.fails("get", "--raw", "/api/v1/pods?continue=nonsense"), /continue key is not valid/);
  assert.match(
    await kubectl.fails("get", "--raw", "/api/v1/pods?labelSelector=a+in"),
    /Error from server \(BadRequest\): unable to parse requirement/,
  );
  assert.match(await kubectl.fails("get", "--raw", "/api/v2/pods"), /the server could not find the requested resource/);
  assert.match(await kubectl.fails("delete", "pods"), /error: resource\(s\) were provided, but no name was specified/);
  assert.match(
    await kubectl.fails("delete", "pods", "--all", "-l", "a=b"),
    /error: setting 'all' parameter but found a non empty selector/,
  );
  assert.match(
    await kubectl.fails("delete", "namespace", "default"),
    /Error from server \(Forbidden\): namespaces "default" is forbidden: this namespace may not be deleted/,
  );
  assert.match(await kubectl.fails("delete", "configmap", "page-1", "--cascade=nonsense"), /invalid cascade value \(nonsense\)/);
});
