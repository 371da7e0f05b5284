import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod, Service } from "#kinds/api/core-v1.gen.ts";
import { expand, makeEnvironment, serviceVariables, type EnvironmentSources } from "./environment.ts";

const service = (name: string, spec: NonNullable<Service["spec"]>, namespace = "default"): Service => ({
  metadata: { name, namespace },
  spec,
});

void test("services are found by the variables that Docker's links had", () => {
  const db = service("my-db", {
    clusterIP: "10.96.0.10",
    ports: [
      { name: "sql", port: 5432 },
      { name: "dns-udp", port: 53, protocol: "UDP" },
    ],
  });
  assert.deepEqual(serviceVariables([db], undefined), {
    MY_DB_SERVICE_HOST: "10.96.0.10",
    MY_DB_SERVICE_PORT: "5432",
    MY_DB_SERVICE_PORT_SQL: "5432",
    MY_DB_SERVICE_PORT_DNS_UDP: "53",
    MY_DB_PORT: "tcp://10.96.0.10:5432",
    MY_DB_PORT_5432_TCP: "tcp://10.96.0.10:5432",
    MY_DB_PORT_5432_TCP_PROTO: "tcp",
    MY_DB_PORT_5432_TCP_PORT: "5432",
    MY_DB_PORT_5432_TCP_ADDR: "10.96.0.10",
    MY_DB_PORT_53_UDP: "udp://10.96.0.10:53",
    MY_DB_PORT_53_UDP_PROTO: "udp",
    MY_DB_PORT_53_UDP_PORT: "53",
    MY_DB_PORT_53_UDP_ADDR: "10.96.0.10",
  });
});

void test("headless and external services have no variables; the API server's are always its own address", () => {
  const services = [
    service("headless", { clusterIP: "None", ports: [{ port: 1 }] }),
    service("external", { type: "ExternalName", externalName: "x.example" }),
    service("kubernetes", { clusterIP: "10.96.0.1", ports: [{ name: "https", port: 443 }] }),
  ];
  const variables = serviceVariables(services, { host: "127.0.0.1", port: 6443 });
  assert.deepEqual([variables["KUBERNETES_SERVICE_HOST"], variables["KUBERNETES_SERVICE_PORT"]], ["127.0.0.1", "6443"]);
  assert.equal(variables["KUBERNETES_SERVICE_PORT_HTTPS"], "6443");
  assert.deepEqual(
    Object.keys(variables).filter((name) => !name.startsWith("KUBERNETES_")),
    [],
  );
  const own = service("kubernetes", { clusterIP: "10.96.0.7", ports: [{ port: 80 }] }, "shop");
  assert.equal(serviceVariables([own], { host: "127.0.0.1", port: 6443 })["KUBERNETES_SERVICE_HOST"], "10.96.0.7");
});

void test("IPv6 addresses are bracketed in links only", () => {
  const variables = serviceVariables([service("v6", { clusterIP: "fd00::1", ports: [{ port: 80 }] })], undefined);
  assert.deepEqual(
    [variables["V6_SERVICE_HOST"], variables["V6_PORT"], variables["V6_PORT_80_TCP_ADDR"]],
    ["fd00::1", "tcp://[fd00::1]:80", "fd00::1"],
  );
});

void test("$(NAME) is replaced, $$ escapes, what is unknown stays", () => {
  const values: Record<string, string> = { A: "1", EMPTY: "" };
  const cases: [text: string, wanted: string][] = [
    ["$(A)", "1"],
    ["$$(A)", "$(A)"],
    ["$$$(A)", "$1"],
    ["$(B)-$(EMPTY)-$A-$", "$(B)--$A-$"],
    ["$($(A))", "$($(A))"],
    ["$(A", "$(A"],
  ];
  for (const [text, wanted] of cases)
    assert.equal(
      expand(text, (name) => values[name]),
      wanted,
      text,
    );
});

const sources: EnvironmentSources = {
  podIps: ["10.0.0.5"],
  hostIps: ["10.0.0.1"],
  allocatable: { cpu: "4", memory: "1Gi" },
  configMap: (name) => (name === "settings" ? { data: { color: "blue", size: "1" } } : undefined),
  secret: (name) => (name === "keys" ? { data: { key: Buffer.from("s3cret").toString("base64") } } : undefined),
  serviceVariables: { WEB_SERVICE_HOST: "10.96.0.9" },
};
const environmentOf = (container: Partial<Container>) => {
  const whole = { name: "c", ...container };
  const pod: Pod = { metadata: { name: "p", namespace: "shop", labels: { app: "x" } }, spec: { containers: [whole] } };
  return Object.fromEntries(makeEnvironment(pod, whole, sources));
};

void test("variables: env wins over envFrom, that over services; references see what is above them", () => {
  const environment = environmentOf({
    envFrom: [{ configMapRef: { name: "settings" } }, { prefix: "S_", secretRef: { name: "keys" } }],
    env: [
      { name: "color", value: "red" },
      { name: "BOTH", value: "$(color) $(WEB_SERVICE_HOST) $(LATER) $(size)" },
      { name: "LATER", value: "x" },
      { name: "WEB_SERVICE_HOST", value: "mine" },
      { name: "LABEL", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
      { name: "NONE", valueFrom: { configMapKeyRef: { name: "nope", key: "k", optional: true } } },
    ],
  });
  assert.deepEqual(environment, {
    color: "red",
    size: "1",
    S_key: "s3cret",
    BOTH: "red 10.96.0.9 $(LATER) $(size)",
    LATER: "x",
    WEB_SERVICE_HOST: "mine",
    LABEL: "x",
    CPU: "4",
  });
});

void test("what is missing and not optional is a configuration error", () => {
  const cases: [container: Partial<Container>, message: string][] = [
    [{ envFrom: [{ configMapRef: { name: "nope" } }] }, 'configmap "nope" not found'],
    [{ envFrom: [{ secretRef: { name: "nope" } }] }, 'secret "nope" not found'],
    [
      { env: [{ name: "A", valueFrom: { configMapKeyRef: { name: "settings", key: "k" } } }] },
      "couldn't find key k in ConfigMap shop/settings",
    ],
    [{ env: [{ name: "A", valueFrom: { secretKeyRef: { name: "keys", key: "k" } } }] }, "couldn't find key k in Secret shop/keys"],
  ];
  for (const [container, message] of cases)
    assert.throws(() => environmentOf(container), { name: "RuntimeError", reason: "CreateContainerConfigError", message });
});
