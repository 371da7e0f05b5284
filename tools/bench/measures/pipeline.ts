// What a request costs on the way from the decoded head to the stored bytes and back: the API server with all its kinds, access control and
// admission in this process, a store in memory, no sockets, no control loops.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApiServer } from "#apiserver/api-server.ts";
import { ensureCertificates } from "#apiserver/auth/certificates.ts";
import { inProcessTransport, type InProcessRequest } from "#apiserver/in-process.ts";
import { realClock } from "#lib/clock.ts";
import { silentLogger } from "#lib/log.ts";
import { simulatedPlan } from "#main/address-plan.ts";
import { serverParts } from "#main/server-parts.ts";
import { createMemoryStore } from "#store/memory-store.ts";
import { figure, type Figure, type Measure } from "../figures.ts";
import { median } from "../load.ts";
import { deployment } from "./field-manager.ts";
import { configMap, pod } from "./requests.ts";

const USER = { name: "bench", groups: ["system:masters", "system:authenticated"] };
const JSON_BODY = { "content-type": "application/json" };
const APPLY_BODY = { "content-type": "application/apply-patch+yaml" };
const MAPS = "/api/v1/namespaces/bench/configmaps";
const PODS = "/api/v1/namespaces/bench/pods";
const DEPLOYMENTS = "/apis/apps/v1/namespaces/bench/deployments";
/** Requests under way at once, as a server under load has them. */
const CLIENTS = 64;
const OBJECTS = 64;

export const pipeline: Measure = async ({ quick }) => {
  const folder = mkdtempSync(join(tmpdir(), "kobune-bench-"));
  try {
    const clock = realClock;
    const certificates = await ensureCertificates(join(folder, "tls"), { names: ["127.0.0.1"], clock });
    const random = Math.random;
    const store = createMemoryStore();
    await using server = await createApiServer({
      store,
      clock,
      log: silentLogger,
      random,
      ...serverParts({ certificates, plan: simulatedPlan, clock, random }),
    });
    const send = inProcessTransport(server, USER, "bench/1.0");
    const ask = async (request: InProcessRequest) => {
      const { status, body } = await send(request);
      if (status > 299) throw new Error(`${request.method} ${request.path}: ${status} ${Buffer.from(body as Uint8Array).toString()}`); // failures have whole bodies
    };
    const post = (path: string, text: string) => ask({ method: "POST", path, headers: JSON_BODY, body: Buffer.from(text) });
    await post("/api/v1/namespaces", JSON.stringify({ metadata: { name: "bench" } }));
    await post("/api/v1/namespaces/bench/serviceaccounts", JSON.stringify({ metadata: { name: "default" } }));

    const map = configMap("%n").replaceAll("%t", "0");
    const podText = pod("%n", { schedulerName: "none" });
    const many = <T>(make: (index: number) => T) => Array.from({ length: OBJECTS }, (_, index) => make(index));
    for (const text of many((index) => map.replace("%n", `u-${index}`))) await post(MAPS, text);
    for (const text of many((index) => podText.replace("%n", `p-${index}`))) await post(PODS, text);
    let run = 0;
    const apply = (index: number, tag: number) =>
      ask({
        method: "PATCH",
        path: `${DEPLOYMENTS}/d-${index}`,
        query: new URLSearchParams({ fieldManager: "bench" }),
        headers: APPLY_BODY,
        body: Buffer.from(JSON.stringify({ ...deployment(String(tag)), metadata: { name: `d-${index}`, labels: { app: "web" } } })),
      });
    await Promise.all(many((index) => apply(index, 0)));
    const calls: Readonly<Record<string, () => Promise<void>>> = {
      "GET of a pod": () => ask({ method: "GET", path: `${PODS}/p-${run++ % OBJECTS}` }),
      "create of a ConfigMap of 2 KB": () => post(MAPS, map.replace("%n", `m-${run++}`)),
      "update of a ConfigMap of 2 KB": () => {
        // The path and the body are of one object.
        const name = `u-${run++ % OBJECTS}`;
        const body = Buffer.from(map.replace("%n", name).replace("%n", String(run)));
        return ask({ method: "PUT", path: `${MAPS}/${name}`, headers: JSON_BODY, body });
      },
      "create of a pod": () => post(PODS, podText.replace("%n", `n-${run++}`)),
      "apply of a Deployment that changes a field": () => apply(run++ % OBJECTS, run),
    };
    const figures: Figure[] = [];
    for (const [name, call] of Object.entries(calls)) {
      figures.push(figure(`pipeline: ${name}`, await perCall(quick ? 2_000 : 10_000, call), "us", "of the processor, all threads"));
    }
    return figures;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** The median of several runs. */
async function perCall(count: number, call: () => Promise<void>): Promise<number> {
  const runs: number[] = [];
  for (let run = 0; run < 7; run++) {
    const before = process.cpuUsage();
    let left = count;
    const client = async () => {
      while (left-- > 0) await call();
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    const { user, system } = process.cpuUsage(before);
    runs.push((user + system) / count);
  }
  // The first runs are the compiler's.
  return median(runs.slice(2));
}
