// Objects that the kubectl tests share.

/** A program that answers `${VERSION}` and its pod's name on port 8080, and ends at SIGTERM. */
const SERVER = `
require("node:http").createServer((request, response) => response.end(process.env.VERSION + " " + process.env.HOSTNAME + "\\n"))
  .listen(8080, () => console.log("listening as " + process.env.VERSION));
process.on("SIGTERM", () => process.exit(0));
`;

export interface DeploymentOptions {
  readonly replicas?: number;
  readonly version?: string;
  readonly strategy?: object;
}

/** A Deployment of an HTTP server with a readiness probe. */
export function webDeployment(name: string, { replicas = 2, version = "v1", strategy }: DeploymentOptions = {}): object {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, labels: { app: name } },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      ...(strategy ? { strategy } : {}),
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 2,
          containers: [
            {
              name: "web",
              image: "node:26",
              command: ["node", "-e", SERVER],
              env: [{ name: "VERSION", value: version }],
              ports: [{ name: "http", containerPort: 8080 }],
              readinessProbe: { httpGet: { path: "/", port: "http" }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  };
}

/** A Deployment of pods that do nothing: they start, and go, at once. */
export function idleDeployment(name: string, replicas = 2): object {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: idleSpec() },
    },
  };
}

export function idlePod(name: string, labels: Readonly<Record<string, string>> = {}): object {
  return { apiVersion: "v1", kind: "Pod", metadata: { name, labels }, spec: idleSpec() };
}

function idleSpec(): object {
  return { terminationGracePeriodSeconds: 2, containers: [{ name: "idle", image: "busybox:1", command: ["sleep", "1000"] }] };
}

/** A pod that runs a shell script, once. */
export function scriptPod(name: string, script: string, spec: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 1,
      containers: [{ name: "script", image: "busybox:1", command: ["sh", "-c", script] }],
      ...spec,
    },
  };
}
