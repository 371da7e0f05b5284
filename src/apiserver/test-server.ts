// For this folder's tests: two invented kinds, and a server in memory that allows everything unless told otherwise.

import { createVirtualClock, type Clock } from "#lib/clock.ts";
import { silentLogger } from "#lib/log.ts";
import type { KindDefinition } from "#meta/kind.ts";
import type { AnyObject, KubeObject } from "#meta/object.ts";
import type { Field, Schema } from "#meta/schema.ts";
import { createMemoryStore } from "#store/memory-store.ts";
import type { Store } from "#store/store.ts";
import { createApiServer, type ApiServer, type ApiServerOptions } from "./api-server.ts";
import { inProcessTransport, type InProcessRequest } from "./in-process.ts";

const text: Schema = { type: "string" };
const count: Schema = { type: "integer", format: "int32" };

function objectSchema(fields: Readonly<Record<string, Schema | Field>>, name?: string): Schema {
  const entries = Object.entries(fields).map(([key, value]): [string, Field] => [
    key,
    "schema" in value ? value : { name: key, schema: value, required: false },
  ]);
  return { type: "object", fields: new Map(entries), ...(name ? { name } : {}) };
}

const labels: Schema = { type: "map", items: text };
const metadata = objectSchema(
  {
    name: text,
    generateName: text,
    namespace: text,
    uid: text,
    resourceVersion: text,
    generation: count,
    creationTimestamp: { type: "string", format: "date-time" },
    deletionTimestamp: { type: "string", format: "date-time" },
    deletionGracePeriodSeconds: count,
    labels,
    annotations: labels,
    finalizers: { type: "array", items: text },
    ownerReferences: { type: "array", items: objectSchema({ apiVersion: text, kind: text, name: text, uid: text }) },
    managedFields: { type: "array", items: { type: "any" } },
    selfLink: text,
  },
  "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta",
);

export interface Boat extends KubeObject {
  spec?: { replicas?: number; color?: string; selector?: Record<string, string>; parts?: { name: string; size?: number }[] };
  status?: { replicas?: number; phase?: string };
}

const part = objectSchema({ name: text, size: count }, "test.Part");

/** Namespaced, with status and scale, a grace period if spec.color is "slow", and a selectable field. */
export const boats: KindDefinition<Boat> = {
  resource: { group: "sea.example", version: "v1", kind: "Boat", plural: "boats", namespaced: true },
  singular: "boat",
  shortNames: ["bo"],
  categories: ["all"],
  verbs: ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"],
  subresources: [
    { name: "status", kind: "Boat", verbs: ["get", "patch", "update"] },
    { name: "scale", kind: "Scale", group: "autoscaling", version: "v1", verbs: ["get", "patch", "update"] },
  ],
  definitionName: "io.k8s.test.Boat",
  schema: objectSchema(
    {
      kind: text,
      apiVersion: text,
      metadata,
      spec: objectSchema(
        {
          replicas: count,
          color: text,
          selector: labels,
          parts: { name: "parts", schema: { type: "array", items: part }, required: false, patchStrategy: "merge", patchMergeKey: "name" },
        },
        "test.BoatSpec",
      ),
      status: objectSchema({ replicas: count, phase: text }, "test.BoatStatus"),
    },
    "io.k8s.test.Boat",
  ),
  default(boat) {
    boat.spec ??= {};
    boat.spec.replicas ??= 1;
  },
  prepare(next, previous) {
    if (!previous) next.status = { phase: "Docked" };
  },
  validate(next) {
    return (next.spec?.replicas ?? 0) < 0
      ? [
          {
            type: "FieldValueInvalid",
            field: "spec.replicas",
            value: next.spec?.replicas,
            detail: "must be greater than or equal to 0",
          },
        ]
      : [];
  },
  columns: [
    { name: "Name", type: "string", format: "name", value: (boat) => boat.metadata?.name ?? "" },
    { name: "Color", type: "string", value: (boat) => boat.spec?.color ?? "" },
  ],
  selectableFields: (boat) => ({ "status.phase": boat.status?.phase ?? "" }),
  selectableFieldNames: ["status.phase"],
  gracePeriodSeconds: (boat, requested) => (boat.spec?.color === "slow" ? (requested ?? 30) : undefined),
  scale: { specReplicas: ".spec.replicas", statusReplicas: ".status.replicas", selector: ".spec.selector" },
};

