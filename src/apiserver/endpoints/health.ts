// /livez, /readyz and /healthz: whether the server lives and takes requests, in upstream's text form.

import type { Family, Value } from "#lib/metrics.ts";
import { textResponse } from "../encoding/status-response.ts";
import type { ApiResponse } from "../http.ts";
import type { Step } from "../pipeline/exchange.ts";

/** A check by its name. Must be quick; false or a throw fails it. */
export type HealthChecks = Readonly<Record<string, () => boolean | Promise<boolean>>>;

/** By name, status and endpoint. */
export interface HealthMetrics {
  readonly last: Family<Value>;
  readonly total: Family<Value>;
}

/** Answers `/<endpoint>` and `/<endpoint>/<check>`; undefined for other paths. */
export function createHealth(endpoint: string, checks: HealthChecks, metrics: HealthMetrics): (path: string) => Step | undefined {
  const root = `/${endpoint}`;
  return (path) => {
    if (path === root || path === `${root}/`) return (exchange) => answerAll(endpoint, checks, metrics, exchange.request.query);
    if (!path.startsWith(`${root}/`)) return undefined;
    const name = path.slice(root.length + 1);
    const check = checks[name];
    return check && (() => answerOne(name, check));
  };
}

async function passes(check: () => boolean | Promise<boolean>): Promise<boolean> {
  try {
    return await check();
  } catch {
    return false;
  }
}

async function answerOne(name: string, check: () => boolean | Promise<boolean>): Promise<ApiResponse> {
  return (await passes(check)) ? textResponse("ok") : textResponse(`internal server error: ${name} failed: reason withheld\n`, 500);
}

async function answerAll(endpoint: string, checks: HealthChecks, metrics: HealthMetrics, query: URLSearchParams): Promise<ApiResponse> {
  const excluded = new Set(query.getAll("exclude"));
  const lines: string[] = [];
  let failed = 0;
  for (const [name, check] of Object.entries(checks)) {
    if (excluded.delete(name)) {
      lines.push(`[+]${name} excluded: ok`);
      continue;
    }
    const ok = await passes(check);
    metrics.last.with(name, endpoint).set(ok ? 1 : 0);
    metrics.total.with(name, ok ? "success" : "error", endpoint).add();
    if (ok) lines.push(`[+]${name} ok`);
    else {
      failed++;
      lines.push(`[-]${name} failed: reason withheld`);
    }
  }
  if (excluded.size > 0) {
    const names = [...excluded].map((name) => JSON.stringify(name)).join(",");
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names}`);
  }
  if (failed > 0) return textResponse(`${lines.join("\n")}\n${endpoint} check failed\n`, 500);
  return query.has("verbose") ? textResponse(`${lines.join("\n")}\n${endpoint} check passed\n`) : textResponse("ok");
}
