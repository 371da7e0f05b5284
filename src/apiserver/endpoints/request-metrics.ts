// Counts requests by upstream's metric names. Labels are only ever names of served kinds, so that their number is bounded.

import type { ApiResponse } from "../http.ts";
import type { RequestInfo } from "../request-info.ts";

/** Upper bounds in seconds, upstream's. */
const BUCKETS: readonly number[] = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

interface Series {
  readonly labels: string;
  readonly codes: Map<number, number>;
  /** Requests in each bucket, not cumulated; the last is beyond all bounds. */
  readonly buckets: Float64Array;
  seconds: number;
  running: number;
}

export interface RequestMetrics {
  /** Counts an answered request that took `ms`. */
  count(info: RequestInfo, code: number, ms: number): void;
  /** Counts a watch as long as it runs. */
  track(info: RequestInfo, response: ApiResponse): ApiResponse;
  render(): string;
}

export function createRequestMetrics(isServed: (info: RequestInfo) => boolean): RequestMetrics {
  const all = new Map<string, Series>();
  const seriesOf = (info: RequestInfo): Series => {
    const key = `${info.verb} ${info.apiGroup}/${info.apiVersion}/${info.resource}/${info.subresource}`;
    const found = all.get(key);
    if (found) return found;
    const served = info.isResourceRequest && isServed(info);
    const labels = served ? labelsOf(info) : labelsOf({ verb: verbOf(info) });
    const name = served ? key : labels;
    let series = all.get(name);
    if (!series) {
      series = { labels, codes: new Map(), buckets: new Float64Array(BUCKETS.length + 1), seconds: 0, running: 0 };
      all.set(name, series);
    }
    return series;
  };
  return {
    count(info, code, ms) {
      const series = seriesOf(info);
      series.codes.set(code, (series.codes.get(code) ?? 0) + 1);
      const seconds = ms / 1000;
      let bucket = 0;
      while (bucket < BUCKETS.length && seconds > (BUCKETS[bucket] ?? 0)) bucket++;
      series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
      series.seconds += seconds;
    },
    track(info, response) {
      const { push } = response;
      if (!push) return response;
      const series = seriesOf(info);
      return {
        ...response,
        push(sink) {
          series.running++;
          const stop = push(sink);
          let running = true;
          return () => {
            if (running) series.running--;
            running = false;
            stop();
          };
        },
      };
    },
    render: () => renderSeries([...all.values()]),
  };
}

const KNOWN_METHODS: ReadonlySet<string> = new Set(["get", "put", "post", "patch", "delete", "head", "options", "list", "watch"]);

function verbOf(info: RequestInfo): string {
  return KNOWN_METHODS.has(info.verb) ? info.verb : "other";
}

function labelsOf(info: Partial<RequestInfo>): string {
  const { verb = "", apiGroup = "", apiVersion = "", resource = "", subresource = "" } = info;
  return `group="${apiGroup}",resource="${resource}",subresource="${subresource}",verb="${verb.toUpperCase()}",version="${apiVersion}"`;
}

function renderSeries(all: readonly Series[]): string {
  const lines = [
    "# HELP apiserver_request_total Requests answered, by code.",
    "# TYPE apiserver_request_total counter",
    ...all.flatMap(({ labels, codes }) =>
      Array.from(codes, ([code, count]) => `apiserver_request_total{code="${code}",${labels}} ${count}`),
    ),
    "# HELP apiserver_request_duration_seconds How long requests took.",
    "# TYPE apiserver_request_duration_seconds histogram",
  ];
  for (const { labels, buckets, seconds } of all) {
    let sum = 0;
    for (const [index, count] of buckets.entries()) {
      sum += count;
      lines.push(`apiserver_request_duration_seconds_bucket{${labels},le="${BUCKETS[index] ?? "+Inf"}"} ${sum}`);
    }
    lines.push(
      `apiserver_request_duration_seconds_sum{${labels}} ${seconds}`,
      `apiserver_request_duration_seconds_count{${labels}} ${sum}`,
    );
  }
  lines.push(
    "# HELP apiserver_longrunning_requests Watches under way.",
    "# TYPE apiserver_longrunning_requests gauge",
    ...all.filter(({ running }) => running > 0).map(({ labels, running }) => `apiserver_longrunning_requests{${labels}} ${running}`),
  );
  return `${lines.join("\n")}\n`;
}
