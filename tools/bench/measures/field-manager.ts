// Managed fields and server-side apply, without a server: what each write and each apply costs on the one thread.

import { builtinStructure } from "#kinds/structure.ts";
import { createFieldManager } from "#meta/apply/create-field-manager.ts";
import type { FieldManager, FieldWriter } from "#meta/apply/field-manager.ts";
import type { AnyObject } from "#meta/object.ts";
import { figure, type Measure } from "../figures.ts";
import { median } from "../load.ts";

const WRITER: FieldWriter = { manager: "bench", subresource: "", now: "2026-01-01T00:00:00Z" };
const CONTROLLER: FieldWriter = { manager: "controller", subresource: "status", now: "2026-01-01T00:00:01Z" };
/** As many objects as are used in turn, so that none stays in a processor's cache for being the only one. */
const OBJECTS = 50;

export const measureFieldManager: Measure = ({ quick }) => {
  const rounds = quick ? 20 : 200;
  const configMaps = managerOf("v1", "io.k8s.api.core.v1.ConfigMap");
  const deployments = managerOf("apps/v1", "io.k8s.api.apps.v1.Deployment");
  const applied = deployments.apply(undefined, deployment("1"), WRITER, false);
  const live: AnyObject = { ...applied, status: { replicas: 3, readyReplicas: 3, observedGeneration: 1 } };
  deployments.track(applied, live, CONTROLLER);
  const text = JSON.stringify(live);

  const creates = many(() => configMap());
  const { metadata } = at(creates, 0);
  const updates = many((index) => withImage(parse(text), String(index + 2)));
  const lives = many(() => parse(text));
  const configurations = many((index) => deployment(String(index + 2)));
  return Promise.resolve([
    figure(
      "track of a create, ConfigMap of 2 KB",
      // A fresh object each time: one that was tracked sends managed fields.
      perCall(rounds * 10, (index) => configMaps.track(undefined, { ...at(creates, index), metadata: { ...metadata } }, WRITER)),
      "us",
    ),
    figure(
      "track of an update, Deployment",
      perCall(rounds, (index) => deployments.track(at(lives, index), at(updates, index), CONTROLLER)),
      "us",
      `${text.length} bytes with managed fields`,
    ),
    figure(
      "apply of a Deployment that changes a field",
      perCall(rounds, (index) => void deployments.apply(at(lives, index), at(configurations, index), WRITER, false)),
      "us",
    ),
  ]);
};

function managerOf(apiVersion: string, definition: string): FieldManager {
  const schema = builtinStructure().schema(definition);
  return createFieldManager({ apiVersion, schema, resetFields: (subresource) => (subresource === "" ? [["status"]] : [["spec"]]) });
}

/** The median of several runs, each over all objects many times. */
function perCall(rounds: number, call: (index: number) => void): number {
  const runs = Array.from({ length: 7 }, () => {
    const began = performance.now();
    for (let round = 0; round < rounds; round++) for (let index = 0; index < OBJECTS; index++) call(index);
    return ((performance.now() - began) * 1000) / (rounds * OBJECTS);
  });
  // The first runs are the compiler's.
  return median(runs.slice(2));
}

function many(make: (index: number) => AnyObject): readonly AnyObject[] {
  return Array.from({ length: OBJECTS }, (_, index) => make(index));
}

function at(objects: readonly AnyObject[], index: number): AnyObject {
  const object = objects[index];
  if (!object) throw new Error(`no object ${index}`);
  return object;
}

function parse(text: string): AnyObject {
  return JSON.parse(text) as AnyObject; // written above
}

function configMap(): AnyObject {
  const data = Object.fromEntries(Array.from({ length: 4 }, (_, index) => [`key-${index}`, "x".repeat(480)]));
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "bench", namespace: "default", labels: { app: "bench" } }, data };
}

export function deployment(tag: string): AnyObject {
  const probe = { httpGet: { path: "/healthz", port: 80, scheme: "HTTP" }, periodSeconds: 10, timeoutSeconds: 1, failureThreshold: 3 };
  const container = {
    name: "web",
    image: `web:${tag}`,
    imagePullPolicy: "IfNotPresent",
    ports: [{ containerPort: 80, protocol: "TCP", name: "http" }],
    env: ["A", "B", "C"].map((name) => ({ name, value: name })),
    resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "100m", memory: "128Mi" } },
    volumeMounts: [{ name: "data", mountPath: "/data" }],
    readinessProbe: probe,
    livenessProbe: probe,
  };
  const labels = { app: "web" };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default", labels },
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
      template: { metadata: { labels }, spec: { containers: [container], volumes: [{ name: "data", emptyDir: {} }] } },
    },
  };
}

/** The same Deployment as another client would send it: an image changed, the managed fields as they were read. */
function withImage(object: AnyObject, tag: string): AnyObject {
  return { ...object, spec: deployment(tag)["spec"], status: { replicas: 3, readyReplicas: Number(tag), observedGeneration: 1 } };
}
