// /metrics in the Prometheus text form.

import { type MetricsRegistry, PROMETHEUS_TEXT } from "#lib/metrics.ts";
import type { ApiResponse } from "../http.ts";

/** What upstream's processes say of themselves. */
export function addProcessMetrics(
  metrics: MetricsRegistry,
  version: { readonly major: string; readonly minor: string; readonly gitVersion: string },
  startedMs: number,
): void {
  const single = (value: () => number) => () => [[[], value()] as const];
  metrics.read(
    "gauge",
    "kubernetes_build_info",
    "A metric with a constant '1' value labeled by major, minor and git version.",
    ["git_version", "major", "minor", "platform"],
    () => [[[version.gitVersion, version.major, version.minor, `${process.platform}/${process.arch}`], 1]],
  );
  metrics.read(
    "counter",
    "process_cpu_seconds_total",
    "Total user and system CPU time spent in seconds.",
    [],
    single(() => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    }),
  );
  metrics.read(
    "gauge",
    "process_resident_memory_bytes",
    "Resident memory size in bytes.",
    [],
    single(() => process.memoryUsage.rss()),
  );
  metrics.read(
    "gauge",
    "process_start_time_seconds",
    "Start time of the process since unix epoch in seconds.",
    [],
    single(() => startedMs / 1000),
  );
}

export async function answerMetrics(metrics: MetricsRegistry): Promise<ApiResponse> {
  return { status: 200, headers: { "content-type": PROMETHEUS_TEXT }, body: Buffer.from(await metrics.render()) };
}
