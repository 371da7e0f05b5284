// The real kubectl against nothing but discovery and OpenAPI made from the structure table: what it prints must come from our documents.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readDescriptions } from "#apiserver/openapi-descriptions.ts";
import { openApiPath, openApiRoot, openApiV3, type Descriptions, type OpenApiKind } from "#apiserver/openapi.ts";
import { kubectlPath } from "#harness/kubectl.ts";
import { builtinStructure, type BuiltinResource } from "#kinds/structure.ts";

const root = join(import.meta.dirname, "..");
const structure = builtinStructure();
const folder = mkdtempSync(join(tmpdir(), "kobune-openapi-"));
const kubectl = kubectlPath();
/** Paths that were asked for. */
const asked: string[] = [];
/** What was posted to, with queries. */
const posted: string[] = [];
let server: Server;
let address: string;

before(async () => {
  const descriptionsFile = join(folder, "descriptions.json.gz");
  await run(process.execPath, [join(root, "tools/descriptions.ts"), "--out", descriptionsFile]);
  const documents = documentsOf(await readDescriptions(descriptionsFile));
  server = createServer((request, response) => {
    const path = new URL(request.url ?? "", "http://x").pathname;
    asked.push(path);
    if (request.method === "POST") posted.push(request.url ?? "");
    const body = documents.get(path);
    response.statusCode = body === undefined ? 404 : 200;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(body ?? { kind: "Status", apiVersion: "v1", status: "Failure", reason: "NotFound", code: 404 }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

after(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

void test("kubectl explain shows a field's structure, all the way down", async () => {
  const text = await runKubectl("explain", "pods.spec.containers", "--recursive");
  assert.match(text, /^KIND: +Pod\nVERSION: +v1\n/);
  assert.match(text, /FIELD: containers <\[\]Container>/);
  assert.match(text, /^ {2}name\t<string> -required-$/m);
  assert.match(text, /^ {2}ports\t<\[\]ContainerPort>\n {4}containerPort\t<integer> -required-$/m);
  assert.match(text, /^ {2}livenessProbe\t<Probe>\n {4}exec\t<ExecAction>\n {6}command\t<\[\]string>$/m);
  assert.match(text, /^ {2}resources\t<ResourceRequirements>$/m);
  assert.ok(asked.includes("/openapi/v3/api/v1"), "the text was made from our document");
});

void test("kubectl explain shows descriptions, the kind's and its fields'", async () => {
  const text = await runKubectl("explain", "deployment");
  assert.match(text, /^GROUP: +apps\nKIND: +Deployment\nVERSION: +v1\n/);
  assert.match(text, /Deployment enables declarative updates for Pods and ReplicaSets\./);
  assert.match(text, /^ {2}spec\t<DeploymentSpec>\n {4}DeploymentSpec is the specification of the desired behavior/m);
});

void test("kubectl explain finds kinds of every group and scope", async () => {
  for (const name of ["ingress", "node", "customresourcedefinitions", "storageclass", "localsubjectaccessreviews", "hpa", "apiservices"])
    assert.match(await runKubectl("explain", name), /^KIND: /m, name);
  assert.match(await runKubectl("explain", "hpa", "--api-version=autoscaling/v1"), /VERSION: +v1$/m);
});

void test("kubectl api-resources lists every resource of the table", async () => {
  const lines = (await runKubectl("api-resources", "-o", "wide", "--no-headers")).trimEnd().split("\n");
  const served = structure.resources.filter(({ resource }) => !(resource.group === "autoscaling" && resource.version === "v1"));
  // kubectl lists preferred versions only.
  assert.equal(lines.length, served.length);
  assert.ok(
    lines.some((line) =>
      /^deployments +deploy +apps\/v1 +true +Deployment +create,delete,deletecollection,get,list,patch,update,watch +all$/.test(line),
    ),
  );
  assert.ok(lines.some((line) => /^tokenreviews +authentication.k8s.io\/v1 +false +TokenReview +create *$/.test(line)));
});

void test("kubectl sees that the server validates fields and knows dry-run", async () => {
  const manifest = join(folder, "pod.json");
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "a" }, spec: { containers: [{ name: "a", image: "b" }] } };
  writeFileSync(manifest, JSON.stringify(pod));
  asked.length = 0;
  // Nobody is there to create it: what counts is how kubectl asks.
  await assert.rejects(runKubectl("create", "-f", manifest, "--validate=strict", "--dry-run=server"), /NotFound/);
  const query = "dryRun=All&fieldManager=kubectl-create&fieldValidation=Strict";
  assert.deepEqual(posted, [`/api/v1/namespaces/default/pods?${query}`]);
  assert.ok(!asked.includes("/openapi/v2"), "kubectl fell back to validating by itself");
});

function runKubectl(...args: string[]): Promise<string> {
  return run(kubectl, ["--server", address, "--cache-dir", join(folder, "cache"), ...args]);
}

function run(command: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { env: { HOME: folder }, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${args.join(" ")}: ${stderr}`, { cause: error }));
      else resolve(stdout);
    });
  });
}

/** Every answer of the server, by path: discovery in its old form, and OpenAPI. */
function documentsOf(descriptions: Descriptions | undefined): Map<string, unknown> {
  const documents = new Map<string, unknown>();
  const byGroupVersion = Map.groupBy(structure.resources, ({ resource }) => `${resource.group}/${resource.version}`);
  const groupVersions = [...byGroupVersion.keys()].map((key) => ({ group: key.split("/")[0] ?? "", version: key.split("/")[1] ?? "" }));
  documents.set("/api", { kind: "APIVersions", versions: ["v1"] });
  const groups = [...Map.groupBy(groupVersions, ({ group }) => group)].filter(([group]) => group !== "");
  documents.set("/apis", {
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: groups.map(([name, list]) => {
      const versions = list.map(({ group, version }) => ({ groupVersion: `${group}/${version}`, version }));
      return { name, versions, preferredVersion: versions[0] };
    }),
  });
  documents.set("/openapi/v3", openApiRoot(groupVersions, new Map(groupVersions.map((entry) => [openApiPath(entry), "h1"]))));
  for (const [key, resources] of byGroupVersion) {
    const { group = "", version = "" } = resources[0]?.resource ?? {};
    const path = openApiPath({ group, version });
    const kinds: OpenApiKind[] = resources.map((entry) => ({ ...entry, schema: structure.schema(entry.definitionName) }));
    documents.set(`/openapi/v3/${path}`, openApiV3(kinds, { types: structure, version: "v1.36.1", descriptions }));
    documents.set(`/${path}`, {
      kind: "APIResourceList",
      apiVersion: "v1",
      groupVersion: key.replace(/^\//, ""),
      resources: resources.map(listed),
    });
  }
  return documents;
}

function listed({ resource, singular, shortNames, categories, verbs }: BuiltinResource): object {
  return {
    name: resource.plural,
    singularName: singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs,
    shortNames,
    categories,
  };
}