/** Cluster-scoped, plain, created by PUT. */
export const ports: KindDefinition = {
  resource: { group: "", version: "v1", kind: "Port", plural: "ports", namespaced: false },
  singular: "port",
  shortNames: [],
  categories: [],
  verbs: ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"],
  subresources: [],
  definitionName: "io.k8s.test.Port",
  schema: objectSchema({ kind: text, apiVersion: text, metadata, data: labels }, "io.k8s.test.Port"),
  createOnUpdate: true,
};

export interface TestServer extends AsyncDisposable {
  readonly server: ApiServer;
  readonly store: Store;
  readonly clock: Clock;
  /** Sends a request as an administrator; the body is encoded as JSON unless it is text. */
  call(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<TestAnswer>;
  /** Opens a watch; `next` resolves to the next event. */
  watch(path: string): TestWatch;
}

export interface TestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly json: AnyObject & { metadata: NonNullable<AnyObject["metadata"]> };
}

export interface TestWatch {
  next(): Promise<{ type: string; object: AnyObject & { metadata: NonNullable<AnyObject["metadata"]> } } | undefined>;
  close(): void;
}

export async function startTestServer(options: Partial<ApiServerOptions> = {}): Promise<TestServer> {
  const store = options.store ?? createMemoryStore();
  const clock = options.clock ?? createVirtualClock();
  let seed = 1;
  const random = () => {
    // Park and Miller: repeatable, good enough for names.
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  const server = await createApiServer({
    store,
    kinds: [boats as unknown as KindDefinition, ports], // a definition's hooks only ever see objects of its kind
    clock,
    log: silentLogger,
    random,
    authenticators: () => [],
    authorizers: () => [{ authorize: () => ({ allowed: true, reason: "" }) }],
    version: { major: "1", minor: "36", gitVersion: "v1.36.0+test" },
    ...options,
  });
  const transport = inProcessTransport(server, { name: "admin", groups: ["system:masters", "system:authenticated"] });
  const request = (method: string, target: string, rest: Partial<InProcessRequest>): InProcessRequest => {
    const [path = "", query = ""] = target.split("?");
    return { method: method as "GET", path, query: new URLSearchParams(query), ...rest };
  };
  return {
    server,
    store,
    clock,
    async call(method, path, body, headers = {}) {
      const encoded = body === undefined ? undefined : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
      const answer = await transport(request(method, path, { headers, ...(encoded ? { body: encoded } : {}) }));
      const bytes: Uint8Array[] = [];
      if (answer.body instanceof Uint8Array) bytes.push(answer.body);
      else if (answer.body) for await (const chunk of answer.body) bytes.push(chunk);
      const content = Buffer.concat(bytes).toString("utf8");
      const isJson = answer.headers["content-type"] === "application/json";
      return { status: answer.status, headers: answer.headers, text: content, json: isJson ? JSON.parse(content) : undefined };
    },
    watch(path) {
      const controller = new AbortController();
      const lines = linesOf(transport(request("GET", path, { signal: controller.signal })));
      return {
        async next() {
          const { value } = await lines.next();
          return value === undefined ? undefined : JSON.parse(value);
        },
        close: () => controller.abort(),
      };
    },
    async [Symbol.asyncDispose]() {
      await server.stop();
      await store.close();
    },
  };
}

async function* linesOf(answer: ReturnType<ReturnType<typeof inProcessTransport>>): AsyncGenerator<string, undefined> {
  const { body } = await answer;
  let rest = "";
  for await (const chunk of body instanceof Uint8Array ? [body] : (body ?? [])) {
    rest += Buffer.from(chunk).toString("utf8");
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      yield rest.slice(0, end);
      rest = rest.slice(end + 1);
    }
  }
  return undefined;
}
