import assert from "node:assert/strict";
import { test } from "node:test";
import { createMetricsRegistry } from "./metrics.ts";

test("families render in Prometheus' text form, in order, without empty ones", async () => {
  const metrics = createMetricsRegistry();
  const requests = metrics.counter("requests_total", "Requests.", ["verb", "code"]);
  metrics.gauge("unused", "Never set.");
  const seconds = metrics.histogram("seconds", "Time.", [0.1, 1], ["verb"]);
  metrics.read("gauge", "objects", "Objects.", ["kind"], () => [[['a\n"b\\'], 3]]);
  requests.with("GET", "200").add();
  requests.with("GET", "200").add(2);
  requests.with("PUT", "409").add();
  for (const value of [0.1, 0.5, 7]) seconds.with("GET").observe(value);
  assert.equal(
    await metrics.render(),
    [
      "# HELP requests_total Requests.",
      "# TYPE requests_total counter",
      'requests_total{code="200",verb="GET"} 3',
      'requests_total{code="409",verb="PUT"} 1',
      "# HELP seconds Time.",
      "# TYPE seconds histogram",
      'seconds_bucket{verb="GET",le="0.1"} 1',
      'seconds_bucket{verb="GET",le="1"} 2',
      'seconds_bucket{verb="GET",le="+Inf"} 3',
      'seconds_sum{verb="GET"} 7.6',
      'seconds_count{verb="GET"} 3',
      "# HELP objects Objects.",
      "# TYPE objects gauge",
      'objects{kind="a\\n\\"b\\\\"} 3',
      "",
    ].join("\n"),
  );
});

test("a series without labels has no braces", async () => {
  const metrics = createMetricsRegistry();
  metrics.gauge("up", "Up.").with().set(1);
  metrics.histogram("d", "D.", [1]).with().observe(2);
  const text = await metrics.render();
  assert.match(text, /^up 1$/m);
  assert.match(text, /^d_bucket\{le="\+Inf"\} 1$/m);
  assert.match(text, /^d_count 1$/m);
});
