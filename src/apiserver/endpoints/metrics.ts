// /metrics in the Prometheus text form.

import { groupResource } from "#meta/resource.ts";
import type { Store } from "#store/store.ts";
import type { ApiResponse } from "../http.ts";
import type { KindCatalog } from "../kind-catalog.ts";
import type { RequestMetrics } from "./request-metrics.ts";

export async function renderMetrics(requests: RequestMetrics, catalog: KindCatalog, store: Store, startedMs: number): Promise<ApiResponse> {
  const objects = new Map<string, number>();
  for (const { definition, resource, prefix } of catalog.kinds) {
    if (!definition.virtual) objects.set(groupResource(resource), await store.count(prefix));
  }
  const { user, system } = process.cpuUsage();
  const lines = [
    "# HELP apiserver_storage_objects Stored objects by resource.",
    "# TYPE apiserver_storage_objects gauge",
    ...Array.from(objects, ([resource, count]) => `apiserver_storage_objects{resource="${resource}"} ${count}`),
    "# TYPE process_cpu_seconds_total counter",
    `process_cpu_seconds_total ${(user + system) / 1e6}`,
    "# TYPE process_resident_memory_bytes gauge",
    `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
    "# TYPE process_start_time_seconds gauge",
    `process_start_time_seconds ${startedMs / 1000}`,
  ];
  return {
    status: 200,
    headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
    body: Buffer.from(`${requests.render()}${lines.join("\n")}\n`),
  };
}
